"""Unused credit is paid back out of the lot that was bought; what was used stays."""

from dataclasses import replace

import pytest
from tests.integration.billing.payments.conftest import ADA, USD, Shop
from tests.integration.billing.payments.using import use

from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.payments.errors import NotRefundableError, RefundTooLargeError
from jeton.billing.payments.refunding.asking import Asked, refund_payment, send_refund
from jeton.billing.payments.till import PaymentTerms
from jeton.billing.payments.words import Payment, Refund
from jeton.charging.credits.errors import IdempotencyError
from jeton.insight.verify import verify


async def give_back(shop: Shop, payment: Payment, nano: int | None = None, *, key: str = "") -> Refund:
    asked = Asked(shop.organization_id, payment.payment_id, "not needed", ADA, nano, key)
    return await refund_payment(shop.till, asked, at=shop.at)


async def test_what_is_left_is_refunded_with_its_tax_and_what_was_used_is_not(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    await use(shop, 30 * USD)
    refund = await give_back(shop, payment)
    assert (refund.state, refund.credit_nano) == ("succeeded", 70 * USD)
    assert (refund.net_minor, refund.tax_minor, refund.amount_minor) == (7_000, 1_330, 8_330)
    assert await shop.accounts() == {"cash": 3_570, "tax": -570, "revenue": -3_000}
    (at_provider,) = shop.stripe.things("refund")
    assert at_provider["amount"] == 8_330
    await shop.prove()


async def test_parts_of_a_refund_sum_to_the_whole(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(10)
    for cents in (333, 333):
        await give_back(shop, payment, cents * USD // 100)
    last = await give_back(shop, payment)
    refunds = shop.stripe.things("refund")
    assert sum(one["amount"] for one in refunds) == payment.amount_minor == 1_190
    assert last.credit_nano == 334 * USD // 100
    assert await shop.accounts() == {}
    await shop.prove()


async def test_more_than_is_left_is_refused_with_both_numbers(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    await use(shop, 30 * USD)
    with pytest.raises(
        RefundTooLargeError, match=r"70\.01 dollars of credit cannot be refunded: 70\.00 dollars are left"
    ):
        await give_back(shop, payment, 7_001 * USD // 100)
    assert shop.stripe.things("refund") == []


async def test_only_whole_cents_go_back(shop: Shop) -> None:
    """A third of a cent was used: the rest of that cent stays as credit."""
    await shop.save_card()
    payment = await shop.buy(100)
    await use(shop, 3_330_000)
    refund = await give_back(shop, payment)
    assert (refund.net_minor, refund.credit_nano) == (9_999, 9_999 * USD // 100)
    assert await shop.scalar("SELECT left_nano FROM lots") == USD // 100 - 3_330_000
    await shop.prove()


async def test_the_same_key_again_gives_nothing_back_twice(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    first = await give_back(shop, payment, 40 * USD, key="once")
    again = await give_back(shop, payment, 40 * USD, key="once")
    assert again.refund_id == first.refund_id
    assert len(shop.stripe.things("refund")) == 1
    for other in (41 * USD, None):
        with pytest.raises(IdempotencyError):
            await give_back(shop, payment, other, key="once")
    rest = await give_back(shop, payment, key="all")
    assert [(await give_back(shop, payment, nano, key="all")) for nano in (None, 60 * USD)] == [rest, rest]
    assert len(shop.stripe.things("refund")) == 2


async def test_what_was_given_with_it_goes_in_proportion(shop: Shop) -> None:
    shop.till = replace(shop.till, terms=PaymentTerms(given_percent=10))
    await shop.save_card()
    payment = await shop.buy(100)
    refund = await give_back(shop, payment, 40 * USD)
    assert refund.given_nano == 4 * USD
    accounts = await shop.accounts()
    assert (accounts["credit:paid"], accounts["credit:free"], accounts["promotion"]) == (-6_000, -600, 600)
    await shop.prove()


async def test_a_refund_without_an_answer_keeps_the_credit_out_and_is_sent_again(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    shop.stripe.control("trouble", failing=3)
    pending = await give_back(shop, payment)
    assert pending.state == "pending"
    assert (await shop.accounts()).get("credit:paid", 0) == 0
    sent = await send_refund(shop.till, pending.refund_id, at=shop.at)
    assert sent.state == "succeeded"
    assert len(shop.stripe.things("refund")) == 1


async def test_a_refund_that_fails_later_puts_the_credit_back(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    await give_back(shop, payment)
    (made,) = shop.stripe.things("refund")
    shop.stripe.control("fail_refund", refund=made["id"])
    (event,) = shop.stripe.events("refund.failed")
    assert [(await shop.receive(event)).outcome for _ in range(2)] == ["booked", "known"]
    assert await shop.accounts() == {"credit:paid": -10_000, "cash": 11_900, "tax": -1_900}
    assert await shop.scalar("SELECT refunded_minor FROM payments") == 0
    await shop.prove()


async def test_a_failed_payment_and_somebody_elses_cannot_be_refunded(shop: Shop) -> None:
    await shop.save_card("4000000000009995")
    payment = await shop.buy(100)
    with pytest.raises(NotRefundableError, match="it bought no credit"):
        await give_back(shop, payment)


async def test_the_comparison_finishes_what_was_left(shop: Shop) -> None:
    await shop.save_card()
    payment = await shop.buy(100)
    shop.stripe.control("trouble", failing=3)
    await give_back(shop, payment)
    shop.wait(minutes=5)
    await reconcile(shop.till, at=shop.at)
    assert await shop.scalar("SELECT state FROM refunds") == "succeeded"


async def test_what_the_provider_never_heard_of_is_not_sent_again_after_a_day_but_put_back(
    shop: Shop,
) -> None:
    """A provider forgets a key after a day: the same request again would give the money back twice."""
    await shop.save_card()
    payment = await shop.buy(100)
    shop.stripe.control("trouble", failing=3)
    await give_back(shop, payment)
    shop.wait(days=2)
    await reconcile(shop.till, at=shop.at)
    assert shop.stripe.things("refund") == []
    assert await shop.scalar("SELECT state FROM refunds") == "failed"
    assert await shop.accounts() == {"credit:paid": -10_000, "cash": 11_900, "tax": -1_900}
    await shop.prove()


async def test_a_refund_that_takes_weeks_is_settled_without_a_webhook(shop: Shop) -> None:
    """A bank took 40 days to say no, and the webhook was lost: the credit is there again."""
    await shop.save_card()
    payment = await shop.buy(100)
    shop.stripe.control("clock", seconds=int(shop.at.timestamp()))
    refund = await give_back(shop, payment)
    (made,) = shop.stripe.things("refund")
    async with shop.pool.connection() as connection:
        await connection.execute(
            "UPDATE refunds SET state = 'pending', settled_at = NULL WHERE refund_id = %s",
            (refund.refund_id,),
        )
    shop.stripe.control("alter", id=made["id"], fields={"status": "pending"})
    for _ in range(8):
        shop.wait(days=5)
        await reconcile(shop.till, at=shop.at)
    assert await shop.scalar("SELECT state FROM refunds") == "pending"
    shop.stripe.control("alter", id=made["id"], fields={"status": "failed", "failure_reason": "declined"})
    await reconcile(shop.till, at=shop.at)
    assert await shop.scalar("SELECT state FROM refunds") == "failed"
    assert await shop.accounts() == {"credit:paid": -10_000, "cash": 11_900, "tax": -1_900}
    await shop.prove()


async def test_a_refund_that_the_bank_returns_after_weeks_is_found_without_a_webhook(shop: Shop) -> None:
    """It succeeded, and came back on the 58th day."""
    await shop.save_card()
    payment = await shop.buy(100)
    shop.stripe.control("clock", seconds=int(shop.at.timestamp()))
    await give_back(shop, payment)
    (made,) = shop.stripe.things("refund")
    await reconcile(shop.till, at=shop.at)
    shop.wait(days=57)
    await reconcile(shop.till, at=shop.at)
    shop.stripe.control("alter", id=made["id"], fields={"status": "failed", "failure_reason": "declined"})
    shop.wait(days=1)
    await reconcile(shop.till, at=shop.at)
    assert await shop.scalar("SELECT state FROM refunds") == "failed"
    assert await shop.accounts() == {"credit:paid": -10_000, "cash": 11_900, "tax": -1_900}
    await shop.prove()


CHANGES = {
    "what was given back": (
        "UPDATE payments SET refunded_minor = refunded_minor - 1",
        "is not what its refunds come to",
    ),
    "a refund's tax": (
        "UPDATE refunds SET tax_nano = tax_nano + 1, net_nano = net_nano - 1",
        "posted were 47.60, 7.60 and 0",
    ),
    "what a dispute left owed": ("UPDATE disputes SET owed_nano = owed_nano + 1", "disputes posted"),
    "a dispute's tax": ("UPDATE disputes SET tax_nano = tax_nano - 1", "dollars on tax"),
    "a dispute that was won": (
        "UPDATE disputes SET state = 'won', closed_at = opened_at",
        "dollars on receivable, and come to 0",
    ),
}


@pytest.mark.parametrize(("change", "finding"), CHANGES.values(), ids=CHANGES)
async def test_money_that_went_back_otherwise_than_it_was_posted_is_found(
    shop: Shop, change: str, finding: str
) -> None:
    """Of $100 at 19 % $30 are used, $40 refunded; the bank has the rest, and $35.70 of it are owed."""
    await shop.save_card()
    payment = await shop.buy(100)
    await use(shop, 30 * USD)
    await give_back(shop, payment, 40 * USD)
    shop.stripe.control("dispute", payment_intent=payment.provider_payment_id, amount=7_140)
    await reconcile(shop.till, at=shop.at)
    assert (await shop.accounts())["receivable"] == 3_570
    await shop.prove()

    async with shop.pool.connection() as connection:
        await connection.execute(change.encode())
    async with shop.pool.connection() as connection:
        proof = await verify(connection)
    assert any(finding in one for one in proof.findings), proof.findings
