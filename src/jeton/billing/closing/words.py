"""Words of closing: a month of the house, an item of its checklist, and a closing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from jeton.billing.closing.errors import InvalidMonthError
from jeton.ledger.budgets.windows import find_first_instant

ItemState = Literal["done", "open", "attention"]
ItemKey = Literal["ended", "usage", "unknown", "expiries", "proof", "documents", "payments", "exports"]

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
# A month is shown with the ones before and after it, in any zone, and the calendar ends on both sides.
_YEARS = ("1970", "9998")


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in the zone of the books: from ``starts_at`` until just before ``ends_at``, UTC."""

    name: str
    zone: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be done before a month is closed; ``remedy`` says how, where it is not done.

    ``attention`` does not hinder the closing, ``open`` does.
    """

    key: ItemKey
    state: ItemState
    count: int
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """A month that was closed, and perhaps opened again.

    ``deferred_nano`` is what was deferred at its end; None where nothing was kept of its lots.
    """

    closing_id: str
    period_from: datetime | None
    period_to: datetime
    zone: str
    checklist: Sequence[dict[str, object]]
    reason: str
    closed_at: datetime
    closed_by: str
    reopened_at: datetime | None
    reopened_by: str | None
    reopen_reason: str | None
    deferred_nano: int | None


def parse_month(text: str, zone: ZoneInfo) -> Month:
    """``2026-11`` in a zone; raises InvalidMonthError."""
    match = _MONTH.fullmatch(text.strip())
    if match is None or not _YEARS[0] <= match[1] <= _YEARS[1]:
        raise InvalidMonthError(text)
    return _month(int(match[1]), int(match[2]), zone)


def find_month(at: datetime, zone: ZoneInfo) -> Month:
    """The month that holds an instant."""
    local = at.astimezone(zone)
    return _month(local.year, local.month, zone)


def _month(year: int, month: int, zone: ZoneInfo) -> Month:
    following = date(year + month // 12, month % 12 + 1, 1)
    return Month(
        name=f"{year:04d}-{month:02d}",
        zone=zone.key,
        starts_at=find_first_instant(date(year, month, 1), zone),
        ends_at=find_first_instant(following, zone),
    )
