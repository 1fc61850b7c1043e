"""Ending: what came of a reload, written in the transaction that books the end of its payment.

Money that was taken after all counts, whatever was written before; so a reload that was declined may
become one that succeeded, and nothing else changes once it is over.
"""

from datetime import datetime

from jeton.billing.payments.words import Payment
from jeton.billing.reloads.words import Outcome
from jeton.db.pool import Connection

# What Stripe and others call it when the bank wants its customer.
AUTHENTICATION = "authentication_required"

_SUCCEED = """
    UPDATE reloads SET outcome = 'succeeded', ended_at = coalesce(ended_at, greatest(opened_at, %s))
    WHERE payment_id = %s AND outcome IS DISTINCT FROM 'succeeded'
"""
_FAIL = """
    UPDATE reloads SET outcome = %s, ended_at = greatest(opened_at, %s)
    WHERE payment_id = %s AND outcome IS NULL
"""


async def record_success(connection: Connection, payment: Payment, at: datetime) -> None:
    """The money was taken and the credit is there: a hook of payments (``Hooks.settled``)."""
    await connection.execute(_SUCCEED, (at, payment.payment_id))


async def record_failure(connection: Connection, payment: Payment, at: datetime) -> None:
    """Nothing was taken: a hook of payments (``Hooks.failed``)."""
    await connection.execute(_FAIL, (judge(payment).value, at, payment.payment_id))


def judge(payment: Payment) -> Outcome:
    """What a payment that is over without money means for the next one."""
    if payment.state == "canceled":
        return Outcome.CANCELED
    if payment.decline_code == AUTHENTICATION:
        return Outcome.AUTHENTICATION_REQUIRED
    return Outcome.HARD_DECLINE if payment.is_hard_decline else Outcome.SOFT_DECLINE
