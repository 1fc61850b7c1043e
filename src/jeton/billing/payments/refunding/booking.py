"""Booking: what a provider says of a refund becomes its state; one that fails puts the credit back."""

from datetime import datetime
from typing import Literal

from jeton.billing.currencies import render_minor
from jeton.billing.payments.alarming import raise_unmatched
from jeton.billing.payments.disputing.booking import lift_freeze, take_anew
from jeton.billing.payments.errors import NotRefundableError
from jeton.billing.payments.refunding.elsewhere import book_elsewhere
from jeton.billing.payments.refunding.storage import change_refund, find_refund
from jeton.billing.payments.storage import change_payment, find_by_provider, get_payment
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment, Refund
from jeton.billing.providers.words import ProviderRefund
from jeton.charging.credits.books import open_desk
from jeton.db.pool import Connection
from jeton.ledger import movements
from jeton.ledger.transaction import Movement
from jeton.money import render_usd
from jeton.notifications.catalogue.payments import PaymentRefunded, RefundFailed
from jeton.notifications.events import Event, emit

Outcome = Literal["booked", "known", "noted", "refused"]


async def book_refund_news(
    till: Till, connection: Connection, news: ProviderRefund, *, provider: str, at: datetime
) -> tuple[Outcome, Refund | None]:
    """Book what a provider says of a refund, in the caller's transaction.

    One that nobody asked for here is booked as it is, if it is of a payment of ours; one that we know, with
    another amount, raises an alarm. What has failed stays so; what succeeded may still fail (banks return
    money).
    """
    refund = await find_refund(
        connection, refund_id=news.reference, provider_refund_id=news.provider_refund_id
    )
    if refund is None:
        return await _book_stray(till, connection, news, provider=provider, at=at)
    # The payment first, as everywhere, so that no two wait for each other.
    payment = await get_payment(connection, refund.payment_id, is_locked=True)
    refund = await find_refund(connection, refund_id=refund.refund_id, is_locked=True) or refund
    if (
        news.amount_minor != refund.amount_minor
        or news.currency != payment.currency
        or news.provider_payment_id not in {"", payment.provider_payment_id}
        or refund.provider_refund_id not in {None, news.provider_refund_id}
    ):
        await raise_unmatched(connection, refund.refund_id, _render(news, refund.amount_minor), at=at)
        return "refused", refund
    if refund.provider_refund_id is None:
        refund = await change_refund(connection, refund, provider_refund_id=news.provider_refund_id)
    if news.status == "failed" and refund.state != "failed":
        return "booked", await put_back(till, connection, refund.refund_id, why=news.failure_reason, at=at)
    if news.status == "succeeded" and refund.state == "pending":
        refund = await change_refund(connection, refund, state="succeeded", settled_at=at)
        await _tell(connection, payment, refund, at=at)
        return "booked", refund
    return "known", refund


async def put_back(till: Till, connection: Connection, refund_id: str, *, why: str, at: datetime) -> Refund:
    """The money could not be given: the credit goes back into its lot, in the caller's transaction."""
    found = await find_refund(connection, refund_id=refund_id)
    if found is None:
        raise NotRefundableError(refund_id, "there is no such refund.")
    payment = await get_payment(connection, found.payment_id, is_locked=True)
    refund = await find_refund(connection, refund_id=refund_id, is_locked=True) or found
    if refund.state == "failed":
        return refund
    # A lot that is frozen keeps nothing, so what comes back would go out as money that no bank has taken.
    frozen = await lift_freeze(connection, payment, at=at) if refund.lot_id is not None else None
    if refund.lot_id is not None:
        await _give_again(connection, payment, refund, at=at)
    payment = await change_payment(
        connection,
        payment,
        refunded_minor=payment.refunded_minor - refund.amount_minor,
        refunded_tax_minor=payment.refunded_tax_minor - refund.tax_minor,
    )
    refund = await change_refund(connection, refund, state="failed", failure_reason=why[:300], settled_at=at)
    if frozen is not None:
        await take_anew(connection, payment, frozen, at=at)
    if till.hooks.refunded is not None:
        await till.hooks.refunded(connection, refund, at)
    await _tell(connection, payment, refund, at=at)
    return refund


async def _give_again(connection: Connection, payment: Payment, refund: Refund, *, at: datetime) -> None:
    """The exact reverse, into the same lots; what was owed for it is owed no more."""
    reason = f"refund {refund.refund_id} failed"
    lot_ids = [one for one in (payment.lot_id, payment.given_lot_id) if one is not None]
    async with open_desk(connection, payment.organization_id, lot_ids=lot_ids, at=at) as desk:
        lots = [desk.book.get_lot(one) for one in lot_ids]
        desk.batch.end_lots(desk.book, lots, is_return=False)
        postings = movements.unwind_refund(
            lots[0], refund.credit_nano, net_nano=refund.net_nano, tax_nano=refund.tax_nano
        )
        beyond = movements.refund_beyond(-refund.owed_nano)
        desk.batch.book(desk.book, Movement.REFUND, (*postings, *beyond), reason=reason)
        if refund.given_nano:
            bonus = lots[1]
            back = movements.take_back(bonus.lot_id, bonus.kind, -refund.given_nano)
            desk.batch.book(desk.book, Movement.ADJUST, back, reason=reason)
        desk.batch.end_lots(desk.book, lots, is_return=True)


async def _book_stray(
    till: Till, connection: Connection, news: ProviderRefund, *, provider: str, at: datetime
) -> tuple[Outcome, Refund | None]:
    """A refund that was made elsewhere, in the provider's own pages say; one that failed moved nothing."""
    payment_id = await find_by_provider(connection, provider, news.provider_payment_id)
    if payment_id is None or news.status == "failed":
        return "noted", None
    outcome, refund = await book_elsewhere(till, connection, news, payment_id=payment_id, at=at)
    if outcome == "booked" and refund is not None and refund.state == "succeeded":
        await _tell(connection, await get_payment(connection, payment_id), refund, at=at)
    return outcome, refund


def _render(news: ProviderRefund, expected_minor: int) -> dict[str, str | int]:
    return {
        "problem": "Money was given back that differs from what was asked for here.",
        "provider_refund_id": news.provider_refund_id,
        "amount_minor": news.amount_minor,
        "expected_minor": expected_minor,
        "currency": news.currency,
    }


async def _tell(connection: Connection, payment: Payment, refund: Refund, *, at: datetime) -> None:
    amount = render_minor(refund.amount_minor, payment.currency)
    data: PaymentRefunded | RefundFailed
    if refund.state == "failed":
        data = RefundFailed(
            payment_id=payment.payment_id,
            purpose=payment.purpose,
            amount=amount,
            currency=payment.currency,
            refund_id=refund.refund_id,
            reason=refund.failure_reason or "the provider gave no reason",
        )
    else:
        data = PaymentRefunded(
            payment_id=payment.payment_id,
            purpose=payment.purpose,
            amount=amount,
            currency=payment.currency,
            refund_id=refund.refund_id,
            credit=render_usd(refund.credit_nano),
        )
    key = f"refund {refund.state} {refund.refund_id}"
    await emit(connection, Event(data, payment.organization_id, key, at))
