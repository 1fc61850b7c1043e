"""Reversing: a charge that should not have been is undone, with a credit note in the ledger.

The charge stays as it is: a fact. What its lots paid goes back into the same lots, last drawn first, as
the charge recorded it. The organization then stands where it would stand without the charge: so credit
that comes back to a lot which has expired meanwhile expires at once, since unused it would have, too.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from jeton.charging.credits.books import Desk, know_end_user, open_desk
from jeton.charging.credits.errors import ChargeNotFoundError, CreditRequestError, ReversedError
from jeton.charging.credits.granting import REASON_CHARS_MAX
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ledger import movements
from jeton.ledger.budgets.budgets import Asker
from jeton.ledger.lots import Draw, unwind
from jeton.ledger.transaction import NO_LOT, Movement
from jeton.money import render_usd

_FIND_CHARGE = """
    SELECT organization_id, net_nano, draws, workspace_id, key_id, held_at, model, end_user, tag
    FROM charges WHERE request_id = %s
"""
_FIND = """
    SELECT request_id, organization_id, amount_nano, owed_nano, draws, reason, approved_by, transaction_id,
           reversed_at
    FROM reversals WHERE request_id = %s
"""
_RECORD = """
    INSERT INTO reversals (request_id, organization_id, amount_nano, owed_nano, draws, reason, approved_by,
                           transaction_id, reversed_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_COUNT = "SELECT count_reversal(%s)"


@dataclass(frozen=True, slots=True)
class Reversal:
    """A charge undone, in whole or in part; amounts in nano, ``draws`` in the order they went back."""

    request_id: str
    organization_id: UUID
    amount_nano: int
    owed_nano: int
    draws: tuple[Draw, ...]
    reason: str
    approved_by: str
    transaction_id: str
    reversed_at: datetime


async def reverse_charge(
    connection: Connection, request_id: str, *, reason: str, by: Actor, amount_nano: int | None = None
) -> Reversal:
    """Undo a charge, or ``amount_nano`` of it, in the caller's transaction; once for ever.

    Budgets no longer count what was reversed. The same again returns what was done the first time. Raises
    ChargeNotFoundError, CreditRequestError, and ReversedError where another amount was reversed before.
    """
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        raise CreditRequestError(f"A reversal needs a reason of 1 to {REASON_CHARS_MAX} characters.")
    row = await (await connection.execute(_FIND_CHARGE, (request_id,))).fetchone()
    if row is None:
        raise ChargeNotFoundError(request_id)
    net_nano = int(row[1])
    wanted_nano = net_nano if amount_nano is None else amount_nano
    if not 0 < wanted_nano <= net_nano:
        raise CreditRequestError(
            f"The charge of {request_id} is {render_usd(net_nano)} dollars, so {render_usd(wanted_nano)} "
            "cannot be reversed."
        )
    paid = tuple(Draw(lot_id, nano) for lot_id, nano in row[2])
    lot_ids = [drawn.lot_id for drawn in paid if drawn.lot_id != NO_LOT]
    async with (
        connection.transaction(),
        open_desk(connection, row[0], lot_ids=lot_ids, request_ids=[request_id]) as desk,
    ):
        # Under the lock of the book, so of two at once the second finds the first.
        known = await find_reversal(connection, request_id)
        if known is not None:
            if known.amount_nano != wanted_nano:
                raise ReversedError(request_id, render_usd(known.amount_nano))
            return known
        reversal = _book(desk, paid, _Wanted(request_id, net_nano, wanted_nano, reason, by.name))
        payer = Asker(*row[3:])
        await know_end_user(connection, desk.book, payer)
        desk.book.budgets.give_back(payer, wanted_nano)
        await _record(connection, reversal, by)
    return reversal


async def find_reversal(connection: Connection, request_id: str) -> Reversal | None:
    """The reversal of a charge, if there was one."""
    row = await (await connection.execute(_FIND, (request_id,))).fetchone()
    if row is None:
        return None
    values = list(row)
    values[4] = tuple(Draw(lot_id, nano) for lot_id, nano in row[4])
    return Reversal(*values)


@dataclass(frozen=True, slots=True)
class _Wanted:
    request_id: str
    net_nano: int
    amount_nano: int
    reason: str
    approved_by: str


def _book(desk: Desk, paid: tuple[Draw, ...], wanted: _Wanted) -> Reversal:
    """Book the credit note, and the end of what came back to lots that are over."""
    # What no lot paid was owed, and is the first that is owed no more.
    owed_nano = min(wanted.amount_nano, wanted.net_nano - sum(drawn.amount_nano for drawn in paid))
    draws = unwind(paid, wanted.amount_nano - owed_nano)
    book, batch = desk.book, desk.batch
    lots = [lot for drawn in draws if (lot := book.find_lot(drawn.lot_id)) is not None]
    # What was left when they expired is booked for that instant, what comes back for this one.
    batch.end_lots(book, lots, is_return=False)
    transaction_id = batch.book(
        book,
        Movement.CREDIT_NOTE,
        movements.credit_note(draws, owed_nano, book.kind_of),
        request_id=wanted.request_id,
        reason=wanted.reason,
    )
    batch.end_lots(book, lots, is_return=True)
    return Reversal(
        request_id=wanted.request_id,
        organization_id=book.organization_id,
        amount_nano=wanted.amount_nano,
        owed_nano=owed_nano,
        draws=draws,
        reason=wanted.reason,
        approved_by=wanted.approved_by,
        transaction_id=transaction_id,
        reversed_at=desk.at,
    )


async def _record(connection: Connection, reversal: Reversal, by: Actor) -> None:
    draws = [(drawn.lot_id, drawn.amount_nano) for drawn in reversal.draws]
    await connection.execute(
        _RECORD,
        (
            reversal.request_id,
            reversal.organization_id,
            reversal.amount_nano,
            reversal.owed_nano,
            Jsonb(draws),
            reversal.reason,
            reversal.approved_by,
            reversal.transaction_id,
            reversal.reversed_at,
        ),
    )
    await connection.execute(_COUNT, (reversal.request_id,))
    await record_audit(
        connection,
        by,
        "charge.reversed",
        subject=reversal.request_id,
        organization_id=reversal.organization_id,
        details={"amount": render_usd(reversal.amount_nano), "reason": reversal.reason},
    )
