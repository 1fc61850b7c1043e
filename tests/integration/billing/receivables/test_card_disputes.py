"""A document whose card payment is disputed is due again; won, it is paid again; the books agree."""

import random
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.integration.billing.payments.conftest import Shop, provider_process, shop
from tests.integration.billing.receivables.conftest import ACT, AT, House

from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.payments.disputing.booking import book_dispute_news
from jeton.billing.payments.opening import open_payment
from jeton.billing.payments.refunding.booking import book_refund_news
from jeton.billing.payments.sending import send_payment
from jeton.billing.payments.words import Hooks
from jeton.billing.providers.words import DisputeStatus, ProviderDispute, ProviderRefund, RefundStatus
from jeton.billing.receivables.applying import unapply
from jeton.billing.receivables.collecting.cards import book_card_payment, order_document
from jeton.billing.receivables.collecting.following import follow_dispute, follow_refund
from jeton.billing.receivables.recording import pay_back
from jeton.billing.receivables.storage import list_of_document

__all__ = ["provider_process", "shop"]


@pytest.fixture
def desk(shop: Shop) -> House:
    """The shop's organization, whose documents are paid by card."""
    hooks = Hooks(settled={"document": book_card_payment}, refunded=follow_refund, disputed=follow_dispute)
    shop.till = replace(shop.till, hooks=hooks)
    return House(shop.pool, shop.organization_id)


async def pay(shop: Shop, document_id: str) -> str:
    """Pay it by card; what the provider calls the payment."""
    await shop.save_card()
    async with shop.pool.connection() as connection:
        order = await order_document(connection, document_id, started_by="ada")
        payment = await open_payment(connection, order, at=shop.at)
    payment = await send_payment(shop.till, payment.payment_id, at=shop.at)
    assert payment.provider_payment_id is not None
    return payment.provider_payment_id


async def dispute(shop: Shop, provider_payment_id: str, **asked: object) -> dict[str, Any]:
    made: dict[str, Any] = shop.stripe.control("dispute", payment_intent=provider_payment_id, **asked)
    event = shop.stripe.events("charge.dispute.created")[-1]
    assert [(await shop.receive(event)).outcome for _ in range(2)] == ["booked", "known"]
    return made


async def close(shop: Shop, made: dict[str, Any], status: str) -> None:
    shop.stripe.control("close_dispute", dispute=made["id"], status=status)
    assert (await shop.receive(shop.stripe.events("charge.dispute.closed")[-1])).outcome == "booked"


async def test_it_is_due_again_and_paid_again_when_the_dispute_is_won(shop: Shop, desk: House) -> None:
    invoice = await desk.issue(11_900, tax_minor=1_900)
    paid = await pay(shop, invoice)
    assert (await desk.document(invoice)).state == "paid"
    made = await dispute(shop, paid)
    document = await desk.document(invoice)
    assert (document.due_minor, (await desk.balances()).get("cash", 0)) == (11_900, 0)
    await close(shop, made, "won")
    assert (await desk.document(invoice)).state == "paid"
    assert (await desk.balances())["cash"] == 119 * 10**9
    assert await desk.is_sound()


async def test_it_stays_due_when_the_dispute_is_lost(shop: Shop, desk: House) -> None:
    invoice = await desk.issue(11_900, tax_minor=1_900)
    made = await dispute(shop, await pay(shop, invoice))
    await close(shop, made, "lost")
    assert (await desk.document(invoice)).due_minor == 11_900
    assert (await desk.balances())["receivable"] == 119 * 10**9
    assert await desk.is_sound()


async def test_of_a_part_the_rest_stays_paid(shop: Shop, desk: House) -> None:
    invoice = await desk.issue(11_900, tax_minor=1_900)
    made = await dispute(shop, await pay(shop, invoice), amount=1_900)
    assert (await desk.document(invoice)).due_minor == 1_900
    assert (await desk.balances())["cash"] == 100 * 10**9
    await close(shop, made, "won")
    assert (await desk.document(invoice)).state == "paid"
    assert await desk.is_sound()


async def test_refund_and_dispute_whose_webhooks_were_lost_are_found_by_the_comparison(
    shop: Shop, desk: House
) -> None:
    invoice = await desk.issue(11_900, tax_minor=1_900)
    paid = await pay(shop, invoice)
    shop.stripe.control("give_back", payment_intent=paid, amount=1_900)
    made = shop.stripe.control("dispute", payment_intent=paid, amount=4_000)
    shop.wait(hours=1)
    for _ in range(2):
        await reconcile(shop.till, at=shop.at)
        document = await desk.document(invoice)
        assert (document.due_minor, (await desk.balances())["cash"]) == (5_900, 60 * 10**9)
    shop.stripe.control("close_dispute", dispute=made["id"], status="won")
    shop.wait(hours=1)
    await reconcile(shop.till, at=shop.at)
    assert (await desk.document(invoice)).due_minor == 1_900
    assert await shop.scalar("SELECT count(*) FROM alarms") == 0
    assert await desk.is_sound()


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to a payment of $119: news of refunds and disputes, the last of each being the truth."""

    refunds: tuple[tuple[str, int, tuple[RefundStatus, ...]], ...]
    disputes: tuple[tuple[str, int, tuple[DisputeStatus, ...]], ...]
    here_minor: int


STORIES = {
    "a part back, the rest lost": Story(
        (("r", 1_900, ("succeeded",)),), (("d", 10_000, ("open", "lost")),), 0
    ),
    "a part back, all disputed and won": Story(
        (("r", 1_900, ("succeeded",)),), (("d", 11_900, ("open", "won")),), 10_000
    ),
    "a part back and a part lost": Story(
        (("r", 1_900, ("succeeded",)),), (("d", 4_000, ("open", "lost")),), 6_000
    ),
    "a part back that did not arrive, a part won": Story(
        (("r", 1_900, ("succeeded", "failed")),), (("d", 4_000, ("open", "won")),), 11_900
    ),
    "all back that did not arrive, all lost": Story(
        (("r", 11_900, ("succeeded", "failed")),), (("d", 11_900, ("open", "lost")),), 0
    ),
    "two parts back, disputed twice": Story(
        (("r", 1_900, ("succeeded",)), ("s", 2_500, ("succeeded",))),
        (("d", 4_000, ("open", "won")), ("e", 7_500, ("lost",))),
        0,
    ),
}  # fmt: skip
# Of each story so many orders, chosen by chance from a seed that is the name of the story.
ORDERS = 2


@pytest.mark.parametrize("name", STORIES)
async def test_every_order_of_refunds_and_disputes_ends_at_the_same(
    name: str, shop: Shop, desk: House
) -> None:
    """Each piece of news comes twice, in any order; at the end the comparison says once more what is so."""
    story, chance, total = STORIES[name], random.Random(name), 0  # noqa: S311 - no secret
    for number in range(ORDERS):
        invoice = await desk.issue(11_900, tax_minor=1_900)
        paid = await pay(shop, invoice)
        news = [news for news in tell(story, paid, number) for _ in range(2)]
        chance.shuffle(news)
        for one in (*news, *tell(story, paid, number, is_truth=True)):
            await hear(shop, one)
            here_minor = await here(shop, paid)
            document = await desk.document(invoice)
            assert document.due_minor == 11_900 - here_minor, (number, one)
            assert (await desk.balances()).get("cash", 0) == (total + here_minor) * 10**7, (number, one)
        assert await here(shop, paid) == story.here_minor
        total += story.here_minor
    assert await shop.scalar("SELECT count(*) FROM alarms") == 0
    assert await desk.is_sound()


def tell(
    story: Story, paid: str, number: int, *, is_truth: bool = False
) -> list[ProviderRefund | ProviderDispute]:
    """All that the provider says of a payment, or only what is so in the end."""
    first = -1 if is_truth else 0
    return [
        *(
            ProviderRefund(f"re_{paid}_{name}", paid, "", minor, "USD", status, AT)
            for name, minor, states in story.refunds
            for status in states[first:]
        ),
        *(
            ProviderDispute(f"dp_{paid}_{name}_{number}", paid, minor, "USD", status, "fraudulent", AT)
            for name, minor, states in story.disputes
            for status in states[first:]
        ),
    ]


async def hear(shop: Shop, news: ProviderRefund | ProviderDispute) -> None:
    async with shop.pool.connection() as connection:
        if isinstance(news, ProviderRefund):
            await book_refund_news(shop.till, connection, news, provider="stripe", at=shop.at)
        else:
            await book_dispute_news(shop.till, connection, news, provider="stripe", at=shop.at)


async def here(shop: Shop, paid: str) -> int:
    """What was taken less what rows of refunds and disputes say went: counted by hand, not by the code."""
    left: int = await shop.scalar(
        "SELECT greatest(0, p.amount_minor"
        " - coalesce((SELECT sum(amount_minor) FROM refunds AS r"
        "             WHERE r.payment_id = p.payment_id AND r.state <> 'failed'), 0)"
        " - coalesce((SELECT sum(amount_minor) FROM disputes AS d"
        "             WHERE d.payment_id = p.payment_id AND d.state <> 'won'), 0))::bigint"
        " FROM payments AS p WHERE p.provider_payment_id = %s",
        paid,
    )
    return left


async def test_what_a_person_has_paid_back_before_is_asked_about_and_the_rest_goes(
    shop: Shop, desk: House
) -> None:
    invoice = await desk.issue(11_900, tax_minor=1_900)
    paid = await pay(shop, invoice)
    async with shop.pool.connection() as connection:
        [recorded] = await list_of_document(connection, invoice)
        await unapply(connection, recorded.application_id, ACT)
        await pay_back(connection, recorded.payment_id, 1_000, ACT)
    await dispute(shop, paid)
    assert (await desk.document(invoice)).due_minor == 11_900
    assert (await desk.balances()).get("cash", 0) == 0
    problem = await shop.scalar("SELECT details ->> 'problem' FROM alarms")
    assert (
        problem == "$10.00 of it went back that was voided or paid back by hand before: disputed at the bank."
    )
    assert await desk.is_sound()
