"""Applying: what of a payment goes to which document, and taking it off again.

A document's receivable is cleared exactly by its last payment, in any currency: each payment clears its part
of what is left, the last one all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jeton.billing.currencies import display_minor
from jeton.billing.receivables.amounts import part_nano
from jeton.billing.receivables.dunning.standing import settle_standing
from jeton.billing.receivables.errors import ApplicationError
from jeton.billing.receivables.storage import (
    change_left,
    get_application,
    get_received_payment,
    insert_row,
    list_of_document,
    list_on_documents,
    list_open_documents,
    list_unapplied,
    lock_document,
    mark_document,
)
from jeton.billing.receivables.words import Application, OpenDocument, ReceivedPayment, Share
from jeton.charging.credits.books import Desk, open_desk
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.ledger import movements
from jeton.ledger.transaction import Movement

REASON_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Act:
    """By whom, when and why something is done by hand or by itself."""

    by: Actor
    at: datetime
    reason: str = ""


async def apply_payment(
    connection: Connection, payment_id: str, shares: Sequence[Share], act: Act
) -> list[Application]:
    """Put parts of what is left of a payment on documents, in the caller's transaction.

    Raises ReceivedPaymentNotFoundError, UnknownDocumentError, and ApplicationError for another organization
    or currency, and for more than is left or due.
    """
    payment = await get_received_payment(connection, payment_id)
    async with connection.transaction():
        async with open_desk(connection, payment.organization_id, at=act.at) as desk:
            applied = await apply_shares(connection, desk, payment, shares, act=act)
        await record_audit(
            connection,
            act.by,
            "payment.applied",
            subject=payment_id,
            organization_id=payment.organization_id,
            details={"reason": act.reason, "documents": [one.document_id for one in applied]},
        )
        await settle_standing(connection, payment.organization_id, at=act.at)
    return applied


async def apply_shares(
    connection: Connection, desk: Desk, payment: ReceivedPayment, shares: Sequence[Share], *, act: Act
) -> list[Application]:
    """As ``apply_payment``, with the books locked, and neither audit nor standing."""
    documents = {
        document_id: await lock_document(connection, document_id)
        for document_id in sorted({share.document_id for share in shares})
    }
    left = await get_received_payment(connection, payment.payment_id, is_locked=True)
    applied = []
    for share in shares:
        document = documents[share.document_id]
        _check(left, document, share.amount_minor)
        application = await _apply(connection, desk, left, (document, share.amount_minor), act=act)
        applied.append(application)
        documents[share.document_id] = await lock_document(connection, share.document_id)
        left = await get_received_payment(connection, payment.payment_id, is_locked=True)
    return applied


async def unapply(connection: Connection, application_id: str, act: Act) -> Application:
    """Take what a payment paid off its document again, by its exact reverse; in the caller's transaction.

    What is taken off is credit of the organization and stays where a person puts it. Raises
    ApplicationNotFoundError, ApplicationError.
    """
    check_reason(act.reason)
    found = await get_application(connection, application_id)
    async with connection.transaction():
        async with open_desk(connection, found.organization_id, at=act.at) as desk:
            undone = await take_off(connection, desk, application_id, act=act)
        await record_audit(
            connection,
            act.by,
            "payment.unapplied",
            subject=found.payment_id,
            organization_id=found.organization_id,
            details={"reason": act.reason, "document": found.document_id, "application": application_id},
        )
        await settle_standing(connection, found.organization_id, at=act.at)
    return undone


async def take_off(
    connection: Connection, desk: Desk, application_id: str, *, act: Act, is_automatic: bool = False
) -> Application:
    """As ``unapply``, with the books locked, and neither audit nor standing."""
    document_id = (await get_application(connection, application_id)).document_id
    document = await lock_document(connection, document_id)
    # Read again under the lock: of two at once the second finds it gone.
    found = await get_application(connection, application_id)
    payment = await get_received_payment(connection, found.payment_id, is_locked=True)
    transaction_id = desk.batch.book(
        desk.book,
        Movement.INVOICE_PAY,
        movements.unapply_payment(found.released_nano, found.amount_nano),
        reason=f"{payment.payment_id} is taken off {document.number}",
    )
    undone = Application(
        application_id=new_id("appl"),
        organization_id=found.organization_id,
        payment_id=found.payment_id,
        document_id=document_id,
        amount_minor=-found.amount_minor,
        amount_nano=-found.amount_nano,
        released_nano=-found.released_nano,
        undoes=application_id,
        reason=act.reason,
        transaction_id=transaction_id,
        applied_at=act.at,
        applied_by=act.by.name,
    )
    await insert_row(connection, "payment_applications", undone)
    await change_left(
        connection,
        payment,
        minor=found.amount_minor,
        nano=found.released_nano,
        is_automatic=is_automatic,
    )
    await mark_document(connection, document_id, paid_minor=-found.amount_minor, at=act.at)
    return undone


async def pour_credit(connection: Connection, desk: Desk, *, act: Act) -> list[Application]:
    """Put credit on what the organization has to pay, the longest due first; the books are locked."""
    applied: list[Application] = []
    for payment in await list_unapplied(connection, desk.book.organization_id):
        if not payment.is_automatic:
            continue
        left_minor = payment.unapplied_minor
        shares = []
        for document in await list_open_documents(connection, payment.organization_id):
            if document.currency == payment.currency and left_minor:
                amount_minor = min(left_minor, document.due_minor)
                shares.append(Share(document.document_id, amount_minor))
                left_minor -= amount_minor
        applied += await apply_shares(connection, desk, payment, shares, act=act)
    return applied


async def free_payments(connection: Connection, desk: Desk, document_id: str, *, act: Act) -> int:
    """Take every payment off a document that was cancelled; how many. They go on to the next one."""
    on_document = await list_of_document(connection, document_id)
    for one in on_document:
        await take_off(connection, desk, one.application_id, act=act, is_automatic=True)
    return len(on_document)


async def free_everything(connection: Connection, desk: Desk, payment_id: str, *, act: Act) -> int:
    """Take a payment off everything that it is on; how many."""
    on_documents = await list_on_documents(connection, payment_id)
    for one in on_documents:
        await take_off(connection, desk, one.application_id, act=act)
    return len(on_documents)


def check_reason(reason: str) -> None:
    """Raise ApplicationError unless a reason can be kept and shown."""
    if not 0 < len(reason.strip()) <= REASON_CHARS_MAX or not reason.isprintable():
        raise ApplicationError(f"It needs a reason of 1 to {REASON_CHARS_MAX} printable characters.")


def book_share(
    desk: Desk, payment: ReceivedPayment, part: tuple[OpenDocument, int], *, act: Act
) -> Application:
    """Post a part of a payment on a document, both locked; the rows are the caller's to write."""
    document, amount_minor = part
    cleared_nano = part_nano(amount_minor, of_minor=document.due_minor, worth_nano=document.due_nano)
    released_nano = part_nano(
        amount_minor, of_minor=payment.unapplied_minor, worth_nano=payment.unapplied_nano
    )
    transaction_id = desk.batch.book(
        desk.book,
        Movement.INVOICE_PAY,
        movements.apply_payment(released_nano, cleared_nano),
        reason=f"{payment.payment_id} pays {document.number}",
    )
    return Application(
        application_id=new_id("appl"),
        organization_id=payment.organization_id,
        payment_id=payment.payment_id,
        document_id=document.document_id,
        amount_minor=amount_minor,
        amount_nano=cleared_nano,
        released_nano=released_nano,
        undoes=None,
        reason=act.reason,
        transaction_id=transaction_id,
        applied_at=act.at,
        applied_by=act.by.name,
    )


async def _apply(
    connection: Connection, desk: Desk, payment: ReceivedPayment, part: tuple[OpenDocument, int], *, act: Act
) -> Application:
    application = book_share(desk, payment, part, act=act)
    amount_minor = application.amount_minor
    await insert_row(connection, "payment_applications", application)
    await change_left(connection, payment, minor=-amount_minor, nano=-application.released_nano)
    await mark_document(connection, application.document_id, paid_minor=amount_minor, at=act.at)
    return application


def _check(payment: ReceivedPayment, document: OpenDocument, amount_minor: int) -> None:
    if document.organization_id != payment.organization_id:
        raise ApplicationError(
            f"{document.number} is not of the organization that paid {payment.payment_id}."
        )
    if document.currency != payment.currency:
        raise ApplicationError(
            f"{document.number} is in {document.currency}, and {payment.payment_id} in {payment.currency}."
        )
    if document.kind == "credit_note":
        raise ApplicationError(f"{document.number} is a credit note: nothing is paid on it.")
    asked = display_minor(amount_minor, payment.currency)
    if amount_minor <= 0:
        raise ApplicationError(f"{asked} cannot be applied; give an amount above zero.")
    if amount_minor > payment.unapplied_minor:
        left = display_minor(payment.unapplied_minor, payment.currency)
        raise ApplicationError(f"{left} is left of {payment.payment_id}, not {asked}.")
    if amount_minor > document.due_minor:
        due = display_minor(document.due_minor, document.currency)
        raise ApplicationError(f"{due} is due on {document.number}, not {asked}.")
