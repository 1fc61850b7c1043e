"""Assigning: what the operator does with lines that left a doubt."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Literal

from psycopg.rows import class_row

from jeton.billing.currencies import display_minor
from jeton.billing.receivables.applying import Act, check_reason
from jeton.billing.receivables.errors import (
    ApplicationError,
    BankLineEndedError,
    BankLineNotFoundError,
    ReceiptError,
)
from jeton.billing.receivables.recording import void_payment
from jeton.billing.receivables.statements.candidates import list_candidates
from jeton.billing.receivables.statements.importing import record_line
from jeton.billing.receivables.statements.matching import Match, match
from jeton.billing.receivables.statements.posting.returns import Returned, find_returned
from jeton.billing.receivables.statements.posting.twins import MAY_BE_KNOWN
from jeton.billing.receivables.statements.words import StatementLine
from jeton.billing.receivables.storage import find_open_document, get_received_payment
from jeton.billing.receivables.words import OpenDocument, Share
from jeton.db.pool import Connection
from jeton.identity.audit import record_audit

LINES_MAX = 1_000

LineState = Literal["open", "applied", "assigned", "ignored"]


@dataclass(frozen=True, slots=True)
class BankLine:
    """A line as it is stored, and what became of it."""

    line_id: str
    statement_id: str
    position: int
    account: str
    bank_reference: str
    booked_on: date
    amount_minor: int
    currency: str
    payer: str
    remittance: str
    end_to_end_id: str
    creditor_reference: str
    is_return: bool
    state: LineState
    verdict: str
    why: str
    payment_id: str | None
    ended_at: datetime | None
    ended_by: str
    same_as: str | None

    @property
    def line(self) -> StatementLine:
        """The line as its bank wrote it."""
        return StatementLine(
            position=self.position,
            bank_reference=self.bank_reference,
            booked_on=self.booked_on,
            amount_minor=self.amount_minor,
            currency=self.currency,
            payer=self.payer,
            remittance=self.remittance,
            end_to_end_id=self.end_to_end_id,
            creditor_reference=self.creditor_reference,
            is_return=self.is_return,
        )


_COLUMNS = ", ".join(entry.name for entry in fields(BankLine))
_LIST = f"""
    SELECT {_COLUMNS} FROM bank_lines WHERE state = %s ORDER BY booked_on, statement_id, position LIMIT %s
"""  # noqa: S608 - names of our own
_GET = f"SELECT {_COLUMNS} FROM bank_lines WHERE line_id = %s"  # noqa: S608 - as above
# Its id does not change: whoever writes that another line is the same as this one need not wait.
_LOCK = f"{_GET} FOR NO KEY UPDATE"
_END = "UPDATE bank_lines SET state = %s, payment_id = %s, ended_at = %s, ended_by = %s WHERE line_id = %s"


async def list_lines(
    connection: Connection, *, state: LineState = "open", limit: int = LINES_MAX
) -> list[BankLine]:
    """Lines in one state, the oldest first; ``open`` are those that wait for the operator."""
    async with connection.cursor(row_factory=class_row(BankLine)) as cursor:
        await cursor.execute(_LIST, (state, min(limit, LINES_MAX)))
        return await cursor.fetchall()


async def get_line(connection: Connection, line_id: str, *, is_locked: bool = False) -> BankLine:
    """One line; BankLineNotFoundError."""
    async with connection.cursor(row_factory=class_row(BankLine)) as cursor:
        await cursor.execute(_LOCK if is_locked else _GET, (line_id,))
        line = await cursor.fetchone()
    if line is None:
        raise BankLineNotFoundError(line_id)
    return line


async def propose(connection: Connection, line: BankLine) -> tuple[Match, tuple[OpenDocument, ...]]:
    """What speaks for which documents, as things stand now."""
    if line.amount_minor < 0:
        return Match("unknown", None, (), line.why), ()
    found = match(line.line, await list_candidates(connection, line.line))
    if line.why.startswith(MAY_BE_KNOWN):
        # The doubt comes first: whoever assigns it says that it is another payment.
        found = replace(found, verdict="ambiguous", why=line.why)
    documents = [await find_open_document(connection, share.document_id) for share in found.shares]
    return found, tuple(documents)


async def assign_line(connection: Connection, line_id: str, shares: Sequence[Share], act: Act) -> str:
    """Record the money of a line that waits and put it on documents; the payment's id.

    What the shares leave is credit of the same organization. In the caller's transaction. Raises
    BankLineNotFoundError, BankLineEndedError, UnknownDocumentError, ReceiptError, ApplicationError.
    """
    check_reason(act.reason)
    async with connection.transaction():
        line = await _lock(connection, line_id)
        if line.amount_minor < 0:
            raise ApplicationError("This money went out: say which payment it returns, or ignore the line.")
        if not shares:
            raise ApplicationError("Say at least one document that this pays.")
        document = await find_open_document(connection, shares[0].document_id)
        found = Match("matched", document.organization_id, tuple(shares), act.reason)
        payment_id = await record_line(
            connection, line.line, (line.account, document.organization_id), found, act=act
        )
        await connection.execute(_END, ("assigned", payment_id, act.at, act.by.name, line_id))
        await record_audit(
            connection,
            act.by,
            "bank_line.assigned",
            subject=line_id,
            organization_id=document.organization_id,
            details={"reason": act.reason, "payment": payment_id},
        )
    return payment_id


async def return_line(connection: Connection, line_id: str, *, payment_id: str, act: Act) -> None:
    """Money that went out returned a payment: it is voided, and what it paid is due again.

    In the caller's transaction. Raises BankLineNotFoundError, BankLineEndedError, ReceiptError for another
    amount or a payment that is void, ReceivedPaymentNotFoundError.
    """
    check_reason(act.reason)
    async with connection.transaction():
        line = await _lock(connection, line_id)
        payment = await get_received_payment(connection, payment_id)
        if (payment.amount_minor, payment.currency) != (-line.amount_minor, line.currency):
            came_in = display_minor(payment.amount_minor, payment.currency)
            went_out = display_minor(-line.amount_minor, line.currency)
            raise ReceiptError(f"{payment_id} was {came_in}, and {went_out} went out.")
        await void_payment(connection, payment_id, act)
        await connection.execute(_END, ("assigned", payment_id, act.at, act.by.name, line_id))
        await record_audit(
            connection,
            act.by,
            "bank_line.returned",
            subject=line_id,
            organization_id=payment.organization_id,
            details={"reason": act.reason, "payment": payment_id},
        )


async def list_returned(connection: Connection, line: BankLine) -> Returned:
    """Which payments a line that went out may return, as things stand now."""
    return await find_returned(connection, line.line)


async def ignore_line(connection: Connection, line_id: str, act: Act) -> None:
    """A line is no payment of ours, or was dealt with otherwise; in the caller's transaction.

    Raises BankLineNotFoundError, BankLineEndedError, ApplicationError for no reason.
    """
    check_reason(act.reason)
    async with connection.transaction():
        await _lock(connection, line_id)
        await connection.execute(_END, ("ignored", None, act.at, act.by.name, line_id))
        await record_audit(
            connection, act.by, "bank_line.ignored", subject=line_id, details={"reason": act.reason}
        )


async def _lock(connection: Connection, line_id: str) -> BankLine:
    line = await get_line(connection, line_id, is_locked=True)
    if line.state != "open":
        raise BankLineEndedError(line_id, line.state)
    return line
