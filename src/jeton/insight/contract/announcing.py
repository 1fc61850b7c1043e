"""Announcing: prices that are about to change, to whoever uses them, with what that means for them.

Looked for by the notifier: nobody does anything at the moment at which a day comes near.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.contract.repricing import Repriced, read_days, reprice
from jeton.insight.contract.terms import read_own_terms
from jeton.money import render_usd
from jeton.notifications.catalogue.spending import ModelImpact, PriceChangeComing
from jeton.notifications.events import Event
from jeton.pricing.book import PriceBook

# So many days before at the latest; each once.
NOTICE_DAYS = (3, 30)
USED_DAYS = 30
# At a time. Whom a change means nothing is told nothing, and so is looked at again in the next round.
ORGANIZATIONS_MAX = 200
_FIRST = UUID(int=0)
_USED = timedelta(days=USED_DAYS)

_FIND_USERS = """
    SELECT o.organization_id FROM organizations AS o LEFT JOIN alert_choices AS c USING (organization_id)
    WHERE coalesce(c.tells_price_changes, true) AND o.organization_id > %(after_id)s
      AND EXISTS (SELECT FROM usage_rollups AS u WHERE u.organization_id = o.organization_id
                  AND u.day_on >= %(from_on)s AND u.model = ANY (%(models)s))
      AND NOT EXISTS (SELECT FROM events AS e WHERE e.dedup_key = %(key)s || o.organization_id)
    ORDER BY o.organization_id LIMIT %(limit)s
"""


async def find_price_changes(connection: Connection, book: PriceBook, at: datetime) -> Sequence[Event]:
    """A notice for every organization that used a model lately whose price changes within NOTICE_DAYS."""
    events: list[Event] = []
    today = at.astimezone(UTC).date()
    for from_on, models in _list_changes(book, at).items():
        ahead = (from_on - today).days
        days = min((notice for notice in NOTICE_DAYS if ahead <= notice), default=None)
        if days is None:
            continue
        key = f"price_change:{days}:{from_on}:"
        async for organization_id in _list_users(connection, models, key, since=today - _USED):
            repriced = await _rate_again(connection, organization_id, book, models=models, on=from_on, at=at)
            if repriced:
                impacts = tuple(map(_describe, repriced))
                data = PriceChangeComing(from_on=from_on, days=days, models=impacts)
                events.append(Event(data, organization_id, f"{key}{organization_id}", at))
    return events


async def _list_users(
    connection: Connection, models: frozenset[str], key: str, *, since: date
) -> AsyncIterator[UUID]:
    """Who used one of the models since a day, wants to know, and was not told under this key."""
    wanted = {"from_on": since, "models": list(models), "key": key, "limit": ORGANIZATIONS_MAX}
    rows: list[tuple[UUID]] = [(_FIRST,)]
    while rows:
        found = await connection.execute(_FIND_USERS, {**wanted, "after_id": rows[-1][0]})
        rows = await found.fetchall()
        for (organization_id,) in rows:
            yield organization_id


async def list_impacts(
    connection: Connection, organization_id: UUID, book: PriceBook, *, at: datetime
) -> dict[date, list[Repriced]]:
    """What each announced change means for an organization, by its day, where it means anything."""
    found = {}
    for on, models in _list_changes(book, at).items():
        repriced = await _rate_again(connection, organization_id, book, models=models, on=on, at=at)
        if repriced:
            found[on] = repriced
    return found


def _list_changes(book: PriceBook, at: datetime) -> dict[date, frozenset[str]]:
    """The models whose price changes, by the first day of their next version."""
    changes: dict[date, set[str]] = {}
    for model in book.models():
        following = book.next_version(model, at)
        # A model that is new has no price yet that could change.
        if following is not None and book.find_version(model, at) is not None:
            changes.setdefault(following.from_on, set()).add(model)
    return {from_on: frozenset(changes[from_on]) for from_on in sorted(changes)}


async def _rate_again(
    connection: Connection,
    organization_id: UUID,
    book: PriceBook,
    *,
    models: frozenset[str],
    on: date,
    at: datetime,
) -> list[Repriced]:
    """What the last USED_DAYS days and today would have come to; the dearest model first.

    A model that is not sold any more under its new prices is left out: that is no change of a price.
    """
    until_on = at.astimezone(UTC).date() + timedelta(days=1)
    from_on = until_on - timedelta(days=USED_DAYS + 1)
    sums = await read_days(connection, organization_id, from_on=from_on, until_on=until_on)
    own = await read_own_terms(connection, organization_id)
    repriced = reprice([entry for entry in sums if entry.model in models], book, on=on, own=own)
    return sorted(filter(_is_change, repriced), key=lambda one: (-one.charged_nano, one.model))


def _is_change(one: Repriced) -> bool:
    """Whether it is sold, and would not cost exactly the same."""
    if one.low_nano is None or one.high_nano is None:
        return False
    return not one.low_nano == one.high_nano == one.charged_nano


def _describe(one: Repriced) -> ModelImpact:
    return ModelImpact(
        one.model,
        render_usd(one.charged_nano),
        render_usd(one.low_nano or 0),
        render_usd(one.high_nano or 0),
    )
