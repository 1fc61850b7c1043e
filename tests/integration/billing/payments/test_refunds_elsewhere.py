"""Money that was given back in the provider's own pages is booked once, whoever brings the news."""

from dataclasses import replace
from typing import Any

import pytest
from tests.integration.billing.payments.conftest import ADA, USD, Shop
from tests.integration.billing.payments.using import use
from tests.integration.billing.receivables.conftest import House

from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.payments.errors import RefundTooLargeError
from jeton.billing.payments.opening import open_payment
from jeton.billing.payments.refunding.asking import Asked, refund_payment
from jeton.billing.payments.refunding.quoting import quote_refund
from jeton.billing.payments.sending import send_payment
from jeton.billing.payments.storage import get_payment
from jeton.billing.payments.till import PaymentTerms
from jeton.billing.payments.words import Hooks, Payment
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.claims.giving_up import give_up_claim
from jeton.billing.receivables.collecting.cards import book_card_payment, order_document
from jeton.billing.receivables.collecting.following import follow_refund
from jeton.charging.credits.reversing import reverse_charge


async def buy(shop: Shop, used: int = 0) -> Payment:
    """$100 of credit for $119, of which some is used."""
    await shop.save_card()
    payment = await shop.buy(100)
    if used:
        await use(shop, used * USD)
    return payment


async def give_back(shop: Shop, payment: Payment, **asked: object) -> dict[str, Any]:
    """Somebody clicks in the provider's pages; the event of it."""
    shop.stripe.control("give_back", payment_intent=payment.provider_payment_id, **asked)
    event: dict[str, Any] = shop.stripe.events("refund.created")[-1]
    return event


async def test_a_part_goes_out_of_the_lot_that_was_bought(shop: Shop) -> None:
    payment = await buy(shop, used=30)
    event = await give_back(shop, payment, amount=5_950)
    assert [(await shop.receive(event)).outcome for _ in range(2)] == ["booked", "known"]
    expected = {"credit:paid": -2_000, "cash": 5_950, "tax": -950, "revenue": -3_000}
    assert await shop.accounts() == expected
    assert await shop.scalar("SELECT refunded_minor FROM payments") == 5_950
    shop.wait(hours=1)
    await reconcile(shop.till, at=shop.at)
    assert await shop.accounts() == expected
    assert await shop.scalar("SELECT count(*) FROM refunds") == 1
    assert await shop.scalar("SELECT count(*) FROM alarms") == 0
    await shop.prove()


async def test_what_is_beyond_is_owed_as_with_a_dispute_and_the_operator_is_told(shop: Shop) -> None:
    payment = await buy(shop, used=30)
    assert (await shop.receive(await give_back(shop, payment))).outcome == "booked"
    assert await shop.accounts() == {"receivable": 3_570, "tax": -570, "revenue": -3_000}
    assert await shop.scalar("SELECT details ->> 'problem' FROM alarms") == (
        "More was given back than was left of what it bought, so $35.70 is owed."
    )
    assert await shop.scalar("SELECT owed_minor FROM refunds") == 3_570
    await shop.prove()


async def test_the_comparison_books_what_no_webhook_brought(shop: Shop) -> None:
    payment = await buy(shop)
    await give_back(shop, payment, amount=1_190)
    shop.wait(days=2)
    assert (await reconcile(shop.till, at=shop.at)).booked == 1
    assert await shop.accounts() == {"credit:paid": -9_000, "cash": 10_710, "tax": -1_710}
    await shop.prove()


async def test_one_that_is_under_way_is_not_asked_for_here_as_well(shop: Shop) -> None:
    """It was, under a key that the provider had never seen: the money went twice."""
    payment = await buy(shop)
    event = await give_back(shop, payment, amount=5_950)
    await shop.receive(event, status="pending")
    shop.wait(hours=1)
    await reconcile(shop.till, at=shop.at)
    assert [made["amount"] for made in shop.stripe.things("refund")] == [5_950]
    assert await shop.scalar("SELECT state FROM refunds") == "succeeded"


async def test_one_that_fails_later_is_undone_to_the_cent(shop: Shop) -> None:
    shop.till = replace(shop.till, terms=PaymentTerms(given_percent=10))
    payment = await buy(shop, used=30)
    before = await shop.accounts()
    event = await give_back(shop, payment)
    await shop.receive(event)
    shop.stripe.control("fail_refund", refund=event["data"]["object"]["id"])
    (failed,) = shop.stripe.events("refund.failed")
    assert [(await shop.receive(failed)).outcome for _ in range(2)] == ["booked", "known"]
    assert await shop.accounts() == before
    assert await shop.scalar("SELECT refunded_minor + refunded_tax_minor FROM payments") == 0
    await shop.prove()


async def test_never_more_is_given_back_than_was_paid_whatever_is_reversed_later(shop: Shop) -> None:
    """$30 is used, all $119 given back ($35.70 owed), and then the request is reversed."""
    payment = await buy(shop, used=30)
    await shop.receive(await give_back(shop, payment))
    request_id = await shop.scalar("SELECT request_id FROM charges")
    async with shop.pool.connection() as connection:
        await reverse_charge(connection, request_id, reason="an error of ours", by=ADA)
    async with shop.pool.connection() as connection:
        quote = await quote_refund(connection, await get_payment(connection, payment.payment_id))
    assert (quote.left_nano, quote.credit_nano) == (30 * USD, 0)
    asked = Asked(shop.organization_id, payment.payment_id, "again", ADA, 30 * USD)
    with pytest.raises(RefundTooLargeError, match=r"30\.00 dollars of credit cannot be refunded: 0\.00"):
        await refund_payment(shop.till, asked, at=shop.at)
    await shop.prove()


@pytest.mark.parametrize("first", ["refund", "dispute"])
async def test_what_is_given_back_before_the_rest_is_disputed_is_booked_whichever_is_heard_of_first(
    shop: Shop, first: str
) -> None:
    payment = await buy(shop, used=30)
    refund = await give_back(shop, payment, amount=2_380)
    shop.stripe.control("dispute", payment_intent=payment.provider_payment_id, amount=9_520)
    (disputed,) = shop.stripe.events("charge.dispute.created")
    for event in (refund, disputed) if first == "refund" else (disputed, refund):
        assert (await shop.receive(event)).outcome == "booked"
    assert await shop.accounts() == {"receivable": 3_570, "tax": -570, "revenue": -3_000}
    assert await shop.scalar("SELECT refunded_minor FROM payments") == 2_380
    await shop.prove()


async def test_what_the_bank_has_cannot_be_given_back_as_well(shop: Shop) -> None:
    payment = await buy(shop)
    refund = await give_back(shop, payment, amount=2_380)
    shop.stripe.control("dispute", payment_intent=payment.provider_payment_id, amount=11_900)
    (disputed,) = shop.stripe.events("charge.dispute.created")
    assert (await shop.receive(disputed)).outcome == "booked"
    assert (await shop.receive(refund)).outcome == "refused"
    assert await shop.scalar("SELECT details ->> 'problem' FROM alarms") == (
        "More was given back than was paid, and not refunded or disputed yet."
    )
    await shop.prove()


async def test_cents_that_divide_nothing_leave_no_cent_too_many(shop: Shop) -> None:
    payment = await buy(shop)
    for cents in (1, 333, 7):
        assert (await shop.receive(await give_back(shop, payment, amount=cents))).outcome == "booked"
    asked = Asked(shop.organization_id, payment.payment_id, "the rest", ADA)
    await refund_payment(shop.till, asked, at=shop.at)
    given = sum(one["amount"] for one in shop.stripe.things("refund"))
    assert given == await shop.scalar("SELECT refunded_minor FROM payments")
    assert 11_898 <= given <= 11_900
    await shop.prove()


async def test_of_a_documents_payment_it_is_due_again(shop: Shop) -> None:
    hooks = Hooks(settled={"document": book_card_payment}, refunded=follow_refund)
    shop.till, house = replace(shop.till, hooks=hooks), House(shop.pool, shop.organization_id)
    invoice = await house.issue(11_900, tax_minor=1_900)
    await shop.save_card()
    async with shop.pool.connection() as connection:
        order = await order_document(connection, invoice, started_by="ada")
        payment = await open_payment(connection, order, at=shop.at)
    payment = await send_payment(shop.till, payment.payment_id, at=shop.at)
    assert (await house.document(invoice)).state == "paid"
    event = await give_back(shop, payment, amount=1_900)
    assert [(await shop.receive(event)).outcome for _ in range(2)] == ["booked", "known"]
    assert (await house.document(invoice)).due_minor == 1_900
    assert (await house.balances())["cash"] == 100 * USD
    shop.stripe.control("fail_refund", refund=event["data"]["object"]["id"])
    assert (await shop.receive(shop.stripe.events("refund.failed")[-1])).outcome == "booked"
    assert (await house.document(invoice)).state == "paid"
    assert await house.is_sound()


async def test_what_was_given_up_and_comes_back_after_all_is_told(shop: Shop) -> None:
    """$35.70 were owed of $119 given back, and given up; then the bank returned the whole refund."""
    shop.till = replace(shop.till, hooks=Hooks(refunded=follow_refund))
    payment = await buy(shop, used=30)
    await shop.receive(await give_back(shop, payment))
    async with shop.pool.connection() as connection:
        await give_up_claim(connection, payment.payment_id, Act(ADA, shop.at, "gone abroad"))
    (made,) = shop.stripe.things("refund")
    shop.stripe.control("fail_refund", refund=made["id"])
    (event,) = shop.stripe.events("refund.failed")
    assert [(await shop.receive(event)).outcome for _ in range(2)] == ["booked", "known"]
    problem = await shop.scalar(
        "SELECT details ->> 'problem' FROM alarms WHERE subject = (SELECT refund_id FROM refunds)"
    )
    assert problem == (
        "$35.70 of what was given up is owed no more, since its refund came back: it stands as credit in"
        " receivable, and in bad debt with its tax relieved."
    )
    assert (await shop.accounts())["receivable"] == -3_570
    await shop.prove()
