"""Credit is bought with a card: what is paid is what was quoted, once, whoever brings the news first."""

import asyncio

import pytest
from tests.integration.billing.payments.conftest import ADA, USD, Shop

from jeton.billing.payments.buying.purchasing import new_purchase_id, retry_purchase
from jeton.billing.payments.buying.quoting import quote_credit
from jeton.billing.payments.errors import NoCardError, PaymentAmountError
from jeton.billing.payments.sending import refresh_payment, send_payment


async def test_a_quote_says_what_is_charged_before_it_is(shop: Shop) -> None:
    async with shop.pool.connection() as connection:
        quote = await quote_credit(
            shop.till, connection, shop.organization_id, credit_nano=100 * USD, at=shop.at
        )
    assert (quote.net_minor, quote.tax_minor, quote.total_minor) == (10_000, 1_900, 11_900)
    assert (quote.tax_category, str(quote.tax_rate)) == ("S", "19/100")


@pytest.mark.parametrize("usd", [4, 5_001], ids=["below the least", "above the most"])
async def test_an_amount_outside_the_settings_is_refused(shop: Shop, usd: int) -> None:
    await shop.save_card()
    with pytest.raises(PaymentAmountError, match=r"from \$5\.00 to \$5,000\.00 can"):
        await shop.buy(usd)


async def test_a_saved_card_buys_credit_with_its_tax_beside_it(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    assert (payment.state, payment.amount_minor, payment.attempt) == ("succeeded", 11_900, 1)
    assert await shop.accounts() == {"credit:paid": -10_000, "cash": 11_900, "tax": -1_900}
    (intent,) = shop.stripe.things("payment_intent")
    assert (intent["amount"], intent["currency"], intent["status"]) == (11_900, "usd", "succeeded")
    kind, expires_on = await shop.scalar(
        "SELECT ROW(kind, (expires_at - effective_at)::text) FROM lots WHERE lot_id = %s", payment.lot_id
    )
    assert (kind, expires_on) == ("paid", "365 days")
    await shop.prove()


async def test_nothing_of_a_card_is_kept_but_what_a_person_knows_it_by(shop: Shop) -> None:
    await shop.save_card("5555555555554444")
    row = await shop.scalar("SELECT to_jsonb(m) FROM payment_methods AS m")
    assert (row["brand"], row["last4"], row["expires_year"], row["expires_month"]) == (
        "mastercard",
        "4444",
        2034,
        12,
    )
    assert "5555555555554444" not in str(row)


async def test_without_a_card_nothing_is_bought(shop: Shop) -> None:
    with pytest.raises(NoCardError):
        await shop.buy(100)
    assert await shop.accounts() == {}


async def test_the_same_purchase_twice_at_once_is_one_charge(shop: Shop) -> None:
    await shop.save_card()
    purchase_id = new_purchase_id()
    both = await asyncio.gather(*(shop.buy(50, purchase_id=purchase_id) for _ in range(2)))
    assert both[0].payment_id == both[1].payment_id
    assert len(shop.stripe.things("payment_intent")) == 1
    assert (await shop.accounts())["credit:paid"] == -5_000


async def test_an_answer_and_its_webhooks_are_booked_once(shop: Shop) -> None:
    await shop.save_card()
    await shop.buy(100)
    outcomes = await shop.receive_all() + await shop.receive_all()
    assert "booked" not in outcomes
    assert (await shop.accounts())["credit:paid"] == -10_000
    assert await shop.scalar("SELECT count(*) FROM events WHERE type = 'payment.succeeded'") == 1


async def test_a_webhook_that_comes_before_the_answer_books_the_credit(shop: Shop) -> None:
    """The provider has charged, and every answer of it was lost."""
    await shop.save_card()
    shop.stripe.control("trouble", losing=3)
    payment = await shop.buy(100)
    assert payment.state == "pending"
    assert "booked" in await shop.receive_all()
    again = await send_payment(shop.till, payment.payment_id, at=shop.at)
    assert again.state == "succeeded"
    assert len(shop.stripe.things("payment_intent")) == 1
    assert (await shop.accounts())["credit:paid"] == -10_000


async def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(shop: Shop) -> None:
    await shop.save_card()
    shop.stripe.control("trouble", losing=1)
    assert (await shop.buy(100)).state == "succeeded"
    assert len(shop.stripe.things("payment_intent")) == 1


@pytest.mark.parametrize(
    ("number", "code", "reason", "is_hard"),
    [
        ("4000000000009995", "insufficient_funds", "Your card has insufficient funds.", False),
        ("4000000000000341", "generic_decline", "Your card was declined.", False),
        ("4000000000000069", "expired_card", "Your card has expired.", False),
        ("4000000000009987", "lost_card", "Your card was declined.", True),
    ],
)
async def test_a_decline_says_why_in_the_banks_words(
    shop: Shop, number: str, code: str, reason: str, *, is_hard: bool
) -> None:
    await shop.save_card(number)
    payment = await shop.buy(100)
    assert (payment.state, payment.decline_code, payment.decline_reason) == ("failed", code, reason)
    assert payment.is_hard_decline is is_hard
    assert await shop.accounts() == {}
    data = await shop.scalar("SELECT data FROM events WHERE type = 'payment.failed'")
    assert (data["reason"], data["is_hard"]) == (reason, is_hard)


async def test_trying_again_after_a_decline_is_a_new_attempt_with_a_new_key(shop: Shop) -> None:
    await shop.save_card("4000000000009995")
    first = await shop.buy(100)
    good = await shop.save_card()
    second = await retry_purchase(shop.till, first.payment_id, payment_method_id=good, by=ADA, at=shop.at)
    assert (second.state, second.attempt, second.subject_id) == ("succeeded", 2, first.subject_id)
    assert first.idempotency_key != second.idempotency_key
    assert (await shop.accounts())["credit:paid"] == -10_000


async def test_trying_again_what_was_paid_buys_nothing_more(shop: Shop) -> None:
    await shop.save_card()
    first = await shop.buy(100)
    again = await retry_purchase(shop.till, first.payment_id, payment_method_id="", by=ADA, at=shop.at)
    assert again.payment_id == first.payment_id
    assert len(shop.stripe.things("payment_intent")) == 1


async def test_three_d_secure_leads_to_the_bank_and_back(shop: Shop) -> None:
    await shop.save_card("4000002760003184")
    payment = await shop.buy(100)
    assert payment.state == "requires_action"
    assert payment.action_url.startswith(f"{shop.stripe.url}/3ds/")
    assert await shop.accounts() == {}
    back = shop.stripe.form(payment.action_url.removeprefix(shop.stripe.url), answer="yes")
    assert back == f"http://jeton.test/console/billing/payments/{payment.payment_id}"
    paid = await refresh_payment(shop.till, payment.payment_id, at=shop.at)
    assert (paid.state, paid.action_url) == ("succeeded", "")
    assert (await shop.accounts())["credit:paid"] == -10_000


async def test_a_bank_that_is_not_answered_declines(shop: Shop) -> None:
    await shop.save_card("4000002760003184")
    payment = await shop.buy(100)
    shop.stripe.form(payment.action_url.removeprefix(shop.stripe.url), answer="no")
    failed = await refresh_payment(shop.till, payment.payment_id, at=shop.at)
    assert (failed.state, failed.decline_code) == ("failed", "payment_intent_authentication_failure")
    assert failed.decline_reason == "We are unable to authenticate your payment method."


async def test_the_providers_page_takes_a_card_and_saves_it(shop: Shop) -> None:
    payment = await shop.buy(100, card=None)
    assert payment.state == "requires_action"
    path = payment.action_url.removeprefix(shop.stripe.url)
    assert "Your card has insufficient funds." in shop.stripe.form(path, number="4000 0000 0000 9995")
    assert (await refresh_payment(shop.till, payment.payment_id, at=shop.at)).state == "requires_action"
    back = shop.stripe.form(path, number="4242 4242 4242 4242")
    assert back == f"http://jeton.test/console/billing/payments/{payment.payment_id}"
    assert (await refresh_payment(shop.till, payment.payment_id, at=shop.at)).state == "succeeded"
    assert await shop.scalar("SELECT last4 FROM payment_methods") == "4242"
    await shop.prove()


async def test_a_page_that_was_left_can_be_paid_by_nobody_once_another_attempt_is_made(shop: Shop) -> None:
    """Lago #5708: a hosted session and an off-session charge were both captured."""
    first = await shop.buy(100, card=None)
    await shop.save_card()
    second = await retry_purchase(shop.till, first.payment_id, payment_method_id="", by=ADA, at=shop.at)
    assert second.state == "succeeded"
    page = shop.stripe.form(first.action_url.removeprefix(shop.stripe.url), number="4242424242424242")
    assert page == "None"
    assert len([one for one in shop.stripe.things("payment_intent") if one["status"] == "succeeded"]) == 1


async def test_what_is_given_with_a_purchase_is_a_lot_of_its_own(shop: Shop) -> None:
    from dataclasses import replace  # noqa: PLC0415 - of this test alone

    from jeton.billing.payments.till import PaymentTerms  # noqa: PLC0415 - as above

    shop.till = replace(shop.till, terms=PaymentTerms(given_percent=10))
    await shop.save_card()
    payment = await shop.buy(100)
    assert payment.given_lot_id is not None
    assert await shop.accounts() == {
        "credit:paid": -10_000,
        "credit:free": -1_000,
        "promotion": 1_000,
        "cash": 11_900,
        "tax": -1_900,
    }
    await shop.prove()
