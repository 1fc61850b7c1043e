"""A disputed payment freezes its lot: what is left goes out, what was used is owed; won, all comes back."""

from dataclasses import replace
from typing import Any

import pytest
from tests.integration.billing.payments.conftest import ADA, USD, Shop
from tests.integration.billing.payments.using import charging_of, settle, take, use

from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.payments.errors import NotRefundableError
from jeton.billing.payments.refunding.asking import Asked, refund_payment
from jeton.billing.payments.till import PaymentTerms
from jeton.billing.payments.words import Payment
from jeton.charging.credits.reversing import reverse_charge
from jeton.errors import InsufficientCreditError

# $119 was paid for $100 of credit.
BOUGHT = {"credit:paid": -10_000, "cash": 11_900, "tax": -1_900}
# Of it $30 was used when the bank took everything back: $30 and its tax of $5.70 are owed.
DISPUTED = {"receivable": 3_570, "tax": -570, "revenue": -3_000}
USED = {"credit:paid": -7_000, "cash": 11_900, "tax": -1_900, "revenue": -3_000}


async def dispute(shop: Shop, payment: Payment, **asked: object) -> dict[str, Any]:
    """The bank takes the payment back, and says so."""
    made: dict[str, Any] = shop.stripe.control("dispute", payment_intent=payment.provider_payment_id, **asked)
    event = shop.stripe.events("charge.dispute.created")[-1]
    assert (await shop.receive(event)).outcome == "booked"
    return made


async def close(shop: Shop, made: dict[str, Any], status: str) -> None:
    shop.stripe.control("close_dispute", dispute=made["id"], status=status)
    event = shop.stripe.events("charge.dispute.closed")[-1]
    assert (await shop.receive(event)).outcome == "booked"


async def buy_and_use(shop: Shop, used: int = 30) -> Payment:
    await shop.save_card()
    payment = await shop.buy(100)
    if used:
        await use(shop, used * USD)
    return payment


async def test_what_is_left_goes_out_and_what_was_used_is_owed(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    await dispute(shop, payment)
    assert await shop.accounts() == DISPUTED
    async with charging_of(shop) as charging:
        with pytest.raises(InsufficientCreditError):
            await take(shop, charging, USD)
    await shop.prove()


async def test_a_dispute_that_is_won_is_undone_to_the_cent_in_the_same_lot(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    before = await shop.scalar("SELECT to_jsonb(l) FROM lots AS l")
    made = await dispute(shop, payment)
    shop.wait(days=40)
    await close(shop, made, "won")
    assert await shop.accounts() == USED
    after = await shop.scalar("SELECT to_jsonb(l) FROM lots AS l")
    assert after.pop("expires_at") > before.pop("expires_at")
    assert after == before
    assert (
        await shop.scalar(
            "SELECT (expires_at - effective_at)::text FROM lots WHERE lot_id = %s", payment.lot_id
        )
        == "405 days"
    )
    await shop.prove()


async def test_a_dispute_that_is_lost_stays_as_it_was_taken(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    made = await dispute(shop, payment)
    await close(shop, made, "lost")
    assert await shop.accounts() == DISPUTED
    assert await shop.scalar("SELECT state FROM disputes") == "lost"
    await shop.prove()


@pytest.mark.parametrize("last", ["won", "lost"])
async def test_news_in_any_order_end_the_same(shop: Shop, last: str) -> None:
    """Polar #13050: a stale ``charge.dispute.created`` arrives after the end."""
    payment = await buy_and_use(shop)
    made = shop.stripe.control("dispute", payment_intent=payment.provider_payment_id)
    shop.stripe.control("close_dispute", dispute=made["id"], status=last)
    (opened,) = shop.stripe.events("charge.dispute.created")
    (closed,) = shop.stripe.events("charge.dispute.closed")
    outcomes = [(await shop.receive(event)).outcome for event in (closed, opened, closed)]
    assert outcomes == ["booked", "known", "known"]
    assert await shop.accounts() == (USED if last == "won" else DISPUTED)
    await shop.prove()


async def test_requests_in_flight_settle_and_what_they_used_is_owed_afterwards(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    async with charging_of(shop) as charging:
        hold = await take(shop, charging, 40 * USD)
        await dispute(shop, payment)
        await shop.prove()
        await settle(charging, hold, 30 * USD)
    await shop.prove()
    shop.wait(minutes=5)
    await reconcile(shop.till, at=shop.at)
    assert await shop.accounts() == DISPUTED
    await shop.prove()


async def test_what_comes_back_while_it_is_disputed_is_there_when_it_is_won(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    async with charging_of(shop) as charging:
        hold = await take(shop, charging, 40 * USD)
        made = await dispute(shop, payment)
        await settle(charging, hold, 30 * USD)
    await close(shop, made, "won")
    assert await shop.accounts() == USED
    await shop.prove()


async def test_a_part_takes_only_as_much_credit_as_it_bought(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    made = await dispute(shop, payment, amount=5_950)
    accounts = {"credit:paid": -2_000, "cash": 5_950, "tax": -950, "revenue": -3_000}
    assert await shop.accounts() == accounts
    await close(shop, made, "won")
    assert await shop.accounts() == USED
    await shop.prove()


async def test_what_was_given_with_it_is_frozen_and_comes_back(shop: Shop) -> None:
    shop.till = replace(shop.till, terms=PaymentTerms(given_percent=10))
    payment = await buy_and_use(shop, used=0)
    before = await shop.accounts()
    made = await dispute(shop, payment)
    assert await shop.accounts() == {}
    await close(shop, made, "won")
    assert await shop.accounts() == before
    await shop.prove()


async def test_a_disputed_payment_is_not_refunded_as_well(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    await dispute(shop, payment)
    asked = Asked(shop.organization_id, payment.payment_id, "twice", ADA)
    with pytest.raises(NotRefundableError, match="the bank has the money"):
        await refund_payment(shop.till, asked, at=shop.at)


async def test_after_a_refund_only_the_rest_is_disputed(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    asked = Asked(shop.organization_id, payment.payment_id, "a part", ADA, 20 * USD)
    await refund_payment(shop.till, asked, at=shop.at)
    await dispute(shop, payment, amount=9_520)
    assert await shop.accounts() == DISPUTED
    await shop.prove()


@pytest.mark.parametrize("changes", [{"amount": 99_999}, {"currency": "eur"}], ids=["more", "other money"])
async def test_a_dispute_of_another_amount_or_currency_moves_nothing(
    shop: Shop, changes: dict[str, Any]
) -> None:
    payment = await buy_and_use(shop, used=0)
    shop.stripe.control("dispute", payment_intent=payment.provider_payment_id)
    (event,) = shop.stripe.events("charge.dispute.created")
    assert (await shop.receive(event, **changes)).outcome == "refused"
    assert await shop.accounts() == BOUGHT
    assert await shop.scalar("SELECT code FROM alarms") == "payment_mismatch"


async def test_a_warning_of_a_bank_takes_no_money(shop: Shop) -> None:
    payment = await buy_and_use(shop, used=0)
    shop.stripe.control("dispute", payment_intent=payment.provider_payment_id)
    (event,) = shop.stripe.events("charge.dispute.created")
    assert (await shop.receive(event, status="warning_needs_response")).outcome == "noted"
    assert await shop.accounts() == BOUGHT


async def test_the_comparison_finds_a_dispute_that_nobody_told_of(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    shop.stripe.control("dispute", payment_intent=payment.provider_payment_id)
    await reconcile(shop.till, at=shop.at)
    assert await shop.accounts() == DISPUTED


@pytest.mark.parametrize("last", ["open", "won", "lost"])
async def test_what_is_reversed_of_a_frozen_lot_is_owed_no_more(shop: Shop, last: str) -> None:
    """Of the $30 used $10 are reversed: the bank has that money already, so its claim is $11.90 less.

    The money test found it: the credit went out as money a second time.
    """
    payment = await buy_and_use(shop)
    request_id = await shop.scalar("SELECT request_id FROM charges")
    made = await dispute(shop, payment)
    async with shop.pool.connection() as connection:
        await reverse_charge(connection, request_id, reason="x", by=ADA, amount_nano=10 * USD)
    await shop.prove()
    if last == "lost":
        await close(shop, made, last)
    shop.wait(minutes=5)
    await reconcile(shop.till, at=shop.at)
    left = {"receivable": 2_380, "tax": -380, "revenue": -2_000}
    if last == "won":
        await close(shop, made, last)
        left = {"credit:paid": -8_000, "cash": 11_900, "tax": -1_900, "revenue": -2_000}
    assert await shop.accounts() == left
    await reconcile(shop.till, at=shop.at)
    assert await shop.accounts() == left
    await shop.prove()
