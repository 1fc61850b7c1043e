"""What Stripe says, as the words of any provider; samples are of its API reference, shortened."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from jeton.billing.providers.errors import SignatureError
from jeton.billing.providers.stripe.reading import (
    Dispute,
    Intent,
    Page,
    read_dispute,
    read_page_outcome,
    read_payment,
)
from jeton.billing.providers.stripe.signature import parse_event
from jeton.billing.providers.words import Card, Decline

INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 11900,
    "currency": "usd",
    "created": 1_795_435_200,
    "customer": "cus_1",
    "metadata": {"jeton_id": "pay_1"},
    "status": "succeeded",
    "next_action": None,
    "last_payment_error": None,
    "payment_method": "pm_1",
}
SECRET = "whsec_test"
NOW = datetime(2026, 11, 23, 13, tzinfo=UTC)


def intent(**fields: object) -> Intent:
    return msgspec.convert({**INTENT, **fields}, Intent)


def test_a_payment_has_its_amount_currency_and_our_name() -> None:
    found = read_payment(intent())
    assert (found.provider_payment_id, found.reference) == ("pi_1", "pay_1")
    assert (found.amount_minor, found.currency, found.status) == (11_900, "USD", "succeeded")
    assert found.created_at == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_three_d_secure_is_an_address_to_go_to() -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3d"}}
    found = read_payment(intent(status="requires_action", next_action=action))
    assert (found.status, found.action_url) == ("requires_action", "https://hooks.stripe.com/3d")


@pytest.mark.parametrize(
    ("error", "decline"),
    [
        (
            {"code": "card_declined", "decline_code": "insufficient_funds", "message": "No funds."},
            Decline("insufficient_funds", "No funds.", is_hard=False),
        ),
        (
            {"code": "card_declined", "decline_code": "stolen_card", "message": "Declined."},
            Decline("stolen_card", "Declined.", is_hard=True),
        ),
        (
            {"code": "card_declined", "decline_code": "do_not_honor", "advice_code": "do_not_try_again"},
            Decline("do_not_honor", "The bank gave no reason.", is_hard=True),
        ),
        ({"code": "expired_card", "message": "Expired."}, Decline("expired_card", "Expired.", is_hard=False)),
        (
            {"code": "authentication_required", "message": "Ask."},
            Decline("authentication_required", "Ask.", is_hard=False),
        ),
    ],
)
def test_a_decline_has_the_banks_reason_and_whether_it_is_final(
    error: dict[str, str], decline: Decline
) -> None:
    found = read_payment(intent(status="requires_payment_method", last_payment_error=error))
    assert (found.status, found.decline) == ("requires_card", decline)


@pytest.mark.parametrize("status", ["processing", "requires_capture", "requires_confirmation", "new_one"])
def test_what_is_neither_paid_nor_over_is_processing(status: str) -> None:
    assert read_payment(intent(status=status)).status == "processing"


def test_a_page_shows_the_card_that_it_saved() -> None:
    method = {
        "id": "pm_1",
        "customer": "cus_1",
        "card": {"brand": "visa", "last4": "4242", "exp_year": 2034, "exp_month": 12, "number": "never read"},
    }
    setup = {"id": "seti_1", "status": "succeeded", "payment_method": method}
    page = msgspec.convert({"id": "cs_1", "status": "complete", "setup_intent": setup}, Page)
    outcome = read_page_outcome(page)
    assert outcome.card == Card("pm_1", "visa", "4242", 2034, 12, "cus_1")
    assert outcome.is_over


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("needs_response", "open"),
        ("under_review", "open"),
        ("won", "won"),
        ("lost", "lost"),
        ("warning_needs_response", None),
        ("warning_closed", None),
    ],
)
def test_a_dispute_is_open_won_or_lost_and_a_warning_is_none(status: str, expected: str | None) -> None:
    fields = {
        "id": "du_1",
        "amount": 5,
        "currency": "usd",
        "status": status,
        "created": 1,
        "reason": "fraudulent",
    }
    found = read_dispute(msgspec.convert(fields, Dispute))
    assert (None if found is None else found.status) == expected


def signed(body: bytes, at: datetime, secret: str = SECRET) -> str:
    stamp = str(int(at.timestamp()))
    return (
        f"t={stamp},v1={hmac.new(secret.encode(), stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"
    )


def event_of(**fields: object) -> bytes:
    return json.dumps(
        {
            "id": "evt_1",
            "type": "payment_intent.succeeded",
            "created": 1_795_435_200,
            "data": {"object": INTENT},
            **fields,
        }
    ).encode()


def test_a_signed_event_is_read() -> None:
    body = event_of()
    event = parse_event(body, signed(body, NOW), secret=SECRET, at=NOW)
    assert event.payment is not None
    assert (event.event_id, event.payment.reference) == ("evt_1", "pay_1")


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (lambda body: signed(body, NOW, "whsec_other"), "its signature is not of our secret"),
        (lambda body: signed(body + b" ", NOW), "its signature is not of our secret"),
        (lambda body: signed(body, NOW).replace("v1=", "v9="), "its signature is not of our secret"),
        (lambda _: "", "its signature is not of our secret"),
        (lambda _: "t=no,v1=number", "its signature is not of our secret"),
        (lambda body: signed(body, NOW - timedelta(seconds=301)), "more than 300 seconds"),
        (lambda body: signed(body, NOW + timedelta(seconds=301)), "more than 300 seconds"),
    ],
)
def test_what_is_not_signed_with_our_secret_now_is_not_believed(header: object, problem: str) -> None:
    body = event_of()
    assert callable(header)
    with pytest.raises(SignatureError, match=problem):
        parse_event(body, header(body), secret=SECRET, at=NOW)


def test_an_empty_secret_verifies_nothing() -> None:
    """New-API #4353: whoever signed with an empty secret was believed."""
    body = event_of()
    with pytest.raises(SignatureError):
        parse_event(body, signed(body, NOW, ""), secret="", at=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"id": 7}',
        b"\xff",
        b"not json",
        event_of(created=10**30),
        event_of(data={"object": 3}),
    ],
)
def test_what_is_signed_and_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureError):
        parse_event(body, signed(body, NOW), secret=SECRET, at=NOW)
