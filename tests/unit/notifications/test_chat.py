"""Incoming webhooks of chats: what they are recognized by, and what they get instead of the event."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from jeton.notifications.catalogue.testing import AlertTest
from jeton.notifications.notifier import is_chat, render_chat
from jeton.notifications.outbox import Claimed


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://hooks.slack.com/services/T0/B0/abc", True),
        ("https://HOOKS.slack.com/services/T0/B0/abc", True),
        ("https://chat.example.com/api/webhooks/1/abc/slack", True),
        ("https://hooks.example.com/jeton", False),
        ("https://hooks.slack.com.example.com/services", False),
    ],
)
def test_a_chat_is_known_by_its_address(url: str, is_one: bool) -> None:  # noqa: FBT001 - the table gives it by name
    assert is_chat(url) is is_one


def test_a_chat_gets_the_sentence_with_nothing_in_it_that_it_would_act_upon() -> None:
    data = AlertTest(asked_by="<!channel> & co")
    claimed = Claimed(
        delivery_id="dlv_1",
        event_id="evt_1",
        endpoint_id="whep_1",
        email=None,
        attempts=0,
        claim_id="claim_1",
        type=data.type,
        organization_id=UUID(int=1),
        data=msgspec.to_builtins(data),
        occurred_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
        url="https://hooks.slack.com/services/T0/B0/abc",
        secret="whsec_x",
        previous_secret=None,
        previous_until=None,
        organization_name="Example GmbH",
    )
    body = msgspec.json.decode(render_chat(claimed, "https://ai.example.com/console"))
    assert list(body) == ["text"]
    assert body["text"].startswith("Example GmbH: &lt;!channel&gt; &amp; co asked for a test of alerts.")
    assert body["text"].endswith("\nhttps://ai.example.com/console/budgets")
