"""Write-offs: what is owed on a document and given up; the net amount is a bad debt, its tax is not owed."""

from dataclasses import asdict, dataclass

from jeton.billing.currencies import display_minor, render_minor
from jeton.billing.receivables.amounts import part_nano
from jeton.billing.receivables.applying import Act, check_reason
from jeton.billing.receivables.dunning.standing import settle_standing
from jeton.billing.receivables.errors import WriteOffError
from jeton.billing.receivables.storage import find_open_document, insert_row, lock_document, mark_document
from jeton.billing.receivables.words import OpenDocument, WriteOff
from jeton.charging.credits.books import Desk, open_desk
from jeton.charging.credits.requests import CreditRequest
from jeton.db.pool import Connection
from jeton.identity.audit import record_audit
from jeton.ids import new_id
from jeton.ledger import movements
from jeton.ledger.transaction import Movement

_GET = """
    SELECT write_off_id, document_id, organization_id, amount_minor, tax_minor, amount_nano, tax_nano, reason,
           transaction_id, written_off_at, written_off_by
    FROM write_offs WHERE write_off_id = %s
"""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """What to give up: all that is due (None), or so much of it; the same key again changes nothing."""

    document_id: str
    amount_minor: int | None = None
    idempotency_key: str = ""


async def write_off(connection: Connection, asked: GiveUp, act: Act) -> WriteOff:
    """Give up what is due on a document, in the caller's transaction; ``act`` says who approved it and why.

    Raises UnknownDocumentError, WriteOffError, ApplicationError for no reason, IdempotencyError.
    """
    check_reason(act.reason)
    document = await find_open_document(connection, asked.document_id)
    said = {"write_off": asdict(asked), "reason": act.reason}
    request = CreditRequest(document.organization_id, asked.idempotency_key, said)
    async with connection.transaction():
        known = await request.find_outcome(connection)
        if known is not None:
            return await _get(connection, known)
        async with open_desk(connection, document.organization_id, at=act.at) as desk:
            document = await lock_document(connection, asked.document_id)
            written = await _write_off(connection, desk, document, _choose(document, asked), act=act)
        await request.record_outcome(connection, written.write_off_id)
        await record_audit(
            connection,
            act.by,
            "document.written_off",
            subject=document.number,
            organization_id=document.organization_id,
            details={
                "amount": render_minor(written.amount_minor, document.currency),
                "tax": render_minor(written.tax_minor, document.currency),
                "currency": document.currency,
                "reason": act.reason,
            },
        )
        await settle_standing(connection, document.organization_id, at=act.at)
    return written


def _choose(document: OpenDocument, asked: GiveUp) -> int:
    amount_minor = document.due_minor if asked.amount_minor is None else asked.amount_minor
    if document.kind == "credit_note" or not 0 < amount_minor <= document.due_minor:
        due = display_minor(max(0, document.due_minor), document.currency)
        asked_for = display_minor(amount_minor, document.currency)
        raise WriteOffError(f"{due} is due on {document.number}, so {asked_for} cannot be written off.")
    return amount_minor


async def _write_off(
    connection: Connection, desk: Desk, document: OpenDocument, amount_minor: int, *, act: Act
) -> WriteOff:
    amount_nano = part_nano(amount_minor, of_minor=document.due_minor, worth_nano=document.due_nano)
    # What is owed has the same share of tax as the whole document; parts come to that of all of them at once.
    tax_minor = _tax_part(document, amount_minor, document.tax_minor)
    tax_nano = min(_tax_part(document, amount_minor, document.tax_nano), amount_nano)
    transaction_id = desk.batch.book(
        desk.book,
        Movement.WRITE_OFF,
        movements.write_off(amount_nano, tax_nano),
        reason=f"{document.number}: {act.reason}",
    )
    written = WriteOff(
        write_off_id=new_id("wroff"),
        document_id=document.document_id,
        organization_id=document.organization_id,
        amount_minor=amount_minor,
        tax_minor=tax_minor,
        amount_nano=amount_nano,
        tax_nano=tax_nano,
        reason=act.reason,
        transaction_id=transaction_id,
        written_off_at=act.at,
        written_off_by=act.by.name,
    )
    await insert_row(connection, "write_offs", written)
    await mark_document(connection, document.document_id, written_off_minor=amount_minor, at=act.at)
    return written


def _tax_part(document: OpenDocument, amount_minor: int, tax: int) -> int:
    """Of 19 yen of tax in 119: 4 in the first 22, and 3 in the next, since 44 have 7 (7.03)."""
    before, after = (
        part_nano(minor, of_minor=document.total_minor, worth_nano=tax)
        for minor in (document.written_off_minor, document.written_off_minor + amount_minor)
    )
    return after - before


async def _get(connection: Connection, write_off_id: str) -> WriteOff:
    row = await (await connection.execute(_GET, (write_off_id,))).fetchone()
    if row is None:
        raise WriteOffError(f"There is no write-off {write_off_id}.")
    return WriteOff(*row)
