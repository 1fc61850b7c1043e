"""Sources: all that documents of some organizations are made of, read with one query each for all of them.

Nothing is locked: what comes in while it is read is late usage, and is on the next document.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from jeton.billing.invoicing.lines.building import Due
from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.invoicing.lines.summing import Amounts, PeriodSums, sum_up
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.tax import TaxDecision
from jeton.billing.invoicing.words import Commitment, OrganizationKind, Profile
from jeton.charging.agreeing.reading import read_all_terms
from jeton.db.pool import Connection
from jeton.identity.organizations import Workspace
from jeton.insight.explore.question import Question
from jeton.insight.explore.reading import explore
from jeton.insight.explore.stretches import Stretch
from jeton.insight.periods.used import Used, read_used
from jeton.pricing.book import PriceVersion

_VERSIONS = "SELECT content FROM price_versions"
_CLOSED = """
    SELECT organization_id, period_from, period_to FROM billing_periods
    WHERE organization_id = ANY (%s) AND period_to > %s ORDER BY organization_id, period_from
"""
_BILLED = """
    SELECT organization_id, period_from, line_key, quantity, net_nano FROM billed_sums
    WHERE organization_id = ANY (%s) AND period_from >= %s
"""
_COMMITS_BILLED = """
    SELECT organization_id, line_key, net_nano FROM billed_sums
    WHERE organization_id = ANY (%s) AND (line_key LIKE 'commit|%%' OR line_key LIKE 'true_up|%%')
"""
_DOCUMENTS = """
    SELECT organization_id, period_from, document_id, number, taxes FROM documents
    WHERE organization_id = ANY (%s) AND purpose = 'period' AND state <> 'void' AND period_from >= %s
"""
_WORKSPACES = """
    SELECT workspace_id, organization_id, name, is_default, created_at, archived_at, cost_center,
           purchase_order
    FROM workspaces WHERE organization_id = ANY (%s)
"""
# What a commit costs, less what was taken back of it.
_COMMITS = """
    SELECT organization_id, lot_id, granted_at, cost_basis_nano, granted_nano, refunded_nano FROM lots
    WHERE organization_id = ANY (%s) AND kind = 'commit'
"""
# Taken back at what was to be paid for just that part of it, which depends on what was used before: the
# journal knows it to the nano.
_COMMITS_TAKEN_BACK = """
    SELECT p.lot_id, -sum(p.amount_nano)::bigint
    FROM transactions AS t
    CROSS JOIN LATERAL unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, amount_nano)
    WHERE t.organization_id = ANY (%s) AND t.movement = 'adjust' AND p.account = 'receivable'
        AND p.lot_id = ANY (%s)
    GROUP BY p.lot_id
"""
_COMMITMENTS = """
    SELECT commitment_id, organization_id, amount_nano, starts_at, ends_at, reason, agreed_by FROM commitments
    WHERE organization_id = ANY (%s) AND ended_at IS NULL
"""
_SWITCHES = """
    SELECT organization_id, switched_at, to_kind FROM switches
    WHERE organization_id = ANY (%s) AND switched_at >= %s ORDER BY switched_at, switch_id
"""
# What no lot and no credit limit paid of the charges of a period, less the same of their reversals.
# What was ever overrun while paying ahead (so that it stands in receivable), less reversals of it and what
# documents have billed of it: up to the end of the period, or of the last closed one where that is later.
_OVERRUN = """
    WITH until AS (
        SELECT greatest(%(period_to)s, max(period_to)) AS until_at FROM billing_periods
        WHERE organization_id = %(organization_id)s
    ), overrun AS (
        SELECT sum(c.net_nano - (
            SELECT coalesce(sum((d ->> 1)::bigint), 0) FROM jsonb_array_elements(c.draws) AS d
        )) AS nano
        FROM charges AS c, until
        WHERE c.organization_id = %(organization_id)s AND c.held_at < until_at AND c.state = 'settled'
    ), undone AS (
        SELECT sum(r.owed_nano) AS nano FROM reversals AS r JOIN charges AS c USING (request_id), until
        WHERE r.organization_id = %(organization_id)s AND c.held_at < until_at
    ), signed AS (
        SELECT document_id, owed_nano, CASE kind WHEN 'credit_note' THEN -1 ELSE 1 END AS sign
        FROM documents
        WHERE organization_id = %(organization_id)s AND purpose IN ('period', 'adjustment', 'cancellation')
    ), billed AS (
        SELECT sum(sign * owed_nano) AS nano FROM signed
    ), commits AS (
        SELECT sum(sign * net_nano) AS nano FROM signed JOIN document_lines USING (document_id)
        WHERE kind = 'commit'
    )
    SELECT (coalesce(overrun.nano, 0) - coalesce(undone.nano, 0) - coalesce(billed.nano, 0)
            + coalesce(commits.nano, 0))::bigint
    FROM overrun, undone, billed, commits
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A period that a document is wanted of; ``follows`` is where the last closed one ended."""

    profile: Profile
    period: Period
    follows: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommitLot:
    """A commit that is paid in advance: what is owed for it, and since when."""

    lot_id: str
    granted_at: datetime
    owed_nano: int


@dataclass(frozen=True, slots=True)
class TrueUp:
    """A commitment whose term is over, and what was used in it."""

    commitment: Commitment
    used_nano: int


@dataclass(slots=True)
class Sources:
    """What one document is made of; ``periods`` are the wanted one and those of which usage may be late."""

    wanted: Wanted
    prices: Prices
    periods: tuple[Period, ...]
    sums: Mapping[Period, PeriodSums]
    workspaces: Mapping[str, Workspace]
    billed: dict[datetime, dict[str, Amounts]] = field(default_factory=dict)
    billed_once: dict[str, int] = field(default_factory=dict)
    documents: dict[datetime, tuple[str, str]] = field(default_factory=dict)
    taxes: dict[datetime, tuple[TaxDecision, ...]] = field(default_factory=dict)
    commits: list[CommitLot] = field(default_factory=list)
    true_ups: list[TrueUp] = field(default_factory=list)
    switches: list[tuple[datetime, OrganizationKind]] = field(default_factory=list)
    overrun_nano: int = 0
    vouchers: dict[Period, list[Due]] = field(default_factory=dict)
    supplements: list[Due] = field(default_factory=list)


async def read_prices(connection: Connection, *, since: datetime) -> Prices:
    """Every price version on record, and what is or was agreed on since an instant."""
    rows = await (await connection.execute(_VERSIONS)).fetchall()
    terms = await read_all_terms(connection, since)
    return Prices((PriceVersion.from_content(row[0]) for row in rows), terms)


async def read_sources(
    connection: Connection, wanted: Sequence[Wanted], prices: Prices, *, lookback_days: int
) -> list[Sources]:
    """The sources of each document that is wanted, in their order; one for an organization at most."""
    ids = [one.profile.organization_id for one in wanted]
    since = min(one.period.period_from for one in wanted) - timedelta(days=lookback_days)
    closed = await _read_closed(connection, ids, since)
    workspaces = await _read_workspaces(connection, ids)
    found = []
    groups: dict[tuple[Period, ...], list[Wanted]] = defaultdict(list)
    for one in wanted:
        # A period that is made anew leaves those after it to their own documents.
        earlier = [
            period
            for period in closed[one.profile.organization_id]
            if period.period_to <= one.period.period_from
        ]
        groups[*earlier, one.period].append(one)
    for periods, some in groups.items():
        ordered = tuple(sorted(periods, key=lambda period: period.period_from))
        cuts = _cut(ordered, prices)
        rows = await _read_used(connection, some, cuts)
        found += [
            Sources(
                wanted=one,
                prices=prices,
                periods=ordered,
                sums=sum_up(rows[one.profile.organization_id], cuts, periods=ordered, prices=prices),
                workspaces=workspaces[one.profile.organization_id],
            )
            for one in some
        ]
    by_id = {one.wanted.profile.organization_id: one for one in found}
    await _add_billed(connection, by_id, since)
    await _add_commits(connection, by_id)
    await _add_switches(connection, by_id, since)
    return [by_id[organization_id] for organization_id in ids]


def _cut(periods: Iterable[Period], prices: Prices) -> list[datetime]:
    """Where the periods begin and end, and where prices change in between."""
    edges = {edge for period in periods for edge in (period.period_from, period.period_to)}
    return sorted(edges | prices.list_changes(min(edges), max(edges)))


async def _read_used(
    connection: Connection, wanted: Sequence[Wanted], cuts: Sequence[datetime]
) -> dict[UUID, list[Used]]:
    rows: dict[UUID, list[Used]] = defaultdict(list)
    for used in await read_used(connection, [one.profile.organization_id for one in wanted], cuts):
        rows[used.organization_id].append(used)
    return rows


async def _read_closed(
    connection: Connection, ids: Collection[UUID], since: datetime
) -> dict[UUID, list[Period]]:
    closed: dict[UUID, list[Period]] = defaultdict(list)
    for organization_id, *edges in await (await connection.execute(_CLOSED, (ids, since))).fetchall():
        closed[organization_id].append(Period(*edges))
    return closed


async def _read_workspaces(connection: Connection, ids: Collection[UUID]) -> dict[UUID, dict[str, Workspace]]:
    found: dict[UUID, dict[str, Workspace]] = defaultdict(dict)
    async with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        await cursor.execute(_WORKSPACES, (ids,))
        async for workspace in cursor:
            found[workspace.organization_id][workspace.workspace_id] = workspace
    return found


async def _add_billed(connection: Connection, by_id: Mapping[UUID, Sources], since: datetime) -> None:
    """What was billed of each period so far, and on which document."""
    # A closed period may have begun before the instant that its end is after.
    begins = min((one.periods[0].period_from for one in by_id.values()), default=since)
    parameters = (list(by_id), begins)
    for organization_id, period_from, key, quantity, nano in await (
        await connection.execute(_BILLED, parameters)
    ).fetchall():
        by_id[organization_id].billed.setdefault(period_from, {})[key] = (quantity, nano)
    for organization_id, period_from, document_id, number, taxes in await (
        await connection.execute(_DOCUMENTS, parameters)
    ).fetchall():
        by_id[organization_id].documents[period_from] = (document_id, number)
        by_id[organization_id].taxes[period_from] = tuple(
            TaxDecision(tax["category"], Fraction(tax["rate"]), tax["reason"]) for tax in taxes
        )


async def _add_commits(connection: Connection, by_id: Mapping[UUID, Sources]) -> None:
    """Commits that are paid in advance, commitments that are trued up, and what was billed of both."""
    ids = list(by_id)
    rows = await (await connection.execute(_COMMITS, (ids,))).fetchall()
    taken = await _list_taken_back(connection, rows)
    for organization_id, lot_id, granted_at, basis_nano, _, refunded_nano in rows:
        owed_nano = basis_nano - taken.get(lot_id, refunded_nano)
        by_id[organization_id].commits.append(CommitLot(lot_id, granted_at, owed_nano))
    await _add_true_ups(connection, by_id)
    those = [key for key, one in by_id.items() if one.commits or one.true_ups]
    if those:
        cursor = await connection.execute(_COMMITS_BILLED, (those,))
        for organization_id, key, nano in await cursor.fetchall():
            once = by_id[organization_id].billed_once
            once[key] = once.get(key, 0) + nano


async def _list_taken_back(connection: Connection, rows: list[tuple[Any, ...]]) -> dict[str, int]:
    """What is no longer owed of commits that were sold for another amount than they are worth, by lot."""
    below_face = [row for row in rows if row[5] and row[3] != row[4]]
    if not below_face:
        return {}
    ids, lots = sorted({row[0] for row in below_face}), [row[1] for row in below_face]
    return dict(await (await connection.execute(_COMMITS_TAKEN_BACK, (ids, lots))).fetchall())


async def _add_true_ups(connection: Connection, by_id: Mapping[UUID, Sources]) -> None:
    """Commitments that ended in a period that is looked at; few, so each term is summed by itself."""
    async with connection.cursor(row_factory=class_row(Commitment)) as cursor:
        await cursor.execute(_COMMITMENTS, (list(by_id),))
        commitments = await cursor.fetchall()
    for commitment in commitments:
        sources = by_id[commitment.organization_id]
        if sources.periods[0].period_from < commitment.ends_at <= sources.wanted.period.period_to:
            stretch = Stretch(commitment.starts_at, commitment.ends_at)
            report = await explore(connection, Question(commitment.organization_id, stretch))
            sources.true_ups.append(TrueUp(commitment, report.totals.net_nano))


async def _add_switches(connection: Connection, by_id: Mapping[UUID, Sources], since: datetime) -> None:
    """When organizations became invoiced or prepaid; and of those that did, what they overran.

    What a prepaid organization uses beyond its credit is owed at once (receivable), what an invoiced one
    uses is accrued: a document takes each from where it is. Of who was both, which it was is not a matter of
    periods (requests that run at a switch, what comes late), so it is asked of the charges.
    """
    cursor = await connection.execute(_SWITCHES, (list(by_id), since))
    for organization_id, at, kind in await cursor.fetchall():
        by_id[organization_id].switches.append((at, kind))
    for organization_id, sources in by_id.items():
        if sources.switches:
            values = {"organization_id": organization_id, "period_to": sources.wanted.period.period_to}
            ((sources.overrun_nano,),) = await (await connection.execute(_OVERRUN, values)).fetchall()
