"""Balance: an organization's credit at one instant, in total and lot by lot.

granted = used + held + expired + refunded + pending + available, for each lot and in total. A lot
past its expiry counts as expired from that instant on, whether or not the ledger has booked it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.words import LotState
from jeton.money import render_usd

LOTS_LISTED_MAX = 500

# The lots as they stand: what was booked until now.
_PRESENT = """
    SELECT lots.*, receivable_nano, accrued_nano, credit_limit_nano
    FROM (SELECT 1) AS one
    LEFT JOIN balances ON balances.organization_id = %(organization_id)s
    LEFT JOIN lots ON lots.organization_id = %(organization_id)s
"""
# The lots as they stood: the sum of what is posted for an instant until then. An expiry is posted for
# the instant of the expiry, so whether it was booked yet makes no difference.
_PAST = """
    SELECT lots.lot_id, lots.kind, lots.reason, lots.priority, lots.models, lots.granted_at,
           lots.effective_at, lots.expires_at, lots.first_use_days, lots.cost_basis_nano,
           CASE WHEN lots.revoked_at <= %(at)s THEN lots.revoked_at END AS revoked_at,
           posted.left_nano > 0 OR posted.held_nano > 0 AS is_open,
           posted.granted_nano, posted.left_nano, posted.held_nano, posted.used_nano, posted.expired_nano,
           posted.refunded_nano, owing.receivable_nano, owing.accrued_nano, balances.credit_limit_nano
    FROM (
        SELECT coalesce(sum(p.nano) FILTER (WHERE p.account = 'receivable'), 0)::bigint AS receivable_nano,
               coalesce(sum(p.nano) FILTER (WHERE p.account = 'accrued'), 0)::bigint AS accrued_nano
        FROM transactions AS t CROSS JOIN LATERAL unnest(t.accounts, t.amounts) AS p (account, nano)
        WHERE t.organization_id = %(organization_id)s AND t.posted_at <= %(at)s
    ) AS owing
    LEFT JOIN balances ON balances.organization_id = %(organization_id)s
    LEFT JOIN (
        SELECT lot_id, -coalesce(sum(nano) FILTER (WHERE is_credit), 0)::bigint AS left_nano,
               -coalesce(sum(nano) FILTER (WHERE is_credit AND movement IN ('grant', 'top_up')), 0)::bigint
                   AS granted_nano,
               -coalesce(sum(nano) FILTER (WHERE account = 'held'), 0)::bigint AS held_nano,
               -coalesce(sum(nano) FILTER (WHERE is_end AND movement = 'expire_lot'), 0)::bigint
                   AS expired_nano,
               -coalesce(sum(nano) FILTER (
                   WHERE is_end AND movement IN ('adjust', 'refund', 'dispute')), 0)::bigint
                   AS refunded_nano,
               -coalesce(sum(nano) FILTER (
                   WHERE is_end AND movement NOT IN ('expire_lot', 'adjust', 'refund', 'dispute')), 0)::bigint
                   AS used_nano
        FROM (
            SELECT t.movement, p.account, p.lot_id, p.nano,
                   p.account IN ('credit:paid', 'credit:free') AS is_credit,
                   p.account NOT IN ('credit:paid', 'credit:free', 'held') AS is_end
            FROM transactions AS t
            CROSS JOIN LATERAL unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, nano)
            WHERE t.organization_id = %(organization_id)s AND t.posted_at <= %(at)s AND p.lot_id <> ''
        ) AS lines GROUP BY lot_id
    ) AS posted ON true
    LEFT JOIN lots ON lots.lot_id = posted.lot_id
"""

# One statement, so that the totals and the lots are of one and the same instant. What is open
# comes first, in the order in which it burns down; then what is over, newest first.
_READ = """
    WITH l AS (
        SELECT source.*, coalesce(expires_at <= %(at)s, false) AS is_over, effective_at > %(at)s AS is_ahead
        FROM ({source}) AS source
    ), amounts AS (
        SELECT lot_id, kind, reason, priority, models, granted_at, effective_at, expires_at, is_open,
               cost_basis_nano, first_use_days, revoked_at IS NOT NULL AS is_revoked,
               is_over, is_ahead, granted_nano, used_nano, held_nano, refunded_nano,
               expired_nano + CASE WHEN is_over THEN left_nano ELSE 0 END AS expired_nano,
               CASE WHEN is_ahead THEN left_nano ELSE 0 END AS pending_nano,
               CASE WHEN is_over OR is_ahead THEN 0 ELSE left_nano END AS available_nano,
               coalesce(receivable_nano, 0) AS owed_nano, coalesce(accrued_nano, 0) AS accrued_nano,
               coalesce(credit_limit_nano, 0) AS credit_limit_nano
        FROM l
    )
    SELECT a.*, sum(granted_nano) OVER (), sum(used_nano) OVER (), sum(a.held_nano) OVER (),
           sum(expired_nano) OVER (), sum(refunded_nano) OVER (), sum(pending_nano) OVER (),
           sum(available_nano) OVER (), count(lot_id) OVER ()
    FROM amounts AS a
    ORDER BY is_open AND NOT is_over DESC, CASE WHEN NOT is_open OR is_over THEN lot_id END DESC,
             models IS NULL, priority, expires_at NULLS LAST, kind NOT IN ('free', 'promotional'),
             granted_at, lot_id
    LIMIT %(limit)s
"""
_LOT_COLUMNS = 21


@dataclass(frozen=True, slots=True)
class Amounts:
    """What became of granted credit; nano-dollars, each part at least zero."""

    granted_nano: int
    used_nano: int
    held_nano: int
    expired_nano: int
    refunded_nano: int
    pending_nano: int
    available_nano: int


@dataclass(frozen=True, slots=True)
class LotBalance:
    """One lot as it stands; ``expires_at`` is the first instant at which it is worth nothing."""

    lot_id: str
    kind: str
    reason: str
    models: tuple[str, ...] | None
    granted_at: datetime
    effective_at: datetime
    expires_at: datetime | None
    state: LotState
    amounts: Amounts
    cost_basis_nano: int
    first_use_days: int | None

    @property
    def expiry_text(self) -> str:
        """When it expires, for people: an instant, so long after the first use, or never."""
        if self.expires_at is not None:
            return self.expires_at.isoformat(timespec="seconds")
        return "never" if self.first_use_days is None else f"{self.first_use_days} days after the first use"


@dataclass(frozen=True, slots=True)
class Balance:
    """An organization's credit; ``owed_nano`` is the receivable: unpaid lots and overruns.

    ``accrued_nano`` is what an invoiced organization has used, or holds, on its credit limit and was not
    invoiced yet. The limit is today's, at whatever instant the rest is.
    """

    organization_id: UUID
    as_of: datetime
    amounts: Amounts
    owed_nano: int
    lots: tuple[LotBalance, ...]
    lots_count: int
    accrued_nano: int = 0
    credit_limit_nano: int = 0

    @property
    def credit_nano(self) -> int:
        """What is left of the credit limit; available beside the lots."""
        return max(0, self.credit_limit_nano - self.accrued_nano - self.owed_nano)

    @property
    def next_expiry(self) -> LotBalance | None:
        """The lot with credit left that expires soonest, if any expires."""
        expiring = [lot for lot in self.lots if lot.expires_at and lot.amounts.available_nano > 0]
        return min(expiring, key=lambda lot: lot.expires_at or lot.granted_at, default=None)


async def get_balance(
    connection: Connection, organization_id: UUID, *, at: datetime | None = None
) -> Balance:
    """The balance at an instant (now); all zero for an organization without any lot.

    Of a past instant it is what was posted until then, of a future one what will be if nothing happens
    until then. No job has to have run for it to be right.
    """
    now = clock.now()
    as_of = at or now
    cursor = await connection.execute(
        _READ.format(source=_PAST if as_of < now else _PRESENT),
        {"organization_id": organization_id, "at": as_of, "limit": LOTS_LISTED_MAX},
    )
    rows = await cursor.fetchall()
    owed_nano, accrued_nano, credit_limit_nano, *sums = rows[0][_LOT_COLUMNS:]
    totals = [int(total or 0) for total in sums]
    return Balance(
        organization_id=organization_id,
        as_of=as_of,
        amounts=Amounts(*totals[:-1]),
        owed_nano=max(0, owed_nano),
        accrued_nano=accrued_nano,
        credit_limit_nano=credit_limit_nano,
        lots=tuple(_parse_lot(row) for row in rows if row[0] is not None),
        lots_count=totals[-1],
    )


def _parse_lot(row: tuple[Any, ...]) -> LotBalance:
    (lot_id, kind, reason, _priority, models, granted_at, effective_at, expires_at, _is_open) = row[:9]
    cost_basis, first_use_days, is_revoked, is_over, is_ahead = row[9:14]
    granted, used, held, refunded, expired, pending, available = row[14:_LOT_COLUMNS]
    amounts = Amounts(granted, used, held, expired, refunded, pending, available)
    state: LotState = "active"
    if is_revoked:
        state = "revoked"
    elif is_over:
        state = "expired"
    elif is_ahead:
        state = "pending"
    elif available == 0 and held == 0:
        state = "used"
    return LotBalance(
        lot_id=lot_id,
        kind=kind,
        reason=reason,
        models=None if models is None else tuple(models),
        granted_at=granted_at,
        effective_at=effective_at,
        expires_at=expires_at,
        state=state,
        amounts=amounts,
        cost_basis_nano=cost_basis,
        first_use_days=first_use_days,
    )


def render_balance(balance: Balance) -> dict[str, object]:
    """The balance as the API, the Console's twin and the command line give it."""
    return {
        "type": "balance",
        "organization_id": str(balance.organization_id),
        "currency": "USD",
        "as_of": balance.as_of.isoformat(),
        **_render_amounts(balance.amounts),
        "owed": render_usd(balance.owed_nano),
        "accrued": render_usd(balance.accrued_nano),
        "credit_limit": render_usd(balance.credit_limit_nano),
        "credit_available": render_usd(balance.credit_nano),
        "lots": [render_lot(lot) for lot in balance.lots],
        "lots_count": balance.lots_count,
    }


def render_lot(lot: LotBalance) -> dict[str, object]:
    """One lot; ``cost_basis`` is what is to be paid, or was, for all of it."""
    return {
        "id": lot.lot_id,
        "type": "lot",
        "kind": lot.kind,
        "reason": lot.reason,
        "state": lot.state,
        **_render_amounts(lot.amounts),
        "cost_basis": render_usd(lot.cost_basis_nano),
        "models": None if lot.models is None else list(lot.models),
        "granted_at": lot.granted_at.isoformat(),
        "effective_at": lot.effective_at.isoformat(),
        "expires_at": None if lot.expires_at is None else lot.expires_at.isoformat(),
        "expires_days_after_first_use": lot.first_use_days,
    }


def _render_amounts(amounts: Amounts) -> dict[str, object]:
    return {
        "granted": render_usd(amounts.granted_nano),
        "used": render_usd(amounts.used_nano),
        "held": render_usd(amounts.held_nano),
        "expired": render_usd(amounts.expired_nano),
        "refunded": render_usd(amounts.refunded_nano),
        "pending": render_usd(amounts.pending_nano),
        "available": render_usd(amounts.available_nano),
    }
