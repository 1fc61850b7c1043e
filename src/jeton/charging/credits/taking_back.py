"""Taking back: what is left of a lot, or a part of it, goes back to where it came from.

What is held for requests in flight is theirs; what of it comes back to a revoked lot is taken back
when it does. Money for a purchase is paid back by whoever received it: Jeton books it (``refund``).
"""

from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

from jeton.charging.credits.books import Desk, open_desk
from jeton.charging.credits.errors import CreditRequestError, LotNotFoundError
from jeton.charging.credits.granting import REASON_CHARS_MAX
from jeton.charging.credits.requests import CreditRequest
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ledger import movements
from jeton.ledger.chart import LotKind
from jeton.ledger.lots import Lot
from jeton.ledger.transaction import Movement
from jeton.money import render_usd

_ORGANIZATION_OF = "SELECT organization_id FROM lots WHERE lot_id = %s"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What was taken out of a lot (below zero: put in), and what of it is still held; in nano."""

    lot_id: str
    organization_id: UUID
    amount_nano: int
    held_nano: int


async def revoke_lot(connection: Connection, lot_id: str, *, reason: str, by: Actor) -> TakenBack:
    """End a lot now: take back what is left, and whatever comes back to it; in the caller's transaction.

    A second time takes nothing. Raises LotNotFoundError, CreditRequestError.
    """
    _check_reason(reason)
    organization_id = await _find_organization(connection, lot_id)
    async with connection.transaction():
        async with open_desk(connection, organization_id, lot_ids=[lot_id]) as desk:
            lot = desk.book.get_lot(lot_id)
            is_first = lot.revoked_at is None
            taken_nano = 0
            if is_first:
                _expire(desk, lot)
                taken_nano = lot.left_nano
                _take(desk, lot, taken_nano, reason)
                desk.book.revoke(lot, desk.at)
            held_nano = lot.held_nano
        taken = TakenBack(lot_id, organization_id, taken_nano, held_nano)
        if is_first:
            await _record(connection, by, "credits.revoked", taken, reason)
    return taken


async def adjust_lot(
    connection: Connection,
    lot_id: str,
    amount_nano: int,
    *,
    reason: str,
    by: Actor,
    idempotency_key: str = "",
) -> TakenBack:
    """Correct a lot by ``amount_nano``: below zero takes credit away, above puts back what was taken.

    More than was taken is a new grant. Raises LotNotFoundError, CreditRequestError, IdempotencyError.
    """
    _check_reason(reason)
    organization_id = await _find_organization(connection, lot_id)
    asked = {"adjust": lot_id, "amount_nano": str(amount_nano), "reason": reason}
    request = CreditRequest(organization_id, idempotency_key, asked)
    async with connection.transaction():
        if await request.find_outcome(connection) is not None:
            return TakenBack(lot_id, organization_id, -amount_nano, 0)
        async with open_desk(connection, organization_id, lot_ids=[lot_id]) as desk:
            lot = desk.book.get_lot(lot_id)
            _expire(desk, lot)
            _check_adjustment(desk, lot, amount_nano)
            _take(desk, lot, -amount_nano, reason)
            taken = TakenBack(lot_id, organization_id, -amount_nano, lot.held_nano)
        await request.record_outcome(connection, lot_id)
        await _record(connection, by, "credits.adjusted", taken, reason)
    return taken


def _expire(desk: Desk, lot: Lot) -> None:
    """What expired before is breakage, and not given back."""
    desk.batch.end_lots(desk.book, [lot], is_return=False)


def _take(desk: Desk, lot: Lot, amount_nano: int, reason: str) -> None:
    """Book it; even for nothing, so that the end of a lot stands in its history."""
    movement = Movement.REFUND if lot.kind is LotKind.PAID and amount_nano else Movement.ADJUST
    desk.batch.book(
        desk.book, movement, movements.take_back(lot.lot_id, lot.kind, amount_nano), reason=reason
    )


def _check_adjustment(desk: Desk, lot: Lot, amount_nano: int) -> None:
    if not amount_nano:
        _refuse("An adjustment of nothing changes nothing.")
    if -amount_nano > lot.left_nano:
        _refuse(
            f"{render_usd(lot.left_nano)} dollars are left of {lot.lot_id}, not {render_usd(-amount_nano)}."
        )
    if amount_nano > lot.refunded_nano:
        _refuse(
            f"{render_usd(lot.refunded_nano)} dollars were taken out of {lot.lot_id} and may be put back, "
            f"not {render_usd(amount_nano)}; more is a new grant."
        )
    if amount_nano > 0 and lot.is_over(desk.at):
        _refuse(f"The lot {lot.lot_id} is over; give a new one.")


def _check_reason(reason: str) -> None:
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        _refuse(f"A change of credit needs a reason of 1 to {REASON_CHARS_MAX} characters.")


def _refuse(sentence: str) -> NoReturn:
    raise CreditRequestError(sentence)


async def _find_organization(connection: Connection, lot_id: str) -> UUID:
    row = await (await connection.execute(_ORGANIZATION_OF, (lot_id,))).fetchone()
    if row is None:
        raise LotNotFoundError(lot_id)
    found: UUID = row[0]
    return found


async def _record(connection: Connection, by: Actor, action: str, taken: TakenBack, reason: str) -> None:
    details = {"amount": render_usd(-taken.amount_nano), "reason": reason}
    await record_audit(
        connection,
        by,
        action,
        subject=taken.lot_id,
        organization_id=taken.organization_id,
        details=details,
    )
