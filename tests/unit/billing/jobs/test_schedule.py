from datetime import UTC, datetime, timedelta

import pytest

from jeton.billing.jobs.schedule import find_next

AT = datetime(2026, 11, 10, 12, tzinfo=UTC)


def test_a_good_run_is_due_again_after_its_interval_from_its_start() -> None:
    ended_at = AT + timedelta(seconds=2)
    assert find_next(timedelta(seconds=5), started_at=AT, ended_at=ended_at, failures=0) == AT + timedelta(
        seconds=5
    )


def test_one_that_took_longer_is_due_at_once_and_never_twice() -> None:
    ended_at = AT + timedelta(seconds=20)
    assert find_next(timedelta(seconds=5), started_at=AT, ended_at=ended_at, failures=0) == ended_at


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 30), (2, 60), (3, 120), (7, 1_920), (8, 3_600), (50, 3_600)]
)
def test_after_failures_it_waits_longer_and_longer(failures: int, seconds: int) -> None:
    due_at = find_next(timedelta(days=1), started_at=AT, ended_at=AT, failures=failures)
    assert due_at == AT + timedelta(seconds=seconds)
