"""Reading: the rows of an export, one after the other, however many there are.

Organization by organization, billing period by billing period and some days at a time, from the sums under
every page (``insight.periods``) and from documents as they were issued; the caller keeps one snapshot open.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import class_row

from jeton import clock
from jeton.billing.focus.columns import Row
from jeton.billing.focus.documents import Issued, is_prepaid, list_document_rows, make_later
from jeton.billing.focus.rows import Amounts
from jeton.billing.focus.usage import Told, list_usage_rows, make_reversal
from jeton.billing.focus.words import FocusAsk, Frame, Names, Span
from jeton.billing.invoicing.documents.reading import HEAD, read_lines
from jeton.billing.invoicing.documents.rows import DocumentRow, parse_document
from jeton.billing.invoicing.drafting.planning import find_currency
from jeton.billing.invoicing.lines.keys import CREDIT_FREE, REVERSED, USAGE, kind_of
from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.invoicing.periods import Period, find_period
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.rates import get_rate
from jeton.billing.invoicing.words import Profile, Rules
from jeton.billing.words import Document
from jeton.charging.agreeing.reading import read_terms
from jeton.db.pool import Connection
from jeton.identity.keys import list_keys
from jeton.identity.organizations import list_workspaces
from jeton.insight.explore.stretches import Stretch, cut, snap
from jeton.insight.periods.used import BUCKET_OF, Used, find_first_uses, read_used
from jeton.metering.events import LABEL_DIMENSIONS
from jeton.pricing.book import PriceVersion

# Days read at a time: what is in memory is what they have, however long the stretch is.
DAYS_READ = 4
ORGANIZATIONS_READ = 500
ISSUER = "Jeton"
_DAY = timedelta(days=1)

_VERSIONS = "SELECT content FROM price_versions"
_ORGANIZATIONS = """
    SELECT organization_id FROM organizations
    WHERE %(after)s::uuid IS NULL OR organization_id > %(after)s ORDER BY organization_id LIMIT %(limit)s
"""
_CLOSED = """
    SELECT period_from, period_to FROM billing_periods
    WHERE organization_id = %s AND period_to > %s AND period_from < %s ORDER BY period_from
"""
# Documents of a period with that period, everything else with the day of its issue.
_BILLED = """
    SELECT line_key, net_nano FROM billed_sums
    WHERE organization_id = %s AND period_from = %s AND net_nano <> 0
"""
# A document may be of an instant that was given to who made it.
_LAST = "SELECT max(greatest(period_to, issued_at)) FROM documents WHERE organization_id = %s"
_DOCUMENTS = f"""
    {HEAD} WHERE d.organization_id = %(organization_id)s AND (
        (d.purpose = 'period' AND d.period_to > %(starts_at)s AND d.period_from < %(ends_at)s)
        OR (d.purpose <> 'period' AND d.issued_at >= %(starts_at)s AND d.issued_at < %(ends_at)s)
    )
    ORDER BY d.issued_at, d.document_id
"""


@dataclass(frozen=True, slots=True)
class _Scope:
    """One organization's part of an export."""

    connection: Connection
    ask: FocusAsk
    profile: Profile
    names: Names
    prices: Prices
    bare: Frame
    periods: tuple[Period, ...]
    documents: tuple[Document, ...]

    def find_live(self, period: Period) -> Document | None:
        """The document that stands for what was used in a period."""
        for document in self.documents:
            is_of_it = document.purpose == "period" and document.period_from == period.period_from
            if is_of_it and document.state != "void" and document.kind != "credit_note":
                return document
        return None

    def frame_of(self, document: Document) -> Frame:
        """On what the rows of a document stand: of a period's its own, else that of its day."""
        period = Period(document.period_from, document.period_to)
        if document.purpose != "period":
            issued_at = document.issued_at or clock.now()
            period = _find_period(self.profile, self.periods, issued_at)
        return replace(
            self.bare,
            period=period,
            invoice=document.number,
            currency=document.currency,
            rate=document.rate,
        )


async def read_rows(connection: Connection, ask: FocusAsk, *, rules: Rules) -> AsyncIterator[Row]:
    """Every row that is asked for; MissingRateError where a currency has no rate."""
    ask = replace(ask, stretch=snap(ask.stretch))
    rows = await (await connection.execute(_VERSIONS)).fetchall()
    versions = [PriceVersion.from_content(content) for (content,) in rows]
    async for organization_id in _list_organizations(connection, ask.organization_id):
        terms = await read_terms(connection, organization_id)
        prices = Prices(versions, {organization_id: terms})
        scope = await _open(connection, replace(ask, organization_id=organization_id), prices, rules)
        async for row in _read_organization(scope):
            yield row


async def _list_organizations(connection: Connection, only: UUID | None) -> AsyncIterator[UUID]:
    if only is not None:
        yield only
        return
    after: UUID | None = None
    while True:
        parameters = {"after": after, "limit": ORGANIZATIONS_READ}
        rows = await (await connection.execute(_ORGANIZATIONS, parameters)).fetchall()
        for (organization_id,) in rows:
            yield organization_id
        if len(rows) < ORGANIZATIONS_READ:
            return
        after = rows[-1][0]


async def _open(connection: Connection, ask: FocusAsk, prices: Prices, rules: Rules) -> _Scope:
    organization_id = ask.organization_id or UUID(int=0)
    profile = await get_profile(connection, organization_id)
    now = clock.now()
    currency = find_currency(rules, profile)
    rate = await get_rate(connection, currency, now.astimezone(ZoneInfo(profile.zone)).date())
    first_at = (await find_first_uses(connection, [organization_id])).get(organization_id)
    earliest = min(first_at or profile.created_at, profile.created_at)
    row = await (await connection.execute(_LAST, (organization_id,))).fetchone()
    latest = max(now, row[0] if row and row[0] else now)
    stretch = _clip(ask.stretch, earliest, latest + _DAY, ZoneInfo(profile.zone))
    names = Names(
        organization_id=organization_id,
        organization=profile.buyer.name,
        issuer=rules.seller.name or ISSUER,
        workspaces={one.workspace_id: one for one in await list_workspaces(connection, organization_id)},
        keys={one.key_id: one.name for one in await list_keys(connection, organization_id)},
    )
    periods = await _list_periods(connection, profile, stretch)
    return _Scope(
        connection=connection,
        ask=replace(ask, stretch=stretch),
        profile=profile,
        names=names,
        prices=prices,
        bare=Frame(names, periods[0], "", currency, rate),
        periods=periods,
        documents=await _list_documents(connection, organization_id, stretch),
    )


def _clip(stretch: Stretch, earliest: datetime, latest: datetime, zone: ZoneInfo) -> Stretch:
    """What of a stretch can have anything in it: years of nothing need not be looked at."""
    starts_at = max(stretch.starts_at, min(earliest, stretch.ends_at - _DAY))
    ends_at = min(stretch.ends_at, max(latest, starts_at + _DAY))
    return snap(Stretch(starts_at, ends_at, zone))


async def _list_periods(connection: Connection, profile: Profile, stretch: Stretch) -> tuple[Period, ...]:
    """The billing periods that a stretch touches: those that were closed, and those that will be."""
    parameters = (profile.organization_id, stretch.starts_at, stretch.ends_at)
    closed = [Period(*row) for row in await (await connection.execute(_CLOSED, parameters)).fetchall()]
    found: list[Period] = []
    at = stretch.starts_at
    while at < stretch.ends_at:
        period = _find_period(profile, closed, at)
        found.append(period)
        at = period.period_to
    return tuple(found)


def _find_period(profile: Profile, closed: Sequence[Period], at: datetime) -> Period:
    """The period of an instant: a closed one, else that of the calendar, which begins where one ended."""
    for period in closed:
        if period.holds(at):
            return period
    found = find_period(ZoneInfo(profile.zone), profile.anchor_day, at)
    begins = max((one.period_to for one in closed if one.period_to <= at), default=found.period_from)
    ends = min((one.period_from for one in closed if one.period_from > at), default=found.period_to)
    return Period(max(found.period_from, begins), min(found.period_to, ends))


async def _list_documents(
    connection: Connection, organization_id: UUID, stretch: Stretch
) -> tuple[Document, ...]:
    """The heads of documents; their lines are read one document at a time."""
    values = {
        "organization_id": organization_id,
        "starts_at": stretch.starts_at,
        "ends_at": stretch.ends_at,
    }
    async with connection.cursor(row_factory=class_row(DocumentRow)) as cursor:
        await cursor.execute(_DOCUMENTS, values)
        return tuple(parse_document(row) for row in await cursor.fetchall())


async def _read_organization(scope: _Scope) -> AsyncIterator[Row]:
    stretch, is_whole = scope.ask.stretch, scope.ask.is_whole
    told_of: dict[str, Told] = {}
    for period in scope.periods:
        live = scope.find_live(period)
        frame = replace(scope.bare, period=period) if live is None else scope.frame_of(live)
        told = Told()
        async for row in _read_period(scope, frame, told, is_billed=live is not None):
            yield row
        if live is not None:
            told_of[live.document_id] = told
        elif is_whole and period.period_to <= stretch.ends_at:
            later = await _find_billed_later(scope, frame)
            if later is not None:
                yield later
    if is_whole:
        async for row in _read_documents(scope, told_of):
            yield row


async def _read_documents(scope: _Scope, told_of: Mapping[str, Told]) -> AsyncIterator[Row]:
    """What documents say beside usage; ``told_of`` is what rows by day said of each one's usage."""
    stretch = scope.ask.stretch
    for document in scope.documents:
        # A document of a period goes with the end of it: whoever exports a period has all of it then.
        if document.purpose == "period" and not stretch.starts_at < document.period_to <= stretch.ends_at:
            continue
        told = told_of.get(document.document_id)
        if told is not None:
            await _tell_before(scope, document, told)
        whole = replace(document, lines=await read_lines(scope.connection, document.document_id))
        for row in list_document_rows(Issued(whole, scope.frame_of(document), scope.prices, told)):
            yield row


async def _find_billed_later(scope: _Scope, frame: Frame) -> Row | None:
    """What later documents bill of a period that has none of its own, such as one that was cancelled."""
    parameters = (scope.names.organization_id, frame.period.period_from)
    sums: dict[str, int] = dict(await (await scope.connection.execute(_BILLED, parameters)).fetchall())
    told = {
        key: nano
        for key, nano in sums.items()
        if kind_of(key) in {USAGE, REVERSED} or key == CREDIT_FREE or is_prepaid(key)
    }
    if not told:
        return None
    earned_nano = sum(nano for key, nano in told.items() if not is_prepaid(key))
    span = Span(frame.period.period_from, frame.period.period_to)
    return make_later(frame, span, Amounts(-sum(told.values()), -earned_nano))


async def _read_period(scope: _Scope, frame: Frame, told: Told, *, is_billed: bool) -> AsyncIterator[Row]:
    """The rows by day of one billing period, as far as it lies in the stretch."""
    starts_at = max(scope.ask.stretch.starts_at, frame.period.period_from)
    ends_at = min(scope.ask.stretch.ends_at, frame.period.period_to)
    days = cut(Stretch(starts_at, ends_at, ZoneInfo(scope.profile.zone)), "1d").cuts
    for number in range(0, len(days) - 1, DAYS_READ):
        edges = days[number : number + DAYS_READ + 1]
        async for row in _read_days(scope, frame, edges, told, is_billed=is_billed):
            yield row


async def _read_days(
    scope: _Scope, frame: Frame, edges: Sequence[datetime], told: Told, *, is_billed: bool
) -> AsyncIterator[Row]:
    cuts = sorted({*edges, *scope.prices.list_changes(edges[0], edges[-1])})
    ask = scope.ask
    labels = {name: values for name, values in ask.where.items() if name in LABEL_DIMENSIONS}
    only = BUCKET_OF[ask.token_class] if ask.token_class else None
    organization_ids = [scope.names.organization_id]
    found = await read_used(scope.connection, organization_ids, cuts, is_by_key=True, labels=labels)
    for used in found:
        if not _is_wanted(used, ask):
            continue
        span = Span(cuts[used.segment], cuts[used.segment + 1])
        for row, amounts in list_usage_rows(used, frame, span, prices=scope.prices, only=only):
            told.add(row, amounts)
            yield row
        if used.reversed_nano and not is_billed and only is None:
            yield make_reversal(used, frame, span)[0]


def _is_wanted(used: Used, ask: FocusAsk) -> bool:
    # Labels were asked of the database: a row is of many of them.
    others = ((name, values) for name, values in ask.where.items() if name not in LABEL_DIMENSIONS)
    return all(getattr(used, name) in values for name, values in others)


async def _tell_before(scope: _Scope, document: Document, told: Told) -> None:
    """Add what was used in the document's period before the stretch began, which has no rows."""
    starts_at = scope.ask.stretch.starts_at
    if starts_at <= document.period_from:
        return
    edges = [document.period_from, starts_at]
    cuts = sorted({*edges, *scope.prices.list_changes(*edges)})
    frame = scope.frame_of(document)
    for used in await read_used(scope.connection, [scope.names.organization_id], cuts, is_by_key=True):
        span = Span(cuts[used.segment], cuts[used.segment + 1])
        for row, amounts in list_usage_rows(used, frame, span, prices=scope.prices):
            told.add(row, amounts)
