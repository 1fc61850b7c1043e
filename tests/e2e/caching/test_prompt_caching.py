"""Prompt caching by the official SDK against a real server: what is seen, billed and explained agrees."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import pytest
from tests.e2e.books import balance, get, prove, query
from tests.e2e.serving import ServerProcess, make_sdk, serving

MODEL = "claude-sonnet-5-5"
MARK: Any = {"type": "ephemeral"}
# 600 words of one token each; this model caches from 512 on.
SYSTEM: Any = [{"type": "text", "text": "A jeton is a counter." + " river" * 600, "cache_control": MARK}]
TURN: Any = {"role": "user", "content": "What is a jeton?"}
MTOK = 1_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A fresh server in rehearsal: every model is served by the embedded upstream, whose cache is kept."""
    with serving(tmp_path_factory.mktemp("e2e") / "data") as started:
        yield started


@pytest.fixture
def client(server: ServerProcess) -> Iterator[anthropic.Anthropic]:
    """The SDK as a developer would make it, refusing anything that is not the documented shape."""
    with make_sdk(server) as made:
        yield made


def ask(client: anthropic.Anthropic, **fields: Any) -> anthropic.types.Message:  # noqa: ANN401 - of the SDK
    message: anthropic.types.Message = client.messages.create(
        **{"model": MODEL, "max_tokens": 50, "system": SYSTEM, "messages": [TURN], **fields}
    )
    return message


def parts(usage: anthropic.types.Usage) -> tuple[int, int, int]:
    """Uncached, written, read."""
    return usage.input_tokens, usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0


def check_books(server: ServerProcess, message: anthropic.types.Message) -> dict[str, Any]:
    """What the client saw is what is stored and charged, at $2, $2.50, $0.10 and $10; the receipt."""
    request_id = message._request_id
    usage = message.usage
    stored = query(
        server,
        """SELECT input_tokens, cache_creation_5m_input_tokens, cache_read_input_tokens, output_tokens
           FROM usage_events WHERE request_id = %s""",
        request_id,
    )
    assert stored == [(*parts(usage), usage.output_tokens)]
    uncached, written, read = parts(usage)
    dollars = (
        Decimal(uncached * 2 + usage.output_tokens * 10) + written * Decimal("2.5") + read * Decimal("0.1")
    )
    receipt: dict[str, Any] = get(server, f"/v1/receipts/{request_id}")
    assert Decimal(receipt["net_amount"]) == dollars / MTOK
    return receipt


def test_a_prefix_is_written_once_and_then_read(server: ServerProcess, client: anthropic.Anthropic) -> None:
    first = ask(client)
    second = ask(client, messages=[{"role": "user", "content": "And what is a counter?"}])
    uncached, written, read = parts(first.usage)
    assert written > 600
    assert read == 0
    assert parts(second.usage)[1:] == (0, written)
    for message in (first, second):
        check_books(server, message)
    with client.messages.stream(model=MODEL, max_tokens=50, system=SYSTEM, messages=[TURN]) as stream:
        streamed = stream.get_final_message()
    assert parts(streamed.usage) == (uncached, 0, written)
    assert prove(server)["is_sound"]


def test_a_cache_can_be_filled_ahead(server: ServerProcess, client: anthropic.Anthropic) -> None:
    system = [{**SYSTEM[0], "text": SYSTEM[0]["text"] + " lake"}]
    filled = ask(client, system=system, max_tokens=0)
    assert (filled.content, filled.stop_reason, filled.usage.output_tokens) == ([], "max_tokens", 0)
    written = parts(filled.usage)[1]
    assert written > 600
    assert check_books(server, filled)["rule"]["id"] == "cache_prewarmed"
    assert parts(ask(client, system=system).usage)[1:] == (0, written)


def test_the_receipt_says_what_broke_a_hit_and_what_that_cost(
    server: ServerProcess, client: anthropic.Anthropic
) -> None:
    opening = ask(client, diagnostics={"previous_message_id": None})
    cached = sum(parts(opening.usage)[1:])
    changed = [{**SYSTEM[0], "text": "Today is Monday. " + SYSTEM[0]["text"]}]
    broken = ask(client, system=changed, diagnostics={"previous_message_id": opening.id})
    assert broken.diagnostics is not None
    reason: Any = broken.diagnostics.cache_miss_reason
    assert (reason.type, reason.cache_missed_input_tokens) == ("system_changed", cached)
    receipt = check_books(server, broken)
    assert receipt["cache_break"]["reason"] == "system_changed"
    # Written at $2.50 a million instead of read at $0.10.
    assert Decimal(receipt["cache_break"]["cost"]) == cached * Decimal("2.4") / MTOK


def test_marks_that_break_a_rule_hold_nothing(server: ServerProcess, client: anthropic.Anthropic) -> None:
    before = balance(server)
    five: Any = [{"type": "text", "text": letter, "cache_control": MARK} for letter in "abcde"]
    with pytest.raises(anthropic.BadRequestError, match=r"A maximum of 4 blocks .* Found 5\."):
        ask(client, system=five)
    hour: Any = [{"type": "text", "text": "a", "cache_control": {**MARK, "ttl": "1h"}}]
    with pytest.raises(anthropic.BadRequestError, match="must not come after a ttl='5m'"):
        ask(client, messages=[{"role": "user", "content": hour}])
    unknown: Any = {"type": "eternal"}
    with pytest.raises(anthropic.BadRequestError, match="Input should be 'ephemeral'"):
        ask(client, cache_control=unknown)
    assert balance(server) == before
