"""The catalogue: every type is complete, reads back, and is in the documentation."""

import base64
import hashlib
import hmac
import re
import time
from importlib import resources

import msgspec
import pytest
from standardwebhooks import Webhook

from jeton.notifications.catalogue import EXAMPLES, TYPES, EventData, UnknownEventDataError, read_data
from jeton.site.documents import Documents


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
