"""Booking: what a provider says of a dispute becomes its state and moves the lot, whatever the order of news.

States only go on: open, then won or lost. A dispute that is first heard of when it was won moved nothing
here; one that is first heard of when it was lost is opened and closed at once.
"""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from jeton.billing.currencies import render_minor
from jeton.billing.payments.alarming import raise_unmatched
from jeton.billing.payments.disputing.moving import book_bite, freeze_bonus, give_again, settle_held
from jeton.billing.payments.disputing.sizing import bite_part, bite_whole
from jeton.billing.payments.disputing.storage import (
    change_dispute,
    find_dispute,
    find_freezing,
    insert_dispute,
    list_waiting,
    sum_disputed,
)
from jeton.billing.payments.storage import find_by_provider, get_payment
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Dispute, Payment
from jeton.billing.providers.words import ProviderDispute
from jeton.charging.credits.books import open_desk
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM, record_audit
from jeton.ids import new_id
from jeton.notifications.catalogue.payments import PaymentDisputed
from jeton.notifications.events import Event, emit

Outcome = Literal["booked", "known", "noted", "refused"]

_REFUNDED = """
    SELECT coalesce(sum(net_nano + tax_nano + owed_nano), 0)::bigint FROM refunds
    WHERE payment_id = %s AND state <> 'failed'
"""


async def book_dispute_news(
    till: Till, connection: Connection, news: ProviderDispute, *, provider: str, at: datetime
) -> tuple[Outcome, Dispute | None]:
    """Book what a provider says of a dispute, in the caller's transaction.

    One of a payment that is not ours is noted; one of more than was paid and not disputed before, or in
    another currency, raises an alarm and moves nothing.
    """
    payment_id = await find_by_provider(connection, provider, news.provider_payment_id)
    if payment_id is None:
        return "noted", None
    payment = await get_payment(connection, payment_id, is_locked=True)
    if till.hooks.locked_first is not None:
        await till.hooks.locked_first(connection, payment.organization_id)
    dispute = await find_dispute(connection, provider, news.provider_dispute_id)
    if dispute is None:
        if news.currency != payment.currency or await _is_too_much(connection, payment, news):
            await raise_unmatched(connection, payment_id, _render(news, payment), at=at)
            return "refused", None
        dispute = await _open(connection, payment, provider, news, at=at)
        await _tell(till, connection, payment, dispute, at=at)
        if news.status == "open":
            return "booked", dispute
    if dispute.state != "open" or news.status == "open":
        return "known", dispute
    dispute = await _close(connection, payment, dispute, news.status, at=at)
    await _tell(till, connection, payment, dispute, at=at)
    return "booked", dispute


async def lift_freeze(connection: Connection, payment: Payment, *, at: datetime) -> Dispute | None:
    """Undo what a dispute did to the lots of a locked payment, where it froze them, until ``take_anew``."""
    dispute = await find_freezing(connection, payment.payment_id)
    if dispute is None:
        return None
    lot_ids = _list_lots(payment)
    async with open_desk(connection, payment.organization_id, lot_ids=lot_ids, at=at) as desk:
        give_again(desk, lot_ids, dispute)
    return dispute


async def take_anew(connection: Connection, payment: Payment, dispute: Dispute, *, at: datetime) -> None:
    """Book a dispute that was lifted by what is refunded of its payment now: all of the rest, or a part."""
    await _keep(connection, await _take(connection, payment, dispute, at=at))


async def settle_waiting(connection: Connection, *, at: datetime) -> int:
    """Book what waited for requests in flight, where nothing is held any more; of how many disputes."""
    count = 0
    for found in await list_waiting(connection):
        async with connection.transaction():
            payment = await get_payment(connection, found.payment_id, is_locked=True)
            dispute = await find_dispute(connection, found.provider, found.provider_dispute_id)
            if dispute is not None and payment.lot_id is not None:
                async with open_desk(
                    connection, payment.organization_id, lot_ids=[payment.lot_id], at=at
                ) as desk:
                    after = settle_held(desk, payment, dispute)
                if after is not dispute:
                    await _keep(connection, after)
                    count += 1
    return count


async def _open(
    connection: Connection, payment: Payment, provider: str, news: ProviderDispute, *, at: datetime
) -> Dispute:
    dispute = Dispute(
        dispute_id=new_id("dspt"),
        organization_id=payment.organization_id,
        payment_id=payment.payment_id,
        provider=provider,
        provider_dispute_id=news.provider_dispute_id,
        currency=news.currency,
        amount_minor=news.amount_minor,
        state="open",
        reason=news.reason,
        left_nano=0,
        given_nano=0,
        owed_nano=0,
        tax_nano=0,
        pending_nano=0,
        refunded_before_nano=0,
        is_freezing=False,
        opened_at=at,
        answer_by=news.answer_by,
        closed_at=None,
    )
    if news.status != "won":
        dispute = await _take(connection, payment, dispute, at=at)
    await insert_dispute(connection, dispute)
    await record_audit(
        connection,
        SYSTEM,
        "payment.disputed",
        subject=payment.payment_id,
        organization_id=payment.organization_id,
        details={
            "dispute_id": dispute.dispute_id,
            "amount": f"{news.currency} {render_minor(news.amount_minor, news.currency)}",
            "reason": news.reason,
        },
    )
    return dispute


async def _is_too_much(connection: Connection, payment: Payment, news: ProviderDispute) -> bool:
    """Banks take no more than was paid, in however many disputes; of a document the hook keeps count."""
    before_minor = 0 if payment.lot_id is None else await sum_disputed(connection, payment.payment_id)
    taken_minor = before_minor if news.status != "won" else 0
    return news.amount_minor > payment.amount_minor - taken_minor


def _list_lots(payment: Payment) -> list[str]:
    return [one for one in (payment.lot_id, payment.given_lot_id) if one is not None]


async def _take(connection: Connection, payment: Payment, dispute: Dispute, *, at: datetime) -> Dispute:
    lot_ids = _list_lots(payment)
    if not lot_ids:
        # A document's money is moved by the hook, which knows what it paid.
        return dispute
    refunded = await (await connection.execute(_REFUNDED, (payment.payment_id,))).fetchone()
    open_nano = payment.net_nano + payment.tax_nano - (int(refunded[0]) if refunded else 0)
    open_minor = payment.amount_minor - payment.refunded_minor
    is_whole = dispute.amount_minor >= open_minor
    money_nano = open_nano if is_whole else open_nano * dispute.amount_minor // open_minor
    reason = f"dispute {dispute.dispute_id}"
    async with open_desk(connection, payment.organization_id, lot_ids=lot_ids, at=at) as desk:
        lots = [desk.book.get_lot(one) for one in lot_ids]
        desk.batch.end_lots(desk.book, lots, is_return=False)
        lot = lots[0]
        if is_whole:
            bite = bite_whole(payment, lot, money_nano)
        else:
            bite = bite_part(payment, lot, money_nano, amount_minor=dispute.amount_minor)
        before_nano = lot.refunded_nano
        book_bite(desk, lot, bite, reason=reason)
        given_nano = freeze_bonus(desk, lots[1:], reason) if bite.is_freezing else 0
        if bite.is_freezing:
            desk.book.revoke(lot, at)
    return replace(
        dispute,
        left_nano=bite.left_nano,
        given_nano=given_nano,
        owed_nano=bite.owed_nano,
        tax_nano=bite.tax_nano,
        pending_nano=bite.pending_nano,
        refunded_before_nano=before_nano,
        is_freezing=bite.is_freezing,
    )


async def _close(
    connection: Connection,
    payment: Payment,
    dispute: Dispute,
    state: Literal["won", "lost"],
    *,
    at: datetime,
) -> Dispute:
    lot_ids = _list_lots(payment)
    if lot_ids:
        async with open_desk(connection, payment.organization_id, lot_ids=lot_ids, at=at) as desk:
            if state == "won":
                give_again(desk, lot_ids, dispute)
            else:
                dispute = settle_held(desk, payment, dispute)
    await record_audit(
        connection,
        SYSTEM,
        f"payment.dispute_{state}",
        subject=payment.payment_id,
        organization_id=payment.organization_id,
        details={"dispute_id": dispute.dispute_id},
    )
    return await _keep(connection, replace(dispute, state=state, closed_at=at))


async def _keep(connection: Connection, dispute: Dispute) -> Dispute:
    return await change_dispute(
        connection,
        dispute,
        state=dispute.state,
        left_nano=dispute.left_nano,
        given_nano=dispute.given_nano,
        owed_nano=dispute.owed_nano,
        tax_nano=dispute.tax_nano,
        pending_nano=dispute.pending_nano,
        refunded_before_nano=dispute.refunded_before_nano,
        is_freezing=dispute.is_freezing,
        closed_at=dispute.closed_at,
    )


def _render(news: ProviderDispute, payment: Payment) -> dict[str, str | int]:
    return {
        "problem": "A dispute is of more than was paid and not disputed before, or in another currency.",
        "provider_dispute_id": news.provider_dispute_id,
        "amount_minor": news.amount_minor,
        "expected_minor": payment.amount_minor,
        "currency": news.currency,
    }


async def _tell(
    till: Till, connection: Connection, payment: Payment, dispute: Dispute, *, at: datetime
) -> None:
    hook = till.hooks.disputed
    if hook is None and payment.purpose == "document":
        raise KeyError("disputed")
    if hook is not None:
        await hook(connection, dispute, at)
    data = PaymentDisputed(
        payment_id=payment.payment_id,
        purpose=payment.purpose,
        amount=render_minor(dispute.amount_minor, dispute.currency),
        currency=dispute.currency,
        dispute_id=dispute.dispute_id,
        state=dispute.state,
    )
    key = f"dispute {dispute.state} {dispute.dispute_id}"
    await emit(connection, Event(data, payment.organization_id, key, at))
