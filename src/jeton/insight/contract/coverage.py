"""Coverage: models that are served or used, and days on which they have no price."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from jeton.db.pool import Connection
from jeton.pricing.book import PriceBook

AHEAD_DAYS = 90
USED_DAYS = 90

# Every settled request is one of these sums, over all organizations together.
_USED = "SELECT DISTINCT model FROM accuracy_rollups WHERE day_on >= %s ORDER BY model"
_RECORDED = "SELECT price_version_id, digest, recorded_at FROM price_versions"


@dataclass(frozen=True, slots=True)
class Gap:
    """Days without a price: from ``from_on`` up to, not including, ``until_on`` (None: for good)."""

    model: str
    from_on: date
    until_on: date | None
    is_served: bool
    is_used: bool


async def list_used_models(connection: Connection, at: datetime) -> frozenset[str]:
    """The models of which a request was settled in the last USED_DAYS days."""
    since_on = at.astimezone(UTC).date() - timedelta(days=USED_DAYS)
    rows = await (await connection.execute(_USED, (since_on,))).fetchall()
    return frozenset(model for (model,) in rows)


async def read_recorded(connection: Connection) -> dict[str, tuple[str, datetime]]:
    """Digest and instant of every version on record, by its id."""
    rows = await (await connection.execute(_RECORDED)).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def list_gaps(book: PriceBook, at: datetime, *, served: Iterable[str], used: Iterable[str]) -> list[Gap]:
    """Every gap from now on for AHEAD_DAYS of a model that is served or was used, the first ones first.

    A model that retires has no gap from that day on: it is no longer served.
    """
    today = at.astimezone(UTC).date()
    are_served, are_used = frozenset(served), frozenset(used)
    return sorted(
        (
            Gap(model, from_on, until_on, model in are_served, model in are_used)
            for model in are_served | are_used
            for from_on, until_on in _find_gaps(book, model, today)
        ),
        key=lambda gap: (gap.from_on, gap.model),
    )


def _find_gaps(book: PriceBook, model: str, today: date) -> list[tuple[date, date | None]]:
    timeline = book.timeline(model)
    retires_on = timeline[-1].retires_on if timeline else None
    last_on = min(filter(None, (retires_on, today + timedelta(days=AHEAD_DAYS))))
    found: list[tuple[date, date | None]] = []
    covered_until = today
    for place, version in enumerate(timeline):
        following = timeline[place + 1].from_on if place + 1 < len(timeline) else None
        ends = [on for on in (version.until_on, following) if on is not None]
        ends_on = min(ends, default=None)
        if ends_on is not None and ends_on <= covered_until:
            continue
        if version.from_on > covered_until:
            found.append((covered_until, version.from_on))
        if ends_on is None:
            covered_until = date.max
            break
        covered_until = ends_on
    if covered_until < last_on:
        found.append((covered_until, None))
    return [(from_on, until_on) for from_on, until_on in found if from_on < last_on]
