"""The catalogue: every type is complete, reads back, and is in the documentation."""

import base64
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import msgspec
import pytest
from msgspec import structs
from standardwebhooks import Webhook

from jeton.notifications.catalogue import (
    EXAMPLES,
    TYPES,
    BudgetThresholdReached,
    UnknownEventDataError,
    read_data,
)
from jeton.notifications.catalogue.data import EventData
from jeton.notifications.catalogue.inbox import InboxItemOpened
from jeton.notifications.catalogue.payments import PaymentDisputed
from jeton.site.documents import Documents

THRESHOLD = BudgetThresholdReached(
    budget_id="bdgt_1",
    scope="workspace",
    scope_id="wrkspc_1",
    is_hard=True,
    limit="1000.00",
    spent="75.02",
    window_from=datetime(2026, 10, 31, 23, tzinfo=UTC),
    window_until=datetime(2026, 11, 30, 23, tzinfo=UTC),
    period="month",
    zone="Europe/Berlin",
    percent=75,
)


def kinds(parent: type[EventData]) -> set[type[EventData]]:
    below = {kind for child in parent.__subclasses__() for kind in kinds(child)}
    return below or {parent}


def test_every_kind_of_event_has_an_example_and_a_name_of_its_own() -> None:
    assert {type(example) for example in EXAMPLES} == kinds(EventData)
    assert len(TYPES) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)
def test_an_event_reads_back_as_it_was_written(example: EventData) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(example))
    assert read_data(example.type, stored) == example


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)
def test_people_are_told_in_sentences(example: EventData) -> None:
    assert example.sentence.endswith(".")
    assert "\n" not in example.subject
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", example.type)


SALES = InboxItemOpened(
    item_id="inbox_1", email="jane@example.org", name="Jane", company="", message="Two months?"
)
# A part of a payment of USD 119.00.
DISPUTED = PaymentDisputed(
    payment_id="pay_1", purpose="purchase", amount="59.50", currency="USD", dispute_id="dp_1", state="open"
)
TOLD: dict[str, tuple[EventData, str]] = {
    "threshold": (
        THRESHOLD,
        (
            "75 % of the monthly budget of workspace wrkspc_1 is used: $75.02 of $1,000.00 has been charged"
            " since 1 November 2026, 00:00 (Europe/Berlin), and $924.98 is left until 1 December 2026, 00:00"
            " (Europe/Berlin). Once all of it is used, requests are refused. The budget is bdgt_1."
        ),
    ),
    "used up": (
        structs.replace(THRESHOLD, percent=100, spent="1000.02", scope="organization"),
        (
            "The monthly budget of your organization is used up: $1,000.02 of $1,000.00 has been charged"
            " since 1 November 2026, 00:00 (Europe/Berlin). Further requests are refused until 1 December"
            " 2026, 00:00 (Europe/Berlin), or until somebody raises the budget. The budget is bdgt_1."
        ),
    ),
    "for ever, soft": (
        structs.replace(THRESHOLD, percent=100, period="total", window_until=None, is_hard=False),
        (
            "The total budget of workspace wrkspc_1 is used up: $75.02 of $1,000.00 has been charged"
            " since 1 November 2026, 00:00 (Europe/Berlin). It is a soft budget, so further requests are let"
            " through and charged. The budget is bdgt_1."
        ),
    ),
    "a dispute that was lost": (
        structs.replace(DISPUTED, state="lost"),
        (
            "USD 59.50 of the payment pay_1 was disputed at the bank. It was decided against the payment;"
            " what was used of the credit is owed."
        ),
    ),
    "a question to sales": (
        SALES,
        (
            "Jane <jane@example.org> wrote to sales: Two months? Please approve or decline the request"
            " inbox_1 in the Console's inbox, or with `jeton inbox`."
        ),
    ),
}


SUBJECTS: dict[str, EventData] = {
    "All of the monthly budget of $1,000.00 is used": structs.replace(THRESHOLD, percent=100),
    "75 % of the monthly budget of $1,000.00 is used": THRESHOLD,
    "USD 59.50 of a payment is disputed": DISPUTED,
    "The dispute over USD 59.50 is decided: the payment stands": structs.replace(DISPUTED, state="won"),
    "The dispute over USD 59.50 is decided: it is taken back": structs.replace(DISPUTED, state="lost"),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_is_a_heading_too(subject: str) -> None:
    """It stands above the mail and in the Console's list of alerts."""
    assert SUBJECTS[subject].subject == subject


def test_only_a_document_calls_itself_a_receipt() -> None:
    """Who buys credit gets two mails, of the card and of the receipt; both were called a receipt."""
    named = {example.type for example in EXAMPLES if "receipt" in example.subject.lower()}
    assert named <= {"document.issued"}


@pytest.mark.parametrize("name", TOLD)
def test_a_sentence_has_its_numbers_units_and_zones(name: str) -> None:
    data, sentence = TOLD[name]
    assert data.sentence == sentence


def test_a_zone_that_is_not_known_here_is_told_in_utc() -> None:
    assert "31 October 2026, 23:00 (UTC)" in structs.replace(THRESHOLD, zone="Mars/Olympus").sentence


def test_what_another_version_wrote_is_an_error_of_its_own() -> None:
    for type_, stored in (("no.such_type", {}), ("credit.low_balance", {"remaining": 1})):
        with pytest.raises(UnknownEventDataError):
            read_data(type_, stored)


def test_every_type_and_field_is_in_the_documentation() -> None:
    document = Documents().find("webhooks")
    assert document is not None
    for example in EXAMPLES:
        assert f'<h3 id="{example.type.replace(".", "")}"><code>{example.type}</code></h3>' in document.html
        assert all(f"<code>{name}</code>" in document.html for name in example.__struct_fields__)


def test_the_documented_way_to_verify_a_signature_does() -> None:
    source = resources.files("jeton.site").joinpath("content/webhooks.md").read_text("utf-8")
    snippet = re.search(r"```python\n(.*?)```", source, re.DOTALL)
    assert snippet is not None
    names: dict[str, object] = {}
    exec(snippet[1], names)  # noqa: S102 - our own page, as a reader would run it
    verify = names["verify"]
    assert callable(verify)
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"type":"webhook.test"}'
    now = int(time.time())
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    digest = hmac.digest(key, f"evt_1.{now}.".encode() + body, hashlib.sha256)
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1a,x v1,{base64.b64encode(digest).decode()}",
    }
    assert Webhook(secret).verify(body, headers) == {"type": "webhook.test"}
    assert verify(secret, headers, body) is True
    assert verify(secret, headers, body + b" ") is False
    assert verify(secret, {**headers, "webhook-id": "evt_2"}, body) is False
    assert verify(secret, {**headers, "webhook-timestamp": str(now - 301)}, body) is False


@pytest.mark.parametrize("data", [one for one in EXAMPLES if one.page], ids=lambda data: data.type)
def test_a_mail_leads_to_a_page_that_there_is(data: EventData) -> None:
    """Mails about payments once led to /console/payments, where nothing was."""
    routes = resources.files("jeton.console.routes")
    texts = [file.read_text("utf-8") for file in Path(str(routes)).rglob("*.py")]
    assert any(f'"/console{data.page}"' in text for text in texts)
