"""Supplements: what re-ratings found to be too little and two operators agreed to charge, as it is billed.

It is accrued since it was approved. The period that its charges belong to is the line's, an earlier one as a
rule, with the number of the document that it corrects; an issued document is never altered.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from jeton.billing.invoicing.drafting.sources import Sources, TrueUp
from jeton.billing.invoicing.lines.building import Due
from jeton.billing.invoicing.lines.keys import SUPPLEMENT
from jeton.db.pool import Connection

# Charges of no closed period are of the wanted one; those after it wait for a document of their own.
_BOOKED = """
    WITH asked AS (
        SELECT * FROM unnest(%s::uuid[], %s::timestamptz[]) AS a (organization_id, ends_at)
    ), booked AS (
        SELECT b.organization_id, b.rerating_id, r.price_version_id, p.period_from, p.period_to,
               sum(c.amount_nano)::bigint AS nano
        FROM asked AS a JOIN rerating_supplements AS b USING (organization_id)
        JOIN reratings AS r USING (rerating_id)
        JOIN supplemented_charges AS c USING (supplement_id)
        LEFT JOIN billing_periods AS p ON p.organization_id = b.organization_id
            AND c.held_at >= p.period_from AND c.held_at < p.period_to
        WHERE b.state = 'done' AND c.held_at < a.ends_at
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT organization_id, rerating_id, price_version_id, period_from, period_to, nano, (
        SELECT max(d.number) FROM documents AS d
        WHERE d.organization_id = booked.organization_id AND d.period_from = booked.period_from
          AND d.purpose = 'period' AND d.state <> 'void'
    )
    FROM booked ORDER BY organization_id, rerating_id, period_from
"""
_BILLED = """
    SELECT organization_id, period_from, line_key, net_nano FROM billed_sums
    WHERE organization_id = ANY (%s) AND line_key LIKE 'supplement|%%'
"""
_IN_TERM = """
    SELECT coalesce(sum(amount_nano), 0)::bigint FROM supplemented_charges
    WHERE organization_id = %s AND held_at >= %s AND held_at < %s
"""


async def add_supplements(connection: Connection, sources: Collection[Sources]) -> None:
    """What was supplemented and is on no document yet, by re-rating and period.

    What was charged later for a term counts towards what was committed for it, as the rest of its usage does.
    """
    for one in sources:
        one.true_ups = [await _add_to_term(connection, term) for term in one.true_ups]
    by_id = {one.wanted.profile.organization_id: one for one in sources}
    ends = [one.wanted.period.period_to for one in by_id.values()]
    rows = await (await connection.execute(_BOOKED, (list(by_id), ends))).fetchall()
    billed = await _read_billed(connection, sorted({row[0] for row in rows}))
    for organization_id, rerating_id, version_id, period_from, period_to, nano, number in rows:
        wanted = by_id[organization_id].wanted.period
        key = f"{SUPPLEMENT}|{rerating_id}|{version_id}"
        begin, end = period_from or wanted.period_from, period_to or wanted.period_to
        missing_nano = nano - billed[organization_id, begin, key]
        if missing_nano:
            is_late = begin < wanted.period_from
            corrects = number if is_late and number else ""
            due = Due(key, begin, end, 0, missing_nano, corrects, is_late=is_late)
            by_id[organization_id].supplements.append(due)


async def _add_to_term(connection: Connection, term: TrueUp) -> TrueUp:
    agreed = term.commitment
    values = (agreed.organization_id, agreed.starts_at, agreed.ends_at)
    row = await (await connection.execute(_IN_TERM, values)).fetchone()
    return replace(term, used_nano=term.used_nano + (int(row[0]) if row else 0))


async def _read_billed(
    connection: Connection, ids: Collection[UUID]
) -> defaultdict[tuple[UUID, datetime, str], int]:
    billed: defaultdict[tuple[UUID, datetime, str], int] = defaultdict(int)
    if ids:
        for *key, nano in await (await connection.execute(_BILLED, (list(ids),))).fetchall():
            billed[key[0], key[1], key[2]] += nano
    return billed
