"""Elsewhere: money that was given back in the provider's own pages is booked as if it was asked for here.

It goes out of the lot that was bought, at most what is left of it; what was given back beyond that is owed,
as when a bank takes a payment back. The provider's id of the refund makes it happen once, whoever brings it.
"""

from datetime import datetime
from typing import Literal

from jeton.billing.currencies import display_minor
from jeton.billing.payments.alarming import raise_unmatched
from jeton.billing.payments.disputing.storage import sum_disputed
from jeton.billing.payments.refunding.parts import size_elsewhere, size_of_document
from jeton.billing.payments.refunding.recording import record_refund, take_from_lots
from jeton.billing.payments.refunding.storage import find_refund, sum_refunded
from jeton.billing.payments.storage import get_payment
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment, Refund
from jeton.billing.providers.words import ProviderRefund
from jeton.charging.credits.books import open_desk
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM
from jeton.ids import new_id
from jeton.ledger import movements

REASON = "given back in the payment provider's own pages"


async def book_elsewhere(
    till: Till, connection: Connection, news: ProviderRefund, *, payment_id: str, at: datetime
) -> tuple[Literal["booked", "known", "refused"], Refund | None]:
    """Book a refund of a payment of ours that nobody asked for here, in the caller's transaction.

    What cannot be one (of a payment that has not succeeded, in another currency, of more than is there)
    books nothing and raises an alarm; the comparison looks at it again.
    """
    payment = await get_payment(connection, payment_id, is_locked=True)
    known = await find_refund(connection, provider_refund_id=news.provider_refund_id)
    if known is not None:
        return "known", known
    problem = await _find_problem(connection, payment, news)
    if problem:
        await raise_unmatched(connection, payment_id, _render(news, problem, payment), at=at)
        return "refused", None
    refund = await _book(connection, payment, news, at=at)
    await record_refund(till, connection, refund, payment=payment, by=SYSTEM)
    if refund.owed_minor:
        owed = display_minor(refund.owed_minor, payment.currency)
        problem = f"More was given back than was left of what it bought, so {owed} is owed."
        await raise_unmatched(connection, payment_id, _render(news, problem, payment), at=at)
    return "booked", refund


async def _find_problem(connection: Connection, payment: Payment, news: ProviderRefund) -> str:
    """Why this is not booked, as a sentence; "" where it is."""
    if payment.state != "succeeded":
        return f"Money was given back of a payment that is {payment.state} here."
    if news.currency != payment.currency:
        return f"Money was given back in {news.currency} of a payment in {payment.currency}."
    # News come in any order: of a payment that is disputed the rest may have been given back before. A
    # document's money is counted by the hook, with whatever banks have of it.
    is_document = payment.lot_id is None
    disputed_minor = 0 if is_document else await sum_disputed(connection, payment.payment_id)
    gone_minor = payment.refunded_minor + disputed_minor
    if news.amount_minor > payment.amount_minor - gone_minor:
        return "More was given back than was paid, and not refunded or disputed yet."
    return ""


async def _book(connection: Connection, payment: Payment, news: ProviderRefund, *, at: datetime) -> Refund:
    """Take it out of the lot, where there is one: a document's money is moved by the hook."""
    refund_id, reason = new_id("rfnd"), f"{REASON}: {news.provider_refund_id}"
    sized, transaction_id, given_nano = size_of_document(payment, news.amount_minor), "", 0
    lot_ids = [one for one in (payment.lot_id, payment.given_lot_id) if one is not None]
    if lot_ids:
        before_nano = await sum_refunded(connection, payment.payment_id)
        async with open_desk(connection, payment.organization_id, lot_ids=lot_ids, at=at) as desk:
            lots = [desk.book.get_lot(one) for one in lot_ids]
            desk.batch.end_lots(desk.book, lots, is_return=False)
            sized = size_elsewhere(
                payment, before_nano=before_nano, left_nano=lots[0].left_nano, amount_minor=news.amount_minor
            )
            transaction_id, given_nano = take_from_lots(
                desk, lots, sized.part, reason=reason, beyond=movements.refund_beyond(sized.owed_nano)
            )
    return Refund(
        refund_id=refund_id,
        organization_id=payment.organization_id,
        payment_id=payment.payment_id,
        lot_id=payment.lot_id,
        idempotency_key=f"{payment.provider}/{news.provider_refund_id}",
        credit_nano=sized.part.credit_nano,
        given_nano=given_nano,
        net_minor=sized.part.net_minor,
        tax_minor=sized.part.tax_minor,
        amount_minor=news.amount_minor,
        net_nano=sized.part.net_nano,
        tax_nano=sized.part.tax_nano,
        state="succeeded" if news.status == "succeeded" else "pending",
        provider_refund_id=news.provider_refund_id,
        failure_reason="",
        reason=reason,
        asked_by=SYSTEM.name,
        transaction_id=transaction_id,
        asked_at=at,
        settled_at=at if news.status == "succeeded" else None,
        used_nano=sized.used_nano,
        owed_minor=sized.owed_minor,
        owed_nano=sized.owed_nano,
    )


def _render(news: ProviderRefund, problem: str, payment: Payment) -> dict[str, str | int]:
    return {
        "problem": problem,
        "provider_refund_id": news.provider_refund_id,
        "amount_minor": news.amount_minor,
        "expected_minor": payment.amount_minor - payment.refunded_minor,
        "currency": news.currency,
    }
