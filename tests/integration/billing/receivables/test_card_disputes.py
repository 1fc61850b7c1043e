"""A document whose card payment is disputed is due again; won, it is paid again; the books agree."""

from dataclasses import replace
from typing import Any

import pytest
from tests.integration.billing.payments.conftest import Shop, provider_process, shop
from tests.integration.billing.receivables.conftest import House

from jeton.billing.payments.opening import open_payment
from jeton.billing.payments.sending import send_payment
from jeton.billing.payments.words import Hooks
from jeton.billing.receivables.collecting.cards import book_card_payment, order_document
from jeton.billing.receivables.collecting.disputing import follow_dispute

__all__ = ["provider_process", "shop"]


@pytest.fixture
def desk(shop: Shop) -> House:
    """The shop's organization, whose documents are paid by card."""
    hooks = Hooks(settled={"document": book_card_payment}, disputed=follow_dispute)
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
