"""Asking: unused credit goes out of its lot, then the provider is asked to give the money back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from jeton.billing.currencies import render_minor
from jeton.billing.payments.errors import NotRefundableError, PaymentAmountError, RefundTooLargeError
from jeton.billing.payments.refunding.booking import book_refund_news, put_back
from jeton.billing.payments.refunding.parts import Part, refund_part, whole_cents
from jeton.billing.payments.refunding.storage import find_refund, insert_refund, sum_refunded
from jeton.billing.payments.storage import change_payment, get_payment
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment, Refund
from jeton.billing.providers.errors import ProviderRefusedError, ProviderUnreachableError
from jeton.charging.credits.books import Desk, open_desk
from jeton.charging.credits.errors import IdempotencyError
from jeton.charging.credits.granting import REASON_CHARS_MAX
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.ledger import movements
from jeton.ledger.lots import Lot
from jeton.ledger.transaction import Movement
from jeton.money import render_usd

_DISPUTED = "SELECT 1 FROM disputes WHERE payment_id = %s AND state <> 'won'"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A refund that is asked for: of which payment, how much credit (all that is left), why, by whom."""

    organization_id: UUID
    payment_id: str
    reason: str
    by: Actor
    credit_nano: int | None = None
    idempotency_key: str = ""


async def refund_payment(till: Till, asked: Asked, *, at: datetime) -> Refund:
    """Refund unused credit of a payment; the same idempotency key again gives nothing back twice.

    Without the provider's answer it stays ``pending``. Raises RefundTooLargeError with both numbers,
    NotRefundableError, PaymentAmountError, PaymentNotFoundError, NoProviderError, and IdempotencyError for
    another amount under a key.
    """
    await till.door.open()
    if not 0 < len(asked.reason) <= REASON_CHARS_MAX:
        raise PaymentAmountError(f"A refund needs a reason of 1 to {REASON_CHARS_MAX} characters.")
    async with till.pool.connection() as connection:
        refund = await take_out(till, connection, asked, at=at)
    return await send_refund(till, refund.refund_id, at=at)


async def take_out(till: Till, connection: Connection, asked: Asked, *, at: datetime) -> Refund:
    """Write the refund and take the credit out of its lot, in the caller's transaction."""
    payment = await get_payment(connection, asked.payment_id, is_locked=True)
    refund_id = new_id("rfnd")
    key = f"{asked.payment_id}/{asked.idempotency_key}" if asked.idempotency_key else f"jeton-{refund_id}"
    known = await find_refund(connection, idempotency_key=key)
    if known is not None:
        if asked.credit_nano not in {None, known.credit_nano}:
            raise IdempotencyError(asked.idempotency_key)
        return known
    await _check(connection, payment, asked)
    lot_ids = [one for one in (payment.lot_id, payment.given_lot_id) if one is not None]
    before_nano = await sum_refunded(connection, payment.payment_id)
    async with open_desk(connection, payment.organization_id, lot_ids=lot_ids, at=at) as desk:
        lots = [desk.book.get_lot(one) for one in lot_ids]
        desk.batch.end_lots(desk.book, lots, is_return=False)
        part = _size(payment, lots[0], asked, before_nano)
        transaction_id, given_nano = _book(desk, lots, part, asked.reason)
    refund = Refund(
        refund_id=refund_id,
        organization_id=payment.organization_id,
        payment_id=payment.payment_id,
        lot_id=payment.lot_id,
        idempotency_key=key,
        credit_nano=part.credit_nano,
        given_nano=given_nano,
        net_minor=part.net_minor,
        tax_minor=part.tax_minor,
        amount_minor=part.amount_minor,
        net_nano=part.net_nano,
        tax_nano=part.tax_nano,
        state="pending",
        provider_refund_id=None,
        failure_reason="",
        reason=asked.reason,
        asked_by=asked.by.name,
        transaction_id=transaction_id,
        asked_at=at,
        settled_at=None,
    )
    await _record(till, connection, payment, refund, by=asked.by)
    return refund


async def send_refund(till: Till, refund_id: str, *, at: datetime) -> Refund:
    """Ask the provider for a refund that is pending, under its own key, and book the answer."""
    provider = await till.door.open()
    async with till.pool.connection() as connection:
        refund = await find_refund(connection, refund_id=refund_id)
        if refund is None:
            raise NotRefundableError(refund_id, "there is no such refund.")
        payment = await get_payment(connection, refund.payment_id)
    if refund.state != "pending" or payment.provider_payment_id is None:
        return refund
    try:
        news = await provider.refund(
            payment.provider_payment_id,
            refund.amount_minor,
            reference=refund_id,
            key=f"jeton-{refund_id}",
        )
    except ProviderUnreachableError as error:
        _log.warning("refund_unanswered", refund_id=refund_id, problem=str(error))
        return refund
    except ProviderRefusedError as error:
        async with till.pool.connection() as connection:
            return await put_back(till, connection, refund_id, why=str(error), at=at)
    async with till.pool.connection() as connection:
        _, booked = await book_refund_news(till, connection, news, at=at)
    return booked or refund


async def _check(connection: Connection, payment: Payment, asked: Asked) -> None:
    if payment.organization_id != asked.organization_id:
        raise NotRefundableError(asked.payment_id, "it is another organization's.")
    if payment.state != "succeeded" or payment.lot_id is None:
        raise NotRefundableError(payment.payment_id, "it bought no credit.")
    row = await (await connection.execute(_DISPUTED, (payment.payment_id,))).fetchone()
    if row is not None:
        raise NotRefundableError(payment.payment_id, "it is disputed, so the bank has the money.")


def _size(payment: Payment, lot: Lot, asked: Asked, before_nano: int) -> Part:
    wanted_nano = asked.credit_nano
    if wanted_nano is None:
        wanted_nano = whole_cents(payment, before_nano=before_nano, left_nano=lot.left_nano)
    if wanted_nano > lot.left_nano:
        raise RefundTooLargeError(render_usd(wanted_nano), render_usd(lot.left_nano))
    part = None
    if wanted_nano > 0:
        part = refund_part(payment, before_nano=before_nano, credit_nano=wanted_nano)
    if part is None or not part.amount_minor:
        raise NotRefundableError(
            payment.payment_id, f"{render_usd(lot.left_nano)} dollars of its credit are left unused."
        )
    return part


def _book(desk: Desk, lots: list[Lot], part: Part, reason: str) -> tuple[str, int]:
    """Book it; return the transaction's id, and how much of the bonus went."""
    lot, given_nano = lots[0], 0
    postings = movements.refund(lot, part.credit_nano, net_nano=part.net_nano, tax_nano=part.tax_nano)
    transaction_id = desk.batch.book(desk.book, Movement.REFUND, postings, reason=reason)
    for bonus in lots[1:]:
        # What was given with it goes in proportion, as far as it is still there.
        given_nano = min(part.given_nano, bonus.left_nano)
        if given_nano:
            back = movements.take_back(bonus.lot_id, bonus.kind, given_nano)
            desk.batch.book(desk.book, Movement.ADJUST, back, reason=f"given with what is refunded: {reason}")
    return transaction_id, given_nano


async def _record(till: Till, connection: Connection, payment: Payment, refund: Refund, *, by: Actor) -> None:
    await insert_refund(connection, refund)
    await change_payment(
        connection,
        payment,
        refunded_minor=payment.refunded_minor + refund.amount_minor,
        refunded_tax_minor=payment.refunded_tax_minor + refund.tax_minor,
    )
    await record_audit(
        connection,
        by,
        "payment.refunded",
        subject=payment.payment_id,
        organization_id=payment.organization_id,
        details={
            "refund_id": refund.refund_id,
            "credit": render_usd(refund.credit_nano),
            "amount": f"{payment.currency} {render_minor(refund.amount_minor, payment.currency)}",
            "reason": refund.reason,
        },
    )
    if till.hooks.refunded is not None:
        await till.hooks.refunded(connection, refund, refund.asked_at)
