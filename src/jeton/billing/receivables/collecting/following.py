"""Following: what went back of a document's card payment is due again, and what comes back is money again.

Refunds at the provider and disputes come in any order, each once. What of a payment is here is what was
taken, less what was given back, less what banks hold or keep, and never below nothing: the provider gives
back a disputed payment only as far as the bank did not. So each piece of news moves the difference between
what was here without it and what is here with it, and every order ends at the same.
"""

from dataclasses import replace
from datetime import datetime

from jeton.billing.currencies import display_minor
from jeton.billing.payments.disputing.storage import sum_disputed
from jeton.billing.payments.storage import get_payment
from jeton.billing.payments.words import Dispute, Payment, Refund
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.claims.reading import find_claim, sum_given_up
from jeton.billing.receivables.collecting.cards import book_card_payment
from jeton.billing.receivables.recording import return_payment
from jeton.billing.receivables.storage import list_known_payments
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM
from jeton.money import display_usd
from jeton.watch.alarms import Alarm, AlarmCode, record_alarms


async def follow_refund(connection: Connection, refund: Refund, at: datetime) -> None:
    """Move the money of a document's payment with its refund: the hook ``refunded`` of payments.

    Called when the refund is booked, and again if it did not arrive.
    """
    payment = await get_payment(connection, refund.payment_id)
    if payment.purpose == "document":
        sign = -1 if refund.state == "failed" else 1
        await _move(
            connection,
            payment,
            refund.refund_id,
            went_minor=sign * refund.amount_minor,
            act=Act(SYSTEM, at, "given back in the payment provider’s own pages"),
        )
    elif refund.state == "failed" and refund.owed_nano:
        await _tell_given_up(connection, refund, at)


async def follow_dispute(connection: Connection, dispute: Dispute, at: datetime) -> None:
    """Move the money of a document's payment with its dispute: the hook ``disputed`` of payments.

    Called when it is opened and when it is over; one that is lost has moved it already.
    """
    payment = await get_payment(connection, dispute.payment_id)
    if payment.purpose == "document" and dispute.state != "lost":
        sign = -1 if dispute.state == "won" else 1
        await _move(
            connection,
            payment,
            dispute.dispute_id,
            went_minor=sign * dispute.amount_minor,
            act=Act(SYSTEM, at, "disputed at the bank"),
        )


def find_here(payment: Payment, gone_minor: int) -> int:
    """What of a payment is here while so much was given back or is with banks, in minor units."""
    return max(0, payment.amount_minor - gone_minor)


async def _move(connection: Connection, payment: Payment, cause: str, *, went_minor: int, act: Act) -> None:
    """``went_minor`` went with this piece of news, which the payment's sums have in them already."""
    gone_minor = payment.refunded_minor + await sum_disputed(connection, payment.payment_id)
    before_minor = find_here(payment, gone_minor - went_minor)
    change_minor = find_here(payment, gone_minor) - before_minor
    if change_minor > 0:
        # News comes once, so its id is the name of the money that it brings.
        again = replace(payment, payment_id=f"{payment.payment_id}:{cause}", amount_minor=change_minor)
        await book_card_payment(connection, again, act.at)
    elif change_minor < 0:
        await _take(connection, payment, cause, amount_minor=-change_minor, act=act)


async def _tell_given_up(connection: Connection, refund: Refund, at: datetime) -> None:
    """What was given up of a refund that came back is a bad debt no more: the operator corrects it."""
    claim = await find_claim(connection, refund.payment_id)
    owed_nano = 0 if claim is None else claim.owed_nano
    over_nano = await sum_given_up(connection, refund.payment_id) - owed_nano
    if over_nano > 0:
        over = display_usd(over_nano)
        problem = (
            f"{over} of what was given up is owed no more, since its refund came back: it stands as credit in"
            " receivable, and in bad debt with its tax relieved."
        )
        details: dict[str, str | int] = {"problem": problem, "payment_id": refund.payment_id}
        alarm = Alarm(AlarmCode.PAYMENT_MISMATCH, refund.refund_id, details, at, at)
        await record_alarms(connection, [alarm])


async def _take(connection: Connection, payment: Payment, cause: str, *, amount_minor: int, act: Act) -> None:
    """Take so much off what was recorded of the payment, the newest first.

    Where a person has moved that money before, less is there: an alarm asks the operator for the rest.
    """
    left_minor = amount_minor
    known = await list_known_payments(
        connection, payment.organization_id, method="card", external_id=payment.payment_id
    )
    for recorded in known:
        here_minor = 0 if recorded.voided_at else recorded.amount_minor - recorded.returned_minor
        part_minor = min(left_minor, here_minor)
        if part_minor:
            await return_payment(connection, recorded.payment_id, part_minor, act)
            left_minor -= part_minor
    if left_minor:
        rest = display_minor(left_minor, payment.currency)
        problem = f"{rest} of it went back that was voided or paid back by hand before: {act.reason}."
        details: dict[str, str | int] = {"problem": problem, "cause": cause, "amount_minor": left_minor}
        alarm = Alarm(AlarmCode.PAYMENT_MISMATCH, payment.payment_id, details, act.at, act.at)
        await record_alarms(connection, [alarm])
