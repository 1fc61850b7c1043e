"""Planning: which period of an organization comes next, and on which basis its documents are made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from jeton.billing.invoicing.drafting.drafting import Basis, draft
from jeton.billing.invoicing.drafting.sources import Wanted, read_prices, read_sources
from jeton.billing.invoicing.drafting.supplements import add_supplements
from jeton.billing.invoicing.drafting.taxing import tax_documents
from jeton.billing.invoicing.drafting.vouchers import add_vouchers
from jeton.billing.invoicing.errors import MissingRateError
from jeton.billing.invoicing.periods import find_next, find_period
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.rates import LEDGER_CURRENCY, find_rates, get_rate
from jeton.billing.invoicing.tax import decide_tax
from jeton.billing.invoicing.words import Profile, Rules
from jeton.billing.words import Document
from jeton.db.pool import Connection
from jeton.insight.periods.used import find_first_uses

_LAST_CLOSED = """
    SELECT organization_id, max(period_to) FROM billing_periods WHERE organization_id = ANY (%s) GROUP BY 1
"""
_BOOKED = "SELECT organization_id, chain_length FROM balances WHERE organization_id = ANY (%s)"
_LOCK_BOOKED = "SELECT chain_length FROM balances WHERE organization_id = %s FOR UPDATE"


async def find_wanted(connection: Connection, profiles: Sequence[Profile]) -> list[Wanted]:
    """The first period of each of these that is not closed, whether it is over or not."""
    ids = [profile.organization_id for profile in profiles]
    closed = await _read_last_closed(connection, ids)
    first_uses = await find_first_uses(connection, [key for key in ids if key not in closed])
    found = []
    for profile in profiles:
        follows = closed.get(profile.organization_id)
        since = min(profile.created_at, first_uses.get(profile.organization_id, profile.created_at))
        period = find_next(ZoneInfo(profile.zone), profile.anchor_day, follows=follows, since=since)
        found.append(Wanted(profile, period, follows))
    return found


async def draft_period(
    connection: Connection, organization_id: UUID, *, rules: Rules, at: datetime
) -> list[Document]:
    """What the period that runs comes to so far: usually one document, and nothing is stored.

    Where the tax service is away it says so. Raises UnknownOrganizationError, MissingRateError where there is
    no exchange rate for its currency, TaxUnaskedError.
    """
    profile = await get_profile(connection, organization_id)
    zone = ZoneInfo(profile.zone)
    follows = (await _read_last_closed(connection, [organization_id])).get(organization_id)
    period = find_period(zone, profile.anchor_day, at)
    if follows is not None and follows > period.period_from:
        period = find_next(zone, profile.anchor_day, follows=follows, since=at)
    drafts = await _draft(connection, Wanted(profile, period, follows), rules, at)
    return tax_documents(drafts, rules, profile.tax_category, is_binding=False)


async def draft_wanted(
    connection: Connection, wanted: Wanted, *, rules: Rules, at: datetime, replaces: str = ""
) -> list[Document]:
    """The documents of one period as they are issued in this transaction, until whose end the books wait.

    ``replaces`` is the one cancelled before. Raises MissingRateError, TaxUnaskedError.
    """
    booked = await lock_booked(connection, wanted.profile.organization_id)
    drafts = await _draft(connection, wanted, rules, at, replaces=replaces)
    drafts = [replace(one, booked_sequence=booked) for one in drafts]
    return tax_documents(drafts, rules, wanted.profile.tax_category, is_binding=True)


async def _draft(
    connection: Connection, wanted: Wanted, rules: Rules, at: datetime, *, replaces: str = ""
) -> list[Document]:
    """The documents of a period with the tax of the settings' rates."""
    currency = find_currency(rules, wanted.profile)
    on = at.astimezone(ZoneInfo(wanted.profile.zone)).date()
    rate = await get_rate(connection, currency, on)
    since = wanted.period.period_from - timedelta(days=rules.lookback_days)
    prices = await read_prices(connection, since=since)
    sources = await read_sources(connection, [wanted], prices, lookback_days=rules.lookback_days)
    await add_vouchers(connection, sources)
    await add_supplements(connection, sources)
    basis = Basis(rules, at, decide_tax(rules, wanted.profile, on), currency, rate, replaces)
    return draft(sources[0], basis)


def find_bases(
    profiles: Collection[Profile], rates: Mapping[str, Fraction], *, rules: Rules, at: datetime
) -> dict[UUID, Basis]:
    """The basis of each of these, with the tax of the settings' rates."""
    found = {}
    for profile in profiles:
        on = at.astimezone(ZoneInfo(profile.zone)).date()
        currency = find_currency(rules, profile)
        found[profile.organization_id] = Basis(
            rules, at, decide_tax(rules, profile, on), currency, rates[currency]
        )
    return found


async def lock_booked(connection: Connection, organization_id: UUID) -> int:
    """How many entries an organization's books have, which stays so until the transaction ends."""
    row = await (await connection.execute(_LOCK_BOOKED, (organization_id,))).fetchone()
    return 0 if row is None else int(row[0])


async def read_booked(connection: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """How many entries the books of each of these have, in the snapshot in which it is asked."""
    return dict(await (await connection.execute(_BOOKED, (list(ids),))).fetchall())


async def list_missing_rates(
    connection: Connection, profiles: Collection[Profile], *, rules: Rules, at: datetime
) -> tuple[dict[str, Fraction], dict[UUID, str]]:
    """The rates of the currencies of these, and for each organization that has none the sentence for it."""
    rates: dict[str, Fraction] = {}
    missing: dict[UUID, str] = {}
    currencies = {find_currency(rules, profile) for profile in profiles} | {LEDGER_CURRENCY}
    rates = await find_rates(connection, currencies, at.date())
    for profile in profiles:
        currency = find_currency(rules, profile)
        if currency not in rates:
            missing[profile.organization_id] = str(MissingRateError(currency, at.date()))
    return rates, missing


def find_currency(rules: Rules, profile: Profile) -> str:
    """The currency of an organization's documents."""
    return profile.currency or rules.currency


async def _read_last_closed(connection: Connection, ids: Collection[UUID]) -> dict[UUID, datetime]:
    return dict(await (await connection.execute(_LAST_CLOSED, (list(ids),))).fetchall())
