"""Buying credit in the Console: what it costs before it is paid, what the bank says, and money back."""

import pytest
from tests.integration.billing.payments.conftest import sign
from tests.integration.console.money.scene import BUY, HUNDRED, counter
from tests.integration.console.operating.scene import seated
from tests.integration.world import open_world
from tests.stripe_server.running import StripeServer

from jeton import clock
from jeton.billing.payments.arriving.receiving import receive_webhook
from jeton.billing.payments.storage import get_payment
from jeton.db.pool import Pool
from jeton.identity.members import Role


async def test_the_price_of_credit_is_shown_with_its_tax_before_it_is_paid(
    pool: Pool, stripe: StripeServer
) -> None:
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        page, data = await desk.seat.text(f"{BUY}?amount=100"), await desk.twin(f"{BUY}?amount=100")
        assert "Pay $119.00" in page
        quote = data["quote"]
        assert (quote["net_amount"], quote["tax_amount"], quote["total_amount"]) == (
            "100.00",
            "19.00",
            "119.00",
        )
        assert "from $5.00 to $5,000.00 can" in await desk.seat.text(f"{BUY}?amount=4")
        assert "is not a decimal number" in await desk.seat.text(f"{BUY}?amount=%3Cb%3E")
    await world.close()


async def test_a_saved_card_buys_credit_and_the_same_form_twice_buys_once(
    pool: Pool, stripe: StripeServer
) -> None:
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        card = await desk.save_card()
        place = await desk.buy(card)
        assert await desk.buy(card) == place
        page = await desk.seat.text(place)
        assert "Paid." in page
        assert "Visa ···· 4242" in page
        data = await desk.twin("/console/billing")
        assert [lot["granted"] for lot in data["lots"] if lot["kind"] == "paid"] == ["100.00"]
        listed = await desk.twin("/console/billing/payments")
        assert [one["state"] for one in listed["data"]] == ["succeeded"]
    await world.close()


async def test_what_has_changed_since_it_was_quoted_is_not_charged(pool: Pool, stripe: StripeServer) -> None:
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        card = await desk.save_card()
        answer = await desk.seat.post(
            BUY, **{**HUNDRED, "way": card, "total": "10700 USD", "idempotency_key": "purch_1"}
        )
        assert answer.headers["location"] == f"{BUY}?amount=100.00&changed=1"
        assert "nothing was charged" in await desk.seat.text(answer.headers["location"])
        assert (await desk.twin("/console/billing/payments"))["data"] == []
    await world.close()


async def test_a_decline_says_why_and_another_card_pays_in_a_new_attempt(
    pool: Pool, stripe: StripeServer
) -> None:
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        poor, good = await desk.save_card("4000000000009995"), await desk.save_card()
        place = await desk.buy(poor)
        page = await desk.seat.text(place)
        assert "Declined." in page
        assert "insufficient funds" in page
        answer = await desk.seat.post(f"{place}/retry", way=good)
        again = answer.headers["location"]
        assert again != place
        data = await desk.twin(again)
        assert (data["state"], data["attempt"]) == ("succeeded", 2)
    await world.close()


async def test_the_providers_page_is_a_link_and_can_be_given_up(pool: Pool, stripe: StripeServer) -> None:
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        place = await desk.buy("page")
        page, data = await desk.seat.text(place), await desk.twin(place)
        assert data["state"] == "requires_action"
        assert str(data["action_url"]).startswith(stripe.url)
        assert f'href="{data["action_url"]}"' in page
        await desk.seat.post(f"{place}/give-up")
        assert (await desk.twin(place))["state"] == "canceled"
    await world.close()


async def test_a_page_paid_elsewhere_is_paid_when_one_comes_back(pool: Pool, stripe: StripeServer) -> None:
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        place = await desk.buy("page")
        url = str((await desk.twin(place))["action_url"])
        back = desk.stripe.form(url.removeprefix(stripe.url), number="4242424242424242")
        assert back == f"http://jeton.test{place}"
        assert (await desk.twin(place))["state"] == "succeeded"
        # The card that paid is saved with it.
        assert "4242" in await desk.seat.text("/console/billing/cards?saved=1")
    await world.close()


async def test_unused_credit_is_refunded_with_its_tax_and_both_numbers_are_shown(
    pool: Pool, stripe: StripeServer
) -> None:
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        place = await desk.buy(await desk.save_card())
        assert (await desk.twin(place))["refund"] == {
            "bought": "100.00",
            "unused": "100.00",
            "refundable": "100.00",
            "currency": "USD",
            "net_amount": "100.00",
            "tax_amount": "19.00",
            "total_amount": "119.00",
            "obstacle": None,
        }
        form = {"amount": "40", "reason": "too much", "idempotency_key": "form_1"}
        for _ in range(2):
            assert (await desk.seat.post(f"{place}/refund", **form)).status_code == 303
        data = await desk.twin(place)
        assert (data["refunded_amount"], data["refund"]["refundable"]) == ("47.60", "60.00")
        assert "of credit is left to be used." in await desk.seat.text(place)
        changes = (await desk.twin("/console/billing"))["changes"]
        assert ("refund", "-40.00") in [(one["movement"], one["amount"]) for one in changes]
        refused = await desk.seat.post(
            f"{place}/refund", amount="61", reason="more", idempotency_key="form_2"
        )
        assert refused.status_code == 400
        assert "60.00 dollars are left unused" in refused.text
    await world.close()


async def test_a_disputed_payment_is_not_called_credit_that_can_be_used(
    pool: Pool, stripe: StripeServer
) -> None:
    """Its page said "Paid. $100.00 of credit can be used now." above "It is disputed", even when lost."""
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        place = await desk.buy(await desk.save_card())
        page = await desk.seat.text(place)
        assert ("<strong>Paid.</strong>" in page, "of credit can be used now" in page) == (True, True), page
        async with pool.connection() as connection:
            payment = await get_payment(connection, place.rpartition("/")[2])
        made = stripe.control("dispute", payment_intent=payment.provider_payment_id)
        for kind, head in (("created", "Disputed."), ("closed", "Lost to a dispute.")):
            if kind == "closed":
                stripe.control("close_dispute", dispute=made["id"], status="lost")
            at = clock.now()
            body, signature = sign(stripe.events(f"charge.dispute.{kind}")[-1], at)
            assert (await receive_webhook(desk.office.till, body, signature, at=at)).outcome == "booked"
            page = await desk.seat.text(place)
            assert (
                f"<strong>{head}</strong> It was paid, and the bank" in page,
                "None of its credit" in page,
            ) == (
                True,
                True,
            ), page
            assert "can be used now" not in page
        assert "Its dispute was lost, so the bank has the money for good." in page
    await world.close()


async def test_cards_are_chosen_and_forgotten_at_both_places(pool: Pool, stripe: StripeServer) -> None:
    world = await open_world(pool)
    async with counter(world, stripe) as desk:
        first, second = await desk.save_card(), await desk.save_card("5555555555554444")
        await desk.seat.post(f"/console/billing/cards/{second}/default")
        cards = (await desk.twin("/console/billing/cards"))["data"]
        assert [(card["brand"], card["is_default"]) for card in cards] == [
            ("mastercard", True),
            ("visa", False),
        ]
        await desk.seat.post(f"/console/billing/cards/{first}/remove")
        assert [card["last4"] for card in (await desk.twin("/console/billing/cards"))["data"]] == ["4444"]
        page = (await desk.seat.post("/console/billing/cards")).text
        assert "Go on to the card" in page
    await world.close()


async def test_auto_reload_is_set_says_what_it_does_and_is_switched_off(
    pool: Pool, stripe: StripeServer
) -> None:
    """The world has $5 of trial credit, less than the threshold: it is about to buy 95."""
    world = await open_world(pool)
    place = "/console/billing/auto-reload"
    async with counter(world, stripe) as desk:
        assert (await desk.twin(place))["why_off"] == "never_set"
        await desk.save_card()
        form = {"threshold": "20", "target": "100", "ceiling": "500", "cool_down": "10", "zone": "Asia/Tokyo"}
        assert (await desk.seat.post(place, **form)).status_code == 303
        data = await desk.twin(place)
        assert (data["is_on"], data["threshold"], data["monthly_ceiling"]) == (True, "20.00", "500.00")
        assert data["says"] == "It is about to buy $95.00 of credit."
        refused = await desk.seat.post(place, **{**form, "target": "21"})
        assert refused.status_code == 400
        assert "The target must be from 25.00 dollars" in refused.text
        await desk.seat.post(f"{place}/off")
        assert "A member switched it off." in await desk.seat.text(place)
    await world.close()


@pytest.mark.parametrize(("role", "seen", "done"), [("developer", 403, 403), ("auditor", 200, 403)])
async def test_who_may_not_pay_may_at_most_look(
    pool: Pool, stripe: StripeServer, role: Role, seen: int, done: int
) -> None:
    world = await open_world(pool)
    async with counter(world, stripe, role) as desk:
        for path in (BUY, f"{BUY}?amount=10", "/console/billing/payments", "/console/billing/cards"):
            assert (await desk.seat.client.get(path)).status_code == seen
        assert (await desk.seat.post(BUY, **HUNDRED)).status_code == done
    await world.close()


async def test_without_a_provider_every_page_says_so_and_how_to_turn_it_on(pool: Pool) -> None:
    world = await open_world(pool)
    async with seated(world) as seat:
        for name in ("buy", "payments", "cards", "auto-reload"):
            page = await seat.text(f"/console/billing/{name}")
            assert "No cards are taken here" in page, name
        answer = await seat.post(BUY, **{**HUNDRED, "total": "10000 USD", "idempotency_key": "purch_1"})
        assert answer.status_code == 404
        assert "JETON_STRIPE_SECRET_KEY" in answer.text
    await world.close()


async def test_another_organizations_payment_is_not_shown(pool: Pool, stripe: StripeServer) -> None:
    ours, theirs = await open_world(pool), await open_world(pool, name="Theirs AG")
    async with counter(ours, stripe) as desk:
        place = await desk.buy(await desk.save_card())
        async with seated(theirs, email="eve@theirs.example") as seat:
            assert (await seat.client.get(place)).status_code == 404
            assert (await seat.post(f"{place}/refund", reason="mine")).status_code == 404
    await ours.close()
    await theirs.close()
