"""News from every side at once, and people who ask twice at once: money moves once."""

import asyncio

from tests.integration.billing.payments.conftest import ADA, USD, Shop

from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.payments.errors import RefundTooLargeError
from jeton.billing.payments.refunding.asking import Asked, refund_payment
from jeton.billing.payments.sending import refresh_payment, send_payment


async def test_answers_webhooks_and_comparison_at_once_book_one_lot(shop: Shop) -> None:
    """Polar #13325: sibling events of one payment raced into a duplicate."""
    await shop.save_card()
    shop.stripe.control("trouble", losing=3)
    payment = await shop.buy(100)
    (event,) = shop.stripe.events("payment_intent.succeeded")
    shop.wait(minutes=4)
    await asyncio.gather(
        *(send_payment(shop.till, payment.payment_id, at=shop.at) for _ in range(3)),
        *(shop.receive({**event, "id": f"evt_{number}"}) for number in range(3)),
        *(shop.receive(event) for _ in range(3)),
        *(refresh_payment(shop.till, payment.payment_id, at=shop.at) for _ in range(2)),
        reconcile(shop.till, at=shop.at),
    )
    assert await shop.accounts() == {"credit:paid": -10_000, "cash": 11_900, "tax": -1_900}
    assert len(shop.stripe.things("payment_intent")) == 1
    assert await shop.scalar("SELECT count(*) FROM lots") == 1
    await shop.prove()


async def test_refunds_at_once_never_give_back_more_than_is_left(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    asked = Asked(shop.organization_id, payment.payment_id, "at once", ADA, 60 * USD)
    results = await asyncio.gather(
        *(refund_payment(shop.till, asked, at=shop.at) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, RefundTooLargeError) for one in results) == 3
    assert sum(one["amount"] for one in shop.stripe.things("refund")) == 7_140
    assert (await shop.accounts())["credit:paid"] == -4_000
    await shop.prove()


async def test_a_dispute_heard_of_before_the_payment_itself_finds_it_first(shop: Shop) -> None:
    await shop.save_card()
    shop.stripe.control("trouble", losing=3)
    payment = await shop.buy(100)
    (intent,) = shop.stripe.things("payment_intent")
    shop.stripe.control("dispute", payment_intent=intent["id"])
    (event,) = shop.stripe.events("charge.dispute.created")
    assert (payment.state, (await shop.receive(event)).outcome) == ("pending", "booked")
    assert await shop.accounts() == {}
    assert await shop.scalar("SELECT state FROM payments") == "succeeded"
    await shop.prove()


async def test_a_card_that_was_removed_is_charged_no_more_here_nor_there(shop: Shop) -> None:
    from jeton.billing.payments.buying.cards import refresh_cards, remove_card  # noqa: PLC0415 - of this test

    first = await shop.save_card()
    second = await shop.save_card("5555555555554444")
    await remove_card(shop.till, shop.organization_id, first, at=shop.at, by=ADA)
    assert await refresh_cards(shop.till, shop.organization_id, at=shop.at) == 1
    payment = await shop.buy(100)
    assert (payment.state, payment.payment_method_id) == ("succeeded", second)
    removed = next(one for one in shop.stripe.things("payment_method") if one["card"]["last4"] == "4242")
    assert removed["customer"] is None
