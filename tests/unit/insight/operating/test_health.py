"""The ingest lag is the age of the oldest that waits."""

from datetime import UTC, datetime, timedelta

import pytest

from jeton.insight.operating.health import Health

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("overdue_s", "event_s", "lag_s"),
    [
        pytest.param(None, None, 0, id="nothing waits"),
        pytest.param(7, None, 7, id="a hold past its time"),
        pytest.param(None, 90, 90, id="an event that was not sent out"),
        pytest.param(7, 90, 90, id="the older one counts"),
    ],
)
def test_the_lag_is_of_the_oldest(overdue_s: int | None, event_s: int | None, lag_s: int) -> None:
    ages = {"overdue_since_at": overdue_s, "oldest_event_at": event_s}
    numbers = {name: None if age is None else AT - timedelta(seconds=age) for name, age in ages.items()}
    assert Health(AT, (), (), numbers, (), ()).lag_s == lag_s
