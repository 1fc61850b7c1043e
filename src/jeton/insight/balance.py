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

# One statement, so that the totals and the lots are of one and the same instant. What is open
# comes first, in the order in which it burns down; then what is over, newest first.
_READ = """
    WITH l AS (
        SELECT lots.*, coalesce(expires_at <= %(at)s, false) AS is_over, effective_at > %(at)s AS is_ahead
        FROM lots WHERE organization_id = %(organization_id)s
    ), amounts AS (
        SELECT lot_id, kind, reason, priority, models, granted_at, effective_at, expires_at, is_open,
               is_over, is_ahead, granted_nano, used_nano, held_nano, refunded_nano,
               expired_nano + CASE WHEN is_over THEN left_nano ELSE 0 END AS expired_nano,
               CASE WHEN is_ahead THEN left_nano ELSE 0 END AS pending_nano,
               CASE WHEN is_over OR is_ahead THEN 0 ELSE left_nano END AS available_nano
        FROM l
    )
    SELECT a.*, coalesce(b.receivable_nano, 0) AS owed_nano,
           sum(granted_nano) OVER (), sum(used_nano) OVER (), sum(a.held_nano) OVER (),
           sum(expired_nano) OVER (), sum(refunded_nano) OVER (), sum(pending_nano) OVER (),
           sum(available_nano) OVER (), count(lot_id) OVER ()
    FROM (SELECT 1) AS one
    LEFT JOIN amounts AS a ON true
    LEFT JOIN balances AS b ON b.organization_id = %(organization_id)s
    ORDER BY is_open AND NOT is_over DESC, CASE WHEN NOT is_open OR is_over THEN lot_id END DESC,
             models IS NULL, priority, expires_at NULLS LAST, kind NOT IN ('free', 'promotional'),
             granted_at, lot_id
    LIMIT %(limit)s
"""
_LOT_COLUMNS = 18


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


@dataclass(frozen=True, slots=True)
class Balance:
    """An organization's credit; ``owed_nano`` is the receivable: unpaid lots and overruns."""

    organization_id: UUID
    as_of: datetime
    amounts: Amounts
    owed_nano: int
    lots: tuple[LotBalance, ...]
    lots_count: int

    @property
    def next_expiry(self) -> LotBalance | None:
        """The lot with credit left that expires soonest, if any expires."""
        expiring = [lot for lot in self.lots if lot.expires_at and lot.amounts.available_nano > 0]
        return min(expiring, key=lambda lot: lot.expires_at or lot.granted_at, default=None)


async def get_balance(
    connection: Connection, organization_id: UUID, *, at: datetime | None = None
) -> Balance:
    """The balance at an instant (now); all zero for an organization without any lot."""
    as_of = at or clock.now()
    cursor = await connection.execute(
        _READ, {"organization_id": organization_id, "at": as_of, "limit": LOTS_LISTED_MAX}
    )
    rows = await cursor.fetchall()
    totals = [int(total or 0) for total in rows[0][_LOT_COLUMNS + 1 :]]
    return Balance(
        organization_id=organization_id,
        as_of=as_of,
        amounts=Amounts(*totals[:-1]),
        owed_nano=max(0, int(rows[0][_LOT_COLUMNS])),
        lots=tuple(_parse_lot(row) for row in rows if row[0] is not None),
        lots_count=totals[-1],
    )


def _parse_lot(row: tuple[Any, ...]) -> LotBalance:
    (lot_id, kind, reason, _priority, models, granted_at, effective_at, expires_at, _is_open) = row[:9]
    is_over, is_ahead, granted, used, held, refunded, expired, pending, available = row[9:_LOT_COLUMNS]
    amounts = Amounts(granted, used, held, expired, refunded, pending, available)
    state: LotState = "active"
    if is_over:
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
        "lots": [_render_lot(lot) for lot in balance.lots],
        "lots_count": balance.lots_count,
    }


def _render_lot(lot: LotBalance) -> dict[str, object]:
    return {
        "id": lot.lot_id,
        "type": "lot",
        "kind": lot.kind,
        "reason": lot.reason,
        "state": lot.state,
        **_render_amounts(lot.amounts),
        "models": None if lot.models is None else list(lot.models),
        "granted_at": lot.granted_at.isoformat(),
        "effective_at": lot.effective_at.isoformat(),
        "expires_at": None if lot.expires_at is None else lot.expires_at.isoformat(),
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
