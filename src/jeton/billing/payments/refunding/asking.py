"""Asking: unused credit goes out of its lot, then the provider is asked to give the money back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from jeton.billing.payments.disputing.storage import sum_disputed
from jeton.billing.payments.errors import NotRefundableError, PaymentAmountError, RefundTooLargeError
from jeton.billing.payments.refunding.booking import book_refund_news, put_back
from jeton.billing.payments.refunding.parts import Part, refund_part, whole_cents
from jeton.billing.payments.refunding.recording import record_refund, take_from_lots
from jeton.billing.payments.refunding.storage import find_refund, sum_refunded
from jeton.billing.payments.sending import KEY_VALID
from jeton.billing.payments.storage import get_payment
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment, Refund
from jeton.billing.providers.errors import ProviderRefusedError, ProviderUnreachableError
from jeton.charging.credits.books import open_desk
from jeton.charging.credits.errors import IdempotencyError
from jeton.charging.credits.granting import REASON_CHARS_MAX
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.ids import new_id
from jeton.ledger.lots import Lot
from jeton.money import render_usd

_ALL = "all:"

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
    another amount under a key, or all that is left under one that named an amount.
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
    # No payment's id begins so: what was asked for all that is left is told from what named an amount.
    whole_key = f"{_ALL}{key}"
    known = await find_refund(connection, idempotency_key=whole_key)
    known_whole = known is not None
    known = known or await find_refund(connection, idempotency_key=key)
    if known is not None:
        is_same = known_whole if asked.credit_nano is None else asked.credit_nano == known.credit_nano
        if not is_same:
            raise IdempotencyError(asked.idempotency_key)
        return known
    await _check(connection, payment, asked)
    lot_ids = [one for one in (payment.lot_id, payment.given_lot_id) if one is not None]
    before_nano = await sum_refunded(connection, payment.payment_id)
    async with open_desk(connection, payment.organization_id, lot_ids=lot_ids, at=at) as desk:
        lots = [desk.book.get_lot(one) for one in lot_ids]
        desk.batch.end_lots(desk.book, lots, is_return=False)
        part = _size(payment, lots[0], asked, before_nano)
        transaction_id, given_nano = take_from_lots(desk, lots, part, reason=asked.reason)
    refund = Refund(
        refund_id=refund_id,
        organization_id=payment.organization_id,
        payment_id=payment.payment_id,
        lot_id=payment.lot_id,
        idempotency_key=whole_key if asked.credit_nano is None else key,
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
    await record_refund(till, connection, refund, payment=payment, by=asked.by)
    return refund


async def send_refund(till: Till, refund_id: str, *, at: datetime) -> Refund:
    """Ask the provider for a refund that is pending, under its own key, and book the answer.

    One that the provider has, or that is older than ``KEY_VALID``, is not asked for again, since that could
    give the money back twice: how it stands is what the provider's list says.
    """
    provider = await till.door.open()
    async with till.pool.connection() as connection:
        refund = await find_refund(connection, refund_id=refund_id)
        if refund is None:
            raise NotRefundableError(refund_id, "there is no such refund.")
        payment = await get_payment(connection, refund.payment_id)
    if refund.state != "pending" or payment.provider_payment_id is None:
        return refund
    if refund.provider_refund_id is not None or at - refund.asked_at > KEY_VALID:
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
        _, booked = await book_refund_news(till, connection, news, provider=provider.name, at=at)
    return booked or refund


async def _check(connection: Connection, payment: Payment, asked: Asked) -> None:
    if payment.organization_id != asked.organization_id:
        raise NotRefundableError(asked.payment_id, "it is another organization's.")
    if payment.state != "succeeded" or payment.lot_id is None:
        raise NotRefundableError(payment.payment_id, "it bought no credit.")
    if await sum_disputed(connection, payment.payment_id):
        raise NotRefundableError(payment.payment_id, "it is disputed, so the bank has the money.")


def _size(payment: Payment, lot: Lot, asked: Asked, before_nano: int) -> Part:
    # Less than what is left where money was given back for credit that was used.
    most_nano = min(lot.left_nano, payment.credit_nano - before_nano)
    wanted_nano = asked.credit_nano
    if wanted_nano is None:
        wanted_nano = whole_cents(payment, before_nano=before_nano, left_nano=lot.left_nano)
    if wanted_nano > most_nano:
        raise RefundTooLargeError(render_usd(wanted_nano), render_usd(most_nano))
    part = None
    if wanted_nano > 0:
        part = refund_part(payment, before_nano=before_nano, credit_nano=wanted_nano)
    if part is None or not part.amount_minor:
        raise NotRefundableError(
            payment.payment_id, f"{render_usd(lot.left_nano)} dollars of its credit are left unused."
        )
    return part
