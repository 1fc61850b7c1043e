"""Documents paid by a saved card, with a payment provider that is a process of its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.integration.billing.payments.conftest import (
    Shop,
    provider_process,
    shop,
)
from tests.integration.billing.receivables.conftest import ADA, House

from jeton.billing.payments.words import Hooks
from jeton.billing.receivables.applying import Act, unapply
from jeton.billing.receivables.collecting.cards import book_card_payment, order_document, try_cards
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.billing.receivables.errors import ApplicationError
from jeton.billing.receivables.recording import record_payment
from jeton.billing.receivables.storage import list_of_document
from jeton.billing.receivables.words import Receipt

__all__ = ["provider_process", "shop"]

TERMS = DunningTerms()
HARD = "4000000000009987"
SOFT = "4000000000009995"


@pytest.fixture
def desk(shop: Shop) -> House:
    """The shop's organization, whose documents are paid by card; due 40 days ago by the shop's clock."""
    shop.till = replace(shop.till, hooks=Hooks(settled={"document": book_card_payment}))
    return House(shop.pool, shop.organization_id)


def due(shop: Shop) -> date:
    return shop.at.astimezone(UTC).date()


def after(shop: Shop, days: int) -> datetime:
    """Noon so many days after today."""
    return datetime.combine(due(shop), datetime.min.time(), UTC) + timedelta(days=days, hours=12)


async def test_a_saved_card_pays_what_is_late(shop: Shop, desk: House) -> None:
    await shop.save_card()
    invoice = await desk.issue(11_900, tax_minor=1_900, due_on=due(shop))

    assert await try_cards(shop.till, TERMS, after(shop, 2)) == {"tried": 0, "paid": 0}
    assert await try_cards(shop.till, TERMS, after(shop, 3)) == {"tried": 1, "paid": 1}
    assert await try_cards(shop.till, TERMS, after(shop, 7)) == {"tried": 0, "paid": 0}

    assert (await desk.document(invoice)).state == "paid"
    assert (await desk.balances())["cash"] == 119 * 10**9
    assert await desk.is_sound()
    # What the provider tells again changes nothing.
    await shop.receive_all()
    assert (await desk.balances())["cash"] == 119 * 10**9


async def test_a_soft_decline_is_tried_on_the_days_and_a_hard_one_never_again(
    shop: Shop,
    desk: House,
) -> None:
    await shop.save_card(SOFT)
    await desk.issue(5_000, due_on=due(shop))
    tried = {day: (await try_cards(shop.till, TERMS, after(shop, day)))["tried"] for day in range(30)}
    assert [day for day, count in tried.items() if count] == [3, 7, 14, 21]


async def test_a_hard_decline_is_the_end_of_that_card(shop: Shop, desk: House) -> None:
    await shop.save_card(HARD)
    invoice = await desk.issue(5_000, due_on=due(shop))
    tried = {day: (await try_cards(shop.till, TERMS, after(shop, day)))["tried"] for day in range(30)}
    assert [day for day, count in tried.items() if count] == [3]
    assert (await desk.document(invoice)).due_minor == 5_000


async def test_money_that_comes_twice_is_credit(shop: Shop, desk: House) -> None:
    """The transfer arrives while the card is charged: nothing is lost, and nothing is paid twice."""
    await shop.save_card()
    invoice = await desk.issue(5_000, due_on=due(shop))
    receipt = Receipt(shop.organization_id, "bank_transfer", "USD", 5_000, due(shop), "the statement")
    hooked: list[str] = []

    async def pay_first(connection, payment, at):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - a hook around the hook
        hooked.append(payment.payment_id)
        await record_payment(connection, receipt, None, Act(ADA, at, "was faster"))
        await book_card_payment(connection, payment, at)

    shop.till = replace(shop.till, hooks=Hooks(settled={"document": pay_first}))
    await try_cards(shop.till, TERMS, after(shop, 3))

    assert len(hooked) == 1
    assert (await desk.document(invoice)).state == "paid"
    assert (await desk.balances())["receivable"] == -50 * 10**9


async def test_what_was_taken_off_again_can_be_paid_by_card_again(
    shop: Shop,
    desk: House,
) -> None:
    await shop.save_card()
    invoice = await desk.issue(5_000, due_on=due(shop))
    await try_cards(shop.till, TERMS, after(shop, 3))
    async with shop.pool.connection() as connection:
        (application,) = await list_of_document(connection, invoice)
        with pytest.raises(ApplicationError, match="Nothing is due"):
            await order_document(connection, invoice, started_by="ada")
        await unapply(connection, application.application_id, Act(ADA, shop.at, "for another one"))

    assert (await try_cards(shop.till, TERMS, after(shop, 7)))["paid"] == 1
    assert (await desk.document(invoice)).state == "paid"
