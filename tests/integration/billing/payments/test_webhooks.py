"""Webhooks are believed for their signature and their age, once, and only where they are of our payment."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tests.integration.billing.payments.conftest import Shop, sign

from jeton import clock
from jeton.admin.arriving import BODY_BYTES_MAX, PATH, arriving_routes
from jeton.billing.payments.arriving.receiving import receive_webhook
from jeton.billing.payments.arriving.reconciling import reconcile
from jeton.billing.payments.sending import refresh_payment
from jeton.billing.payments.words import Payment
from jeton.billing.providers.errors import SignatureError


async def waiting(shop: Shop) -> tuple[Payment, dict[str, Any]]:
    """A payment that was made at the provider, whose answer was lost; and the event of it."""
    await shop.save_card()
    shop.stripe.control("trouble", losing=3)
    payment = await shop.buy(100)
    assert payment.state == "pending"
    (event,) = shop.stripe.events("payment_intent.succeeded")
    return payment, event


async def test_a_forged_signature_books_nothing(shop: Shop) -> None:
    _, event = await waiting(shop)
    body, signature = sign(event, shop.at)
    last_changed = signature[:-1] + ("1" if signature.endswith("0") else "0")
    for wrong in ("", "t=1,v1=00", last_changed, signature.replace("v1=", "v0=")):
        with pytest.raises(SignatureError):
            await receive_webhook(shop.till, body, wrong, at=shop.at)
    with pytest.raises(SignatureError):
        await receive_webhook(shop.till, body.replace(b"11900", b"19000"), signature, at=shop.at)
    assert await shop.accounts() == {}
    assert await shop.scalar("SELECT count(*) FROM provider_events") == 0


@pytest.mark.parametrize("seconds", [301, -301])
async def test_an_old_webhook_replayed_is_not_believed(shop: Shop, seconds: int) -> None:
    _, event = await waiting(shop)
    body, signature = sign(event, shop.at)
    with pytest.raises(SignatureError, match="more than 300 seconds"):
        await receive_webhook(shop.till, body, signature, at=shop.at + timedelta(seconds=seconds))
    assert await shop.accounts() == {}


async def test_one_of_just_now_is_believed_once(shop: Shop) -> None:
    _, event = await waiting(shop)
    body, signature = sign(event, shop.at)
    at = shop.at + timedelta(seconds=299)
    outcomes = [(await receive_webhook(shop.till, body, signature, at=at)).outcome for _ in range(3)]
    assert outcomes == ["booked", "known", "known"]
    assert (await shop.accounts())["credit:paid"] == -10_000


@pytest.mark.parametrize(
    "changes",
    [{"amount": 1_190_000}, {"amount": 100}, {"currency": "eur"}],
    ids=["more", "less", "another currency"],
)
async def test_an_amount_or_currency_that_is_not_ours_books_nothing_and_raises_an_alarm(
    shop: Shop, changes: dict[str, Any]
) -> None:
    """New-API #4319: a handler completed whatever order a webhook named."""
    payment, event = await waiting(shop)
    received = await shop.receive(event, **changes)
    assert (received.outcome, received.payment_id) == ("refused", payment.payment_id)
    assert await shop.accounts() == {}
    code, subject = await shop.scalar("SELECT ROW(code, subject) FROM alarms")
    assert (code, subject) == ("payment_mismatch", payment.payment_id)


async def test_another_payment_of_the_provider_cannot_pay_for_ours(shop: Shop) -> None:
    payment, event = await waiting(shop)
    await shop.receive(event)
    other = {**event, "id": "evt_other"}
    received = await shop.receive(other, id="pi_other")
    assert received.outcome == "refused"
    assert (await shop.accounts())["credit:paid"] == -10_000
    assert payment.state == "pending"


async def test_what_is_not_ours_is_noted_and_changes_nothing(shop: Shop) -> None:
    _, event = await waiting(shop)
    foreign = {**event, "id": "evt_foreign"}
    received = await shop.receive(foreign, id="pi_foreign", metadata={})
    assert received.outcome == "noted"
    unknown = {**event, "id": "evt_unknown", "type": "radar.early_fraud_warning.created"}
    assert (await shop.receive(unknown, object="radar.early_fraud_warning")).outcome == "noted"
    assert await shop.scalar("SELECT count(*) FROM provider_events WHERE outcome = 'noted'") == 2


async def test_a_late_failure_does_not_undo_what_was_paid(shop: Shop) -> None:
    """Lago #5630: a late ``payment_intent.canceled`` flipped a paid invoice to failed."""
    payment, event = await waiting(shop)
    await shop.receive(event)
    for number, status in enumerate(("canceled", "requires_payment_method", "processing")):
        late = {**event, "id": f"evt_late_{number}"}
        await shop.receive(late, status=status)
    assert (await refresh_payment(shop.till, payment.payment_id, at=shop.at)).state == "succeeded"
    assert (await shop.accounts())["credit:paid"] == -10_000


async def test_an_early_failure_is_asked_about_before_it_is_believed(shop: Shop) -> None:
    """The order of webhooks means nothing: this one is older than the success that it overtook."""
    _, event = await waiting(shop)
    stale = {**event, "id": "evt_stale"}
    assert (await shop.receive(stale, status="requires_payment_method")).outcome == "booked"
    assert (await shop.accounts())["credit:paid"] == -10_000
    assert await shop.scalar("SELECT count(*) FROM events WHERE type = 'payment.failed'") == 0


async def test_the_comparison_finds_what_never_arrived(shop: Shop) -> None:
    payment, _ = await waiting(shop)
    shop.wait(minutes=5)
    found = await reconcile(shop.till, at=shop.at)
    assert found.settled == 1
    assert (await refresh_payment(shop.till, payment.payment_id, at=shop.at)).state == "succeeded"
    assert (await reconcile(shop.till, at=shop.at)).booked == 0
    assert len(shop.stripe.things("payment_intent")) == 1
    await shop.prove()


async def test_after_a_day_only_the_providers_list_is_believed(shop: Shop) -> None:
    """Its idempotency key is forgotten by then: sending it again would take the money twice."""
    payment, _ = await waiting(shop)
    shop.wait(days=2)
    calls = shop.stripe.control("state", kinds=[])["calls"]
    await reconcile(shop.till, at=shop.at)
    assert (await refresh_payment(shop.till, payment.payment_id, at=shop.at)).state == "succeeded"
    assert len(shop.stripe.things("payment_intent")) == 1
    assert shop.stripe.control("state", kinds=[])["calls"] > calls


async def test_what_the_provider_never_heard_of_ends_as_failed(shop: Shop) -> None:
    await shop.save_card()
    shop.stripe.control("trouble", failing=3)
    payment = await shop.buy(100)
    assert payment.state == "pending"
    shop.wait(days=2)
    await reconcile(shop.till, at=shop.at)
    assert await shop.scalar("SELECT decline_code FROM payments") == "never_arrived"
    assert shop.stripe.things("payment_intent") == []


async def test_a_person_who_left_is_not_waited_for(shop: Shop) -> None:
    payment = await shop.buy(100, card=None)
    shop.wait(hours=25)
    await reconcile(shop.till, at=shop.at)
    assert (await refresh_payment(shop.till, payment.payment_id, at=shop.at)).state == "canceled"
    assert shop.stripe.things("checkout.session")[0]["status"] == "expired"


async def test_money_for_a_payment_that_is_not_in_our_books_is_an_alarm(shop: Shop) -> None:
    """A restore of an older backup, say."""
    payment, _ = await waiting(shop)
    intent = shop.stripe.things("payment_intent")[0]
    shop.stripe.control("alter", id=intent["id"], fields={"metadata": {"jeton_id": "pay_lost"}})
    await reconcile(shop.till, at=shop.at)
    assert await shop.scalar("SELECT subject FROM alarms") == "pay_lost"
    assert payment.state == "pending"


async def test_a_saved_card_arrives_by_webhook(shop: Shop) -> None:
    from jeton.billing.payments.buying.cards import start_card_page  # noqa: PLC0415 - of this test alone

    page = await start_card_page(shop.till, shop.organization_id, at=shop.at)
    shop.stripe.form(page.url.removeprefix(shop.stripe.url), number="5555555555554444")
    (event,) = shop.stripe.events("checkout.session.completed")
    assert (await shop.receive(event)).outcome == "booked"
    assert await shop.scalar("SELECT last4 FROM payment_methods") == "4444"


async def test_the_route_answers_by_status(shop: Shop) -> None:
    """200 for what is believed, whatever it is about; anything else has the provider send it again."""
    shop.at = clock.now()
    _, event = await waiting(shop)
    body, signature = sign(event, shop.at)
    app = Starlette(routes=arriving_routes(shop.till))
    with TestClient(app) as client:

        def post(content: bytes, header: str) -> tuple[int, dict[str, Any]]:
            answer = client.post(PATH, content=content, headers={"stripe-signature": header})
            return answer.status_code, answer.json()

        status, said = post(body, "t=1,v1=00")
        assert (status, said["error"]["details"]["error_code"]) == (401, "webhook_signature_invalid")
        assert post(b" " * (BODY_BYTES_MAX + 1), signature)[0] == 413
        assert client.get(PATH).status_code == 405
