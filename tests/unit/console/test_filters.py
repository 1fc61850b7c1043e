"""Filters of the Console: what an address says, and the address that says it again."""

from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.requests import Request

from jeton.console.errors import InvalidFilterError
from jeton.console.filters import Filters, parse_filters
from jeton.console.visit import Visit
from jeton.errors import InvalidInputError
from jeton.insight.explore.errors import InvalidStretchError
from jeton.insight.explore.stretches import Stretch

AT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


def parse(query: str, *, default: str = "30d") -> Filters:
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": []}
    # A visit knows more than filters ask for: who it is, and what there is to ask.
    nobody = cast("Any", None)
    visit = Visit(Request(scope), nobody, nobody, "")
    return parse_filters(visit, default=default, at=AT)


def spell(filters: Filters) -> tuple[str, str]:
    return f"{filters.stretch.starts_at:%Y-%m-%d %H:%M}", f"{filters.stretch.ends_at:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("query", "stretch"),
    [
        ("", ("2026-10-25 00:00", "2026-11-24 00:00")),
        ("range=today", ("2026-11-23 00:00", "2026-11-24 00:00")),
        # In Berlin it is half past midnight already.
        ("range=today&zone=Europe/Berlin", ("2026-11-23 23:00", "2026-11-24 23:00")),
        ("range=month&zone=Asia/Kathmandu", ("2026-10-31 18:15", "2026-11-24 18:15")),
        ("range=last-month", ("2026-10-01 00:00", "2026-11-01 00:00")),
        ("from=2026-03-29&until=2026-03-30&zone=Europe/Berlin", ("2026-03-28 23:00", "2026-03-29 22:00")),
        ("from=2026-11-23T10:00Z&until=2026-11-23T11:00Z", ("2026-11-23 10:00", "2026-11-23 11:00")),
        ("from=2026-11-23T10:07Z&until=2026-11-23T10:16Z", ("2026-11-23 10:00", "2026-11-23 10:30")),
        ("from=2026-11-23T10:00&until=2026-11-24&zone=Asia/Tokyo", ("2026-11-23 01:00", "2026-11-23 15:00")),
    ],
)
def test_a_range_is_of_the_days_of_its_zone(query: str, stretch: tuple[str, str]) -> None:
    assert spell(parse(query)) == stretch


@pytest.mark.parametrize(
    "query",
    [
        "range=7d&compare=previous&workspace_id=wrkspc_1&key_id=apikey_1&model=a%26b&service_tier=batch",
        "range=30d&token_class=output_tokens&state=settled&end_user=u1&tag=a",
        "from=2026-03-01&until=2026-03-30&zone=Europe/Berlin",
        "from=2026-11-23T10:15Z&until=2026-11-23T11:00Z&model=%3Cscript%3E",
    ],
)
def test_a_link_says_the_same_filters_again(query: str) -> None:
    filters = parse(query)
    address = urlsplit(filters.link("/console/usage"))
    assert address.path == "/console/usage"
    assert parse(address.query) == filters


def test_a_link_to_an_hour_leaves_the_name_of_the_range_behind() -> None:
    filters = parse("range=7d&model=m")
    starts_at, ends_at = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 10, tzinfo=UTC)
    address = urlsplit(filters.link_to("/console/requests", Stretch(starts_at, ends_at), model=None))
    assert dict(parse_qsl(address.query)) == {"from": "2026-11-23T09:00Z", "until": "2026-11-23T10:00Z"}


@pytest.mark.parametrize(
    "query",
    [
        "range=forever",
        "from=yesterday",
        "from=0001-01-01",
        "from=1969-12-31&until=1970-01-02",
        "until=9999-12-31",
        "from=2026-11-24&until=2026-11-23",
        "zone=Europe/Atlantis",
        "zone=../../etc/passwd",
        "compare=everything",
        "service_tier=priority",
        "token_class=prompt",
        "state=open",
        "model=" + "x" * 257,
        "key_id=a%00b",
    ],
)
def test_what_cannot_be_read_is_named(query: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(query)
    assert isinstance(caught.value, InvalidFilterError | InvalidStretchError) or "time zone" in str(
        caught.value
    )
