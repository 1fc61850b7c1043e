"""Recording: money that came in for documents, once; and what went out of it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal

from jeton.billing.currencies import display_minor, minor_digits, render_minor
from jeton.billing.invoicing.rates import LEDGER_CURRENCY, find_rates
from jeton.billing.invoicing.rounding import scale, to_nano
from jeton.billing.receivables.amounts import part_nano
from jeton.billing.receivables.applying import (
    Act,
    apply_shares,
    check_reason,
    free_everything,
    pour_credit,
    take_off,
)
from jeton.billing.receivables.dunning.standing import settle_standing
from jeton.billing.receivables.errors import ReceiptError, ReceiptKnownError
from jeton.billing.receivables.storage import (
    change_left,
    find_known_payment,
    find_open_document,
    get_received_payment,
    insert_row,
    list_on_documents,
)
from jeton.billing.receivables.telling import tell_received
from jeton.billing.receivables.words import Application, Receipt, ReceivedPayment, Share
from jeton.charging.credits.books import Desk, open_desk
from jeton.db.pool import Connection
from jeton.identity.audit import record_audit
from jeton.ids import new_id
from jeton.ledger import movements
from jeton.ledger.transaction import Movement

AMOUNT_MINOR_MAX = 10**13
TEXT_CHARS_MAX = 1_000
EXTERNAL_CHARS_MAX = 300

ReturnKind = Literal["void", "paid_back", "taken_back"]

_RETURN = """
    INSERT INTO payment_returns (return_id, organization_id, payment_id, kind, amount_minor, amount_nano,
        reason, transaction_id, returned_at, returned_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded, and what of it went to documents; ``is_new`` is False for the same money again."""

    payment: ReceivedPayment
    applied: tuple[Application, ...]
    is_new: bool


async def record_payment(
    connection: Connection, receipt: Receipt, shares: Sequence[Share] | None, act: Act
) -> Recorded:
    """Record money that came in and put it on documents, in the caller's transaction.

    ``shares`` None: on what the organization has to pay, the longest due first; what is left over is credit
    and goes to the next document by itself. The same money (``external_id``) again changes nothing. Raises
    ReceiptError, ReceiptKnownError, NotFoundError, UnknownDocumentError, ApplicationError,
    MissingRateError.
    """
    _check(receipt, shares)
    async with connection.transaction():
        async with open_desk(connection, receipt.organization_id, at=act.at) as desk:
            known = await find_known_payment(connection, receipt.method, receipt.external_id)
            if known is not None:
                return Recorded(_same(known, receipt), (), is_new=False)
            amount_nano = await _value(connection, receipt, shares or (), desk.at)
            payment = book_receipt(desk, receipt, amount_nano, act=act)
            await insert_row(connection, "received_payments", payment)
            if shares is None:
                applied = await pour_credit(connection, desk, act=act)
            else:
                applied = await apply_shares(connection, desk, payment, shares, act=act)
        await record_audit(
            connection,
            act.by,
            "payment.recorded",
            subject=payment.payment_id,
            organization_id=receipt.organization_id,
            details={
                "amount": render_minor(receipt.amount_minor, receipt.currency),
                "currency": receipt.currency,
                "method": receipt.method,
                "reason": receipt.reason,
                "documents": [one.document_id for one in applied],
            },
        )
        payment = await get_received_payment(connection, payment.payment_id)
        await tell_received(connection, payment, applied, at=act.at)
        await settle_standing(connection, receipt.organization_id, at=act.at)
    return Recorded(payment, tuple(applied), is_new=True)


async def void_payment(connection: Connection, payment_id: str, act: Act) -> ReceivedPayment:
    """A payment was not real (a cheque that bounced, another's money): its exact reverse, once.

    What it paid is due again. In the caller's transaction. Raises ReceivedPaymentNotFoundError, ReceiptError,
    ApplicationError.
    """
    check_reason(act.reason)
    payment = await get_received_payment(connection, payment_id)
    if payment.method == "credit_note":
        raise ReceiptError(f"{payment_id} is a credit note's and no money that came in.")
    async with connection.transaction():
        async with open_desk(connection, payment.organization_id, at=act.at) as desk:
            await free_everything(connection, desk, payment_id, act=act)
            payment = await get_received_payment(connection, payment_id, is_locked=True)
            if payment.voided_at is not None:
                raise ReceiptError(f"{payment_id} was voided already.")
            if payment.returned_minor:
                raise ReceiptError(f"A part of {payment_id} went back already, so it was real.")
            await _send_back(connection, desk, payment, payment.unapplied_minor, kind="void", act=act)
        await _audit(connection, payment, "payment.voided", payment.amount_minor, act)
        await settle_standing(connection, payment.organization_id, at=act.at)
    return await get_received_payment(connection, payment_id)


async def pay_back(connection: Connection, payment_id: str, amount_minor: int, act: Act) -> ReceivedPayment:
    """Note that credit which is on no document was paid back; whoever pays does so at the bank.

    In the caller's transaction. Raises ReceivedPaymentNotFoundError, ReceiptError.
    """
    check_reason(act.reason)
    payment = await get_received_payment(connection, payment_id)
    async with connection.transaction():
        async with open_desk(connection, payment.organization_id, at=act.at) as desk:
            payment = await get_received_payment(connection, payment_id, is_locked=True)
            if not 0 < amount_minor <= payment.unapplied_minor:
                left = display_minor(payment.unapplied_minor, payment.currency)
                asked = display_minor(amount_minor, payment.currency)
                raise ReceiptError(
                    f"{left} of {payment_id} is on no document and can be paid back, not {asked}."
                )
            await _send_back(connection, desk, payment, amount_minor, kind="paid_back", act=act)
        await _audit(connection, payment, "payment.paid_back", amount_minor, act)
    return await get_received_payment(connection, payment_id)


async def return_payment(connection: Connection, payment_id: str, amount_minor: int, act: Act) -> None:
    """A bank or the provider took a part back: what is on no document goes first, then what is on the last.

    What is taken off and not returned goes on to its document again. In the caller's transaction. Raises
    ReceivedPaymentNotFoundError, and ReceiptError for more than is there.
    """
    payment = await get_received_payment(connection, payment_id)
    async with connection.transaction():
        async with open_desk(connection, payment.organization_id, at=act.at) as desk:
            for one in reversed(await list_on_documents(connection, payment_id)):
                payment = await get_received_payment(connection, payment_id, is_locked=True)
                if payment.unapplied_minor >= amount_minor:
                    break
                await take_off(connection, desk, one.application_id, act=act)
                left_minor = payment.unapplied_minor + one.amount_minor - amount_minor
                if left_minor > 0:
                    kept = [Share(one.document_id, left_minor)]
                    await apply_shares(connection, desk, payment, kept, act=act)
            payment = await get_received_payment(connection, payment_id, is_locked=True)
            if amount_minor > payment.unapplied_minor:
                left = display_minor(payment.unapplied_minor, payment.currency)
                asked = display_minor(amount_minor, payment.currency)
                raise ReceiptError(f"{left} of {payment_id} is still here, so {asked} cannot have gone back.")
            await _send_back(connection, desk, payment, amount_minor, kind="taken_back", act=act)
        await _audit(connection, payment, "payment.taken_back", amount_minor, act)
        await settle_standing(connection, payment.organization_id, at=act.at)


def book_receipt(desk: Desk, receipt: Receipt, amount_nano: int, *, act: Act) -> ReceivedPayment:
    """Post money that came in to a locked book; the row of it is the caller's to write."""
    payment_id = new_id("rcvd")
    transaction_id = desk.batch.book(
        desk.book,
        Movement.INVOICE_PAY,
        movements.invoice_pay(amount_nano),
        reason=f"{payment_id}: {receipt.reason}"[:TEXT_CHARS_MAX],
    )
    return ReceivedPayment(
        payment_id=payment_id,
        organization_id=receipt.organization_id,
        method=receipt.method,
        external_id=receipt.external_id,
        currency=receipt.currency,
        amount_minor=receipt.amount_minor,
        amount_nano=amount_nano,
        unapplied_minor=receipt.amount_minor,
        unapplied_nano=amount_nano,
        returned_minor=0,
        is_automatic=True,
        received_on=receipt.received_on,
        payer=receipt.payer,
        reference=receipt.reference,
        reason=receipt.reason,
        recorded_at=desk.at,
        recorded_by=act.by.name,
        transaction_id=transaction_id,
        voided_at=None,
    )


async def _send_back(
    connection: Connection,
    desk: Desk,
    payment: ReceivedPayment,
    amount_minor: int,
    *,
    kind: ReturnKind,
    act: Act,
) -> None:
    """Money that is on no document left again; with the books and the payment locked, at most what is left.

    What a credit note left leaves as money, too: whoever is paid back has no credit any more.
    """
    nano = part_nano(amount_minor, of_minor=payment.unapplied_minor, worth_nano=payment.unapplied_nano)
    transaction_id = desk.batch.book(
        desk.book,
        Movement.INVOICE_PAY,
        movements.invoice_pay(-nano),
        reason=f"{payment.payment_id}: {act.reason}",
    )
    values = (
        new_id("rtrn"), payment.organization_id, payment.payment_id, kind, amount_minor, nano, act.reason,
        transaction_id, act.at, act.by.name,
    )  # fmt: skip
    await connection.execute(_RETURN, values)
    await change_left(
        connection,
        payment,
        minor=-amount_minor,
        nano=-nano,
        returned=0 if kind == "void" else amount_minor,
        voided_at=act.at if kind == "void" else None,
    )


async def _value(connection: Connection, receipt: Receipt, shares: Sequence[Share], at: datetime) -> int:
    """What the money is worth in nano: at the rate of the first document it is for, else of its day.

    So what pays one document whole is worth just what that has in receivable.
    """
    if shares and receipt.currency != LEDGER_CURRENCY:
        document = await find_open_document(connection, shares[0].document_id)
        if document.due_minor and document.currency == receipt.currency:
            return round(Fraction(receipt.amount_minor * document.due_nano, document.due_minor))
    on = min(receipt.received_on, at.date())
    found = await find_rates(connection, [receipt.currency], on)
    rate = found.get(receipt.currency)
    if rate is None:
        raise ReceiptError(
            f"No exchange rate for {receipt.currency} is noted for {on}; note one with `jeton invoices rate`,"
            " or say which document this pays."
        )
    return to_nano(receipt.amount_minor, scale(receipt.currency, rate))


def _check(receipt: Receipt, shares: Sequence[Share] | None) -> None:
    check_reason(receipt.reason)
    minor_digits(receipt.currency)
    amount = display_minor(receipt.amount_minor, receipt.currency)
    if not 0 < receipt.amount_minor <= AMOUNT_MINOR_MAX:
        raise ReceiptError(f"{amount} cannot be recorded as a payment.")
    if len(receipt.external_id) > EXTERNAL_CHARS_MAX:
        raise ReceiptError(f"A reference of the bank has at most {EXTERNAL_CHARS_MAX} characters.")
    if max(len(receipt.payer), len(receipt.reference)) > TEXT_CHARS_MAX:
        raise ReceiptError(f"The payer and the reference have at most {TEXT_CHARS_MAX} characters each.")
    given = sum(share.amount_minor for share in shares or ())
    if given > receipt.amount_minor:
        asked = display_minor(given, receipt.currency)
        raise ReceiptError(f"{amount} came in, and {asked} is to go to documents.")


def _same(known: ReceivedPayment, receipt: Receipt) -> ReceivedPayment:
    was = (known.organization_id, known.currency, known.amount_minor)
    if was != (receipt.organization_id, receipt.currency, receipt.amount_minor):
        raise ReceiptKnownError(receipt.external_id, known.payment_id)
    return known


async def _audit(
    connection: Connection, payment: ReceivedPayment, action: str, amount_minor: int, act: Act
) -> None:
    await record_audit(
        connection,
        act.by,
        action,
        subject=payment.payment_id,
        organization_id=payment.organization_id,
        details={
            "amount": render_minor(amount_minor, payment.currency),
            "currency": payment.currency,
            "reason": act.reason,
        },
    )
