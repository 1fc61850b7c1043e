"""Vouchers: what credit paid that was sold without tax, by lot and period, as it is to be billed.

Such credit is a multi-purpose voucher (Directive 2006/112/EC, art. 30b): its tax is due when it is used, and
is in what was paid for it (art. 73a). Which lots are such was written when they were sold, whatever the
settings say today. What a lot paid is asked of the charges, and only for periods in which what prepaid credit
paid is not what was billed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from jeton.billing.invoicing.drafting.sources import Sources
from jeton.billing.invoicing.lines.building import Due
from jeton.billing.invoicing.lines.keys import CREDIT_PREPAID, REVERSED, USAGE, kind_of
from jeton.billing.invoicing.lines.summing import NOTHING, PeriodSums
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.rounding import round_half_even
from jeton.billing.words import VOUCHER_GIVEN, VOUCHER_PAID
from jeton.db.pool import Connection

_MOVING = frozenset({USAGE, REVERSED})
_VOUCHERS = """
    SELECT v.organization_id, v.lot_id, l.cost_basis_nano, l.granted_nano
    FROM vouchers AS v JOIN lots AS l USING (lot_id) WHERE v.organization_id = ANY (%s)
"""
_USED = """
    WITH asked AS (
        SELECT * FROM unnest(%(organizations)s::uuid[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
            AS a (organization_id, period_from, period_to)
    ), drawn AS (
        SELECT a.organization_id, a.period_from, d.draw ->> 0 AS lot_id, (d.draw ->> 1)::bigint AS nano
        FROM asked AS a JOIN charges AS c ON c.organization_id = a.organization_id
            AND c.held_at >= a.period_from AND c.held_at < a.period_to AND c.state = 'settled'
        CROSS JOIN LATERAL jsonb_array_elements(c.draws) AS d (draw)
        UNION ALL
        SELECT a.organization_id, a.period_from, d.draw ->> 0, -(d.draw ->> 1)::bigint
        FROM asked AS a JOIN charges AS c ON c.organization_id = a.organization_id
            AND c.held_at >= a.period_from AND c.held_at < a.period_to AND c.state = 'settled'
        JOIN reversals AS r USING (request_id)
        CROSS JOIN LATERAL jsonb_array_elements(r.draws) AS d (draw)
    )
    SELECT organization_id, period_from, lot_id, sum(nano)::bigint
    FROM drawn JOIN vouchers USING (organization_id, lot_id) GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Voucher:
    """A lot that was sold without tax: what was paid for how much credit."""

    lot_id: str
    cost_basis_nano: int
    granted_nano: int

    def paid_part(self, used_nano: int) -> int:
        """What was paid for so much of it: $9 for $10 of a lot of $100 that cost $90."""
        return round_half_even(Fraction(used_nano * self.cost_basis_nano, self.granted_nano))


async def add_vouchers(connection: Connection, sources: Collection[Sources]) -> None:
    """Take what vouchers paid out of what prepaid credit paid, to stand on documents by itself."""
    by_id = {one.wanted.profile.organization_id: one for one in sources}
    vouchers = await _read_vouchers(connection, by_id)
    asked = [
        (organization_id, period)
        for organization_id in vouchers
        for period, sums in by_id[organization_id].sums.items()
        if _is_changed(sums, by_id[organization_id].billed.get(period.period_from, {}))
    ]
    used = await _read_used(connection, asked)
    for organization_id, lots in vouchers.items():
        one = by_id[organization_id]
        for period, sums in one.sums.items():
            billed = one.billed.get(period.period_from, {})
            before = _sum_billed(billed)
            now = used.get((organization_id, period.period_from), {})
            if (organization_id, period) not in asked:
                now = before
            sums.add(CREDIT_PREPAID, (0, sum(now.values())))
            one.vouchers[period] = _list_dues(one, period, lots, before=before, now=now)


def _list_dues(
    sources: Sources,
    period: Period,
    lots: Mapping[str, Voucher],
    *,
    before: Mapping[str, int],
    now: Mapping[str, int],
) -> list[Due]:
    """What of each lot's part is not billed: what was paid for it, and what was given on top."""
    is_late = period != sources.wanted.period
    _, number = sources.documents.get(period.period_from, ("", ""))
    dues = []
    for lot_id in sorted({*before, *now}):
        used_nano, billed_nano = now.get(lot_id, 0), before.get(lot_id, 0)
        lot = lots[lot_id]
        paid_nano = lot.paid_part(used_nano) - lot.paid_part(billed_nano)
        given_nano = used_nano - billed_nano - paid_nano
        for key, nano in ((f"{VOUCHER_PAID}{lot_id}", paid_nano), (f"{VOUCHER_GIVEN}{lot_id}", given_nano)):
            if nano:
                corrects = number if is_late else ""
                dues.append(
                    Due(key, period.period_from, period.period_to, 0, -nano, corrects, is_late=is_late)
                )
    return dues


def _is_changed(sums: PeriodSums, billed: Mapping[str, tuple[int, int]]) -> bool:
    """Whether anything was used or reversed since it was billed, so that credit may have paid otherwise.

    What credit paid in all does not say so: of as much that went back another lot may have paid.
    """
    moved = (key for key in sums.amounts if kind_of(key) in _MOVING)
    return any(billed.get(key, NOTHING) != sums.amounts[key] for key in moved)


def _sum_billed(billed: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """What was billed of each lot as used, by the lot's id."""
    sums: dict[str, int] = {}
    for key, (_, nano) in billed.items():
        for start in (VOUCHER_PAID, VOUCHER_GIVEN):
            if key.startswith(start):
                lot_id = key.removeprefix(start)
                sums[lot_id] = sums.get(lot_id, 0) - nano
    return sums


async def _read_vouchers(connection: Connection, ids: Collection[UUID]) -> dict[UUID, dict[str, Voucher]]:
    found: dict[UUID, dict[str, Voucher]] = {}
    for organization_id, *values in await (await connection.execute(_VOUCHERS, (list(ids),))).fetchall():
        voucher = Voucher(*values)
        found.setdefault(organization_id, {})[voucher.lot_id] = voucher
    return found


async def _read_used(
    connection: Connection, asked: Collection[tuple[UUID, Period]]
) -> dict[tuple[UUID, datetime], dict[str, int]]:
    found: dict[tuple[UUID, datetime], dict[str, int]] = {}
    if not asked:
        return found
    values = {
        "organizations": [organization_id for organization_id, _ in asked],
        "begins": [period.period_from for _, period in asked],
        "ends": [period.period_to for _, period in asked],
    }
    for organization_id, period_from, lot_id, nano in await (
        await connection.execute(_USED, values)
    ).fetchall():
        found.setdefault((organization_id, period_from), {})[lot_id] = nano
    return found
