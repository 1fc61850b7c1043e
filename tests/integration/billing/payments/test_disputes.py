"""A disputed payment freezes its lot: what is left goes out, what was used is owed; won, all comes back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.admin.test_finance import calling
from tests.integration.billing.payments.conftest import ADA, USD, Shop
from tests.integration.billing.payments.using import charging_of, settle, take, use
from tests.integration.console.operating.scene import OPERATOR, seated
from tests.integration.world import World, open_world

from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.payments.errors import NotRefundableError
from jeton.billing.payments.refunding.asking import Asked, refund_payment
from jeton.billing.payments.till import PaymentTerms
from jeton.billing.payments.words import Payment
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.claims.giving_up import give_up_claim
from jeton.billing.receivables.claims.reading import list_claims
from jeton.billing.receivables.errors import WriteOffError
from jeton.charging.credits.reversing import reverse_charge
from jeton.errors import InsufficientCreditError
from jeton.insight.accounts.tax import read_tax, state_tax
from jeton.insight.accounts.words import Stretch

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


@pytest.mark.parametrize(
    ("amount", "then"),
    [
        (5_950, {"credit:paid": -2_000, "cash": 5_950, "tax": -950, "revenue": -3_000}),
        (11_900, {"receivable": 3_570, "tax": -570, "revenue": -3_000}),
    ],
    ids=["of_the_rest", "of_all"],
)
async def test_a_refund_that_fails_while_the_lot_is_frozen_is_credit_again_unless_the_bank_has_it(
    shop: Shop, amount: int, then: dict[str, int]
) -> None:
    """What came back to the frozen lot went out as money that no bank had taken, and was lost for good."""
    payment = await buy_and_use(shop)
    await refund_payment(
        shop.till,
        Asked(shop.organization_id, payment.payment_id, "not needed", ADA, 50 * USD),
        at=shop.at,
    )
    made = await dispute(shop, payment, amount=amount)
    (refund,) = shop.stripe.things("refund")
    shop.stripe.control("fail_refund", refund=refund["id"])
    (event,) = shop.stripe.events("refund.failed")
    assert (await shop.receive(event)).outcome == "booked"
    assert await shop.accounts() == then
    await shop.prove()
    await close(shop, made, "won")
    assert await shop.accounts() == USED
    await shop.prove()


async def test_two_disputes_take_no_more_than_was_paid(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    await dispute(shop, payment)
    shop.stripe.control("dispute", payment_intent=payment.provider_payment_id, amount=1)
    assert (await shop.receive(shop.stripe.events("charge.dispute.created")[-1])).outcome == "refused"
    assert await shop.accounts() == DISPUTED
    assert await shop.scalar("SELECT count(*) FROM alarms") == 1


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


async def test_the_comparison_finds_the_end_of_a_dispute_that_was_told_of_late(shop: Shop) -> None:
    """The provider lists disputes by when they began there, which is days before this one is told of."""
    payment = await buy_and_use(shop)
    made = shop.stripe.control("dispute", payment_intent=payment.provider_payment_id)
    shop.wait(days=9)
    (opened,) = shop.stripe.events("charge.dispute.created")
    assert (await shop.receive(opened)).outcome == "booked"
    await reconcile(shop.till, at=shop.at)
    shop.stripe.control("close_dispute", dispute=made["id"], status="won")
    await reconcile(shop.till, at=shop.at)
    assert await shop.accounts() == USED
    await shop.prove()


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


async def test_what_was_lost_is_given_up_in_parts_with_the_tax_in_it(shop: Shop) -> None:
    payment = await buy_and_use(shop)
    made = await dispute(shop, payment)
    act = Act(ADA, shop.at, "gone abroad")
    async with shop.pool.connection() as connection:
        assert await list_claims(connection) == ()
        with pytest.raises(WriteOffError, match="may still change"):
            await give_up_claim(connection, payment.payment_id, act, amount_nano=1)
    await close(shop, made, "lost")
    async with shop.pool.connection() as connection:
        [claim] = await list_claims(connection, shop.organization_id)
        assert (claim.owed_nano, claim.open_nano, claim.is_waiting) == (35_700_000_000, 35_700_000_000, False)
        with pytest.raises(WriteOffError, match=r"\$35.70 is owed .* so \$35.71 cannot"):
            await give_up_claim(connection, payment.payment_id, act, amount_nano=35_710_000_000)
        twice = [
            await give_up_claim(connection, payment.payment_id, act, amount_nano=10 * USD, key="a third")
            for _ in range(2)
        ]
        assert twice[0] == twice[1]
        given = twice[0]
        # 10 / 35.70 of 5.70, half-even at the nano.
        assert (given.amount_nano, given.tax_nano) == (10 * USD, 1_596_638_655)
        rest = await give_up_claim(connection, payment.payment_id, act)
        assert (rest.amount_nano, rest.tax_nano) == (25_700_000_000, 5_700_000_000 - 1_596_638_655)
        assert await list_claims(connection) == ()
        stated = state_tax(*await read_tax(connection, Stretch(shop.at + timedelta(days=1))))
    assert await shop.accounts() == {"revenue": -3_000, "bad_debt": 3_000}
    assert (stated.totals["tax_nano"], stated.is_tied) == (0, True)
    await shop.prove()


async def test_the_operator_gives_up_in_the_console_and_over_the_admin_api(shop: Shop) -> None:
    """The page and the API are one use case: $10 in two clicks, the other $25.70 by a program, each once."""
    payment = await buy_and_use(shop)
    await close(shop, await dispute(shop, payment), "lost")
    world = await open_world(shop.pool)
    owed = "/console/receivables/owed"
    async with seated(world, OPERATOR) as seat:
        page = await seat.text(f"{owed}?give_up={payment.payment_id}")
        assert ("35.70" in page.partition('id="confirm"')[2][:60], "Give it up" in page) == (True, True), page
        form = {"amount": "10", "reason": "gone abroad", "idempotency_key": "form_1"}
        for _ in range(2):
            answer = await seat.post(f"{owed}/{payment.payment_id}/give-up", **form)
            assert (answer.status_code, answer.headers["location"]) == (303, owed)
        too_much = await seat.post(
            f"{owed}/{payment.payment_id}/give-up", **{**form, "amount": "99", "idempotency_key": "form_2"}
        )
        assert (too_much.status_code, "so $99.00 cannot be given up" in too_much.text) == (400, True)
        assert "Nothing is owed of that payment" in await seat.text(f"{owed}?give_up=pay_none")
        await give_up_by_program(world, payment.payment_id, await seat.twin(owed))
        assert "Nothing is owed." in await seat.text(owed)
    await shop.prove()


async def give_up_by_program(world: World, payment_id: str, twin: dict[str, object]) -> None:
    async with calling(world) as client:
        listed = (await client.get("/v1/operator/claims")).json()
        assert listed["data"] == twin["data"]
        claims = [(one["id"], one["given_up"], one["open"]) for one in listed["data"]]
        assert claims == [(payment_id, "10.00", "25.70")]
        place = f"/v1/operator/claims/{payment_id}/give_up"
        given = [
            await client.post(place, json={"reason": "the rest"}, headers={"idempotency-key": "k"})
            for _ in range(2)
        ]
        assert given[0].json() == given[1].json()
        assert (given[0].json()["amount"], given[1].headers["idempotent-replayed"]) == ("25.70", "true")
        assert (await client.post(place, json={"reason": "again"})).status_code == 400
        assert (await client.get("/v1/operator/claims?organization_id=x")).status_code == 400
