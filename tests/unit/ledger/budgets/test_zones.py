"""Zones: only names of the IANA database; for others the nearest are named."""

from zoneinfo import ZoneInfo

import pytest

from jeton.ledger.budgets.errors import UnknownZoneError
from jeton.ledger.budgets.zones import parse_zone


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_a_name_of_the_database_is_a_zone(name: str) -> None:
    assert parse_zone(name) == ZoneInfo(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("Asia/Berlin", "Europe/Berlin"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownZoneError, match=f"Did you mean .*{nearest}"):
        parse_zone(name)


@pytest.mark.parametrize(
    "name", ["", "CEST+2", "../etc/passwd", "right/Europe/Berlin", "localtime", "x\0y", "é" * 999]
)
def test_what_this_machine_may_know_beside_is_no_zone(name: str) -> None:
    with pytest.raises(UnknownZoneError):
        parse_zone(name)
