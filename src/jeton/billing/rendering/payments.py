"""Payments as data: what a member may see of them; nothing here could be paid with."""

from jeton.billing.currencies import render_minor
from jeton.billing.payments.buying.quoting import Quote
from jeton.billing.payments.refunding.quoting import RefundQuote
from jeton.billing.payments.saving import SavedCard
from jeton.billing.payments.words import Dispute, Payment, Refund
from jeton.money import render_exact, render_usd


def render_payment(payment: Payment) -> dict[str, object]:
    """One attempt to take money; ``credit`` is in dollars, the other amounts in ``currency``."""
    return {
        "type": "payment",
        "id": payment.payment_id,
        "purpose": payment.purpose,
        "subject_id": payment.subject_id,
        "attempt": payment.attempt,
        "state": payment.state,
        "currency": payment.currency,
        "net_amount": render_minor(payment.net_minor, payment.currency),
        "tax_amount": render_minor(payment.tax_minor, payment.currency),
        "total_amount": render_minor(payment.amount_minor, payment.currency),
        "refunded_amount": render_minor(payment.refunded_minor, payment.currency),
        "credit": render_usd(payment.credit_nano),
        "given_credit": render_usd(payment.given_nano),
        "payment_method_id": payment.payment_method_id,
        "action_url": payment.action_url or None,
        "decline_code": payment.decline_code or None,
        "decline_reason": payment.decline_reason or None,
        "is_hard_decline": payment.is_hard_decline,
        "lot_id": payment.lot_id,
        "started_by": payment.started_by,
        "started_at": payment.started_at.isoformat(),
        "settled_at": None if payment.settled_at is None else payment.settled_at.isoformat(),
    }


def render_refund(refund: Refund, currency: str) -> dict[str, object]:
    """Money given back, in the currency of its payment."""
    return {
        "type": "refund",
        "id": refund.refund_id,
        "payment_id": refund.payment_id,
        "state": refund.state,
        "currency": currency,
        "net_amount": render_minor(refund.net_minor, currency),
        "tax_amount": render_minor(refund.tax_minor, currency),
        "total_amount": render_minor(refund.amount_minor, currency),
        "owed_amount": render_minor(refund.owed_minor, currency),
        "credit": render_usd(refund.credit_nano),
        "given_credit": render_usd(refund.given_nano),
        "reason": refund.reason,
        "failure_reason": refund.failure_reason or None,
        "asked_by": refund.asked_by,
        "asked_at": refund.asked_at.isoformat(),
        "settled_at": None if refund.settled_at is None else refund.settled_at.isoformat(),
    }


def render_dispute(dispute: Dispute) -> dict[str, object]:
    """A payment that a bank took back."""
    return {
        "type": "dispute",
        "id": dispute.dispute_id,
        "payment_id": dispute.payment_id,
        "state": dispute.state,
        "currency": dispute.currency,
        "total_amount": render_minor(dispute.amount_minor, dispute.currency),
        "reason": dispute.reason,
        "taken_back": render_usd(dispute.left_nano),
        "owed": render_usd(dispute.owed_nano),
        "opened_at": dispute.opened_at.isoformat(),
        "answer_by": None if dispute.answer_by is None else dispute.answer_by.isoformat(),
        "closed_at": None if dispute.closed_at is None else dispute.closed_at.isoformat(),
    }


def render_card(card: SavedCard) -> dict[str, object]:
    """A saved card, by what a person knows it by."""
    return {
        "type": "payment_method",
        "id": card.payment_method_id,
        "brand": card.brand,
        "last4": card.last4,
        "expires_year": card.expires_year,
        "expires_month": card.expires_month,
        "is_default": card.is_default,
        "added_at": card.added_at.isoformat(),
    }


def render_quote(quote: Quote) -> dict[str, object]:
    """What an amount of credit costs now."""
    return {
        "type": "credit_quote",
        "credit": render_usd(quote.credit_nano),
        "given_credit": render_usd(quote.given_nano),
        "currency": quote.currency,
        "net_amount": render_minor(quote.net_minor, quote.currency),
        "tax_category": quote.tax_category,
        "tax_rate": render_exact(quote.tax_rate),
        "tax_amount": render_minor(quote.tax_minor, quote.currency),
        "total_amount": render_minor(quote.total_minor, quote.currency),
        "expires_at": None if quote.expires_at is None else quote.expires_at.isoformat(),
    }


def render_refund_quote(quote: RefundQuote) -> dict[str, object]:
    """What of a payment can be given back, with all that was bought beside it."""
    payment = quote.payment
    return {
        "bought": render_usd(payment.credit_nano),
        "unused": render_usd(quote.left_nano),
        "refundable": render_usd(quote.credit_nano),
        "currency": payment.currency,
        "net_amount": render_minor(quote.net_minor, payment.currency),
        "tax_amount": render_minor(quote.tax_minor, payment.currency),
        "total_amount": render_minor(quote.amount_minor, payment.currency),
        "obstacle": quote.obstacle or None,
    }
