"""The official SDK, unmodified, against a real server: answers, usage, receipts and books agree."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import pytest
from tests.e2e.books import balance, get, prove, query
from tests.e2e.serving import ServerProcess, make_sdk, serving

QUESTION = "A jeton is a counter. Merchants reckoned with jetons. What is a jeton?"
TURN: Any = {"role": "user", "content": QUESTION}
# Sonnet 5.5 on and after 2026-10-07, dollars per token.
INPUT, OUTPUT = Decimal("0.000002"), Decimal("0.00001")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A fresh server with its demo organization, in rehearsal."""
    with serving(tmp_path_factory.mktemp("e2e") / "data") as started:
        yield started


@pytest.fixture
def client(server: ServerProcess) -> Iterator[anthropic.Anthropic]:
    """The SDK as a developer would make it, refusing anything that is not the documented shape."""
    with make_sdk(server) as made:
        yield made


def check_books(server: ServerProcess, request_id: str, usage: anthropic.types.Usage) -> Decimal:
    """Usage in the answer = usage event = receipt = ledger, to the nano; returns the charge."""
    charge = usage.input_tokens * INPUT + usage.output_tokens * OUTPUT
    event = query(
        server,
        "SELECT input_tokens, output_tokens, state FROM usage_events WHERE request_id = %s",
        request_id,
    )
    assert event == [(usage.input_tokens, usage.output_tokens, "accepted")]
    receipt = get(server, f"/v1/receipts/{request_id}")
    assert Decimal(receipt["net_amount"]) == charge
    assert sum(Decimal(line["net_amount"]) for line in receipt["lines"]) == charge
    posted = query(
        server,
        """SELECT -sum(amount_nano) FROM postings WHERE request_id = %s AND movement = 'settle'
           AND account IN ('revenue', 'promotion')""",
        request_id,
    )
    assert posted == [(int(charge * 10**9),)]
    return charge


def test_a_json_answer_is_charged_by_its_usage(server: ServerProcess, client: anthropic.Anthropic) -> None:
    before = balance(server)
    raw = client.messages.with_raw_response.create(model="claude-sonnet-5-5", max_tokens=200, messages=[TURN])
    message = raw.parse()
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 1
    assert message._request_id is not None
    charge = check_books(server, message._request_id, message.usage)
    assert Decimal(raw.headers["jeton-cost"]) == charge
    assert raw.headers["jeton-rehearsal"] == "true"
    after = balance(server)
    assert before["available"] - after["available"] == charge
    assert after["held"] == 0


def test_a_stream_is_charged_like_the_same_answer_in_one_piece(
    server: ServerProcess, client: anthropic.Anthropic
) -> None:
    whole = client.messages.create(model="claude-sonnet-5-5", max_tokens=200, messages=[TURN])
    with client.messages.stream(model="claude-sonnet-5-5", max_tokens=200, messages=[TURN]) as stream:
        deltas = list(stream.text_stream)
        final = stream.get_final_message()
        request_id = stream.response.headers["request-id"]
    assert len(deltas) > 1
    assert "".join(deltas) == final.content[0].text  # type: ignore[union-attr]  # it is a text block
    assert final.content[0].text == whole.content[0].text  # type: ignore[union-attr]  # as above
    assert final.usage.output_tokens == whole.usage.output_tokens
    check_books(server, request_id, final.usage)


async def test_the_async_client_streams_and_counts(server: ServerProcess) -> None:
    async with anthropic.AsyncAnthropic(
        base_url=server.base_url,
        api_key=server.demo["ANTHROPIC_API_KEY"],
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        counted = await client.messages.count_tokens(model="claude-sonnet-5-5", messages=[TURN])
        async with client.messages.stream(
            model="claude-sonnet-5-5", max_tokens=200, messages=[TURN]
        ) as stream:
            final = await stream.get_final_message()
            request_id = stream.response.headers["request-id"]
        message = await client.messages.create(model="claude-sonnet-5-5", max_tokens=200, messages=[TURN])
    assert final.usage.input_tokens == counted.input_tokens == message.usage.input_tokens
    check_books(server, request_id, final.usage)


def test_max_tokens_and_stop_sequences_end_an_answer(
    server: ServerProcess, client: anthropic.Anthropic
) -> None:
    cut = client.messages.create(model="claude-sonnet-5-5", max_tokens=3, messages=[TURN])
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 3)
    stopped = client.messages.create(
        model="claude-sonnet-5-5", max_tokens=200, messages=[TURN], stop_sequences=["counter"]
    )
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "counter")
    assert stopped._request_id is not None
    check_books(server, stopped._request_id, stopped.usage)


def test_system_and_earlier_turns_are_read_and_counted(client: anthropic.Anthropic) -> None:
    turns: Any = [
        {"role": "user", "content": "Remember: the password of the vault is abacus."},
        {"role": "assistant", "content": "I will."},
        {"role": "user", "content": "What is the password of the vault?"},
    ]
    alone = client.messages.create(model="jeton-extract-1", max_tokens=100, messages=turns)
    assert "abacus" in alone.content[0].text  # type: ignore[union-attr]  # it is a text block
    with_system = client.messages.create(
        model="jeton-extract-1", max_tokens=100, messages=turns, system="Counting houses open at nine."
    )
    assert with_system.usage.input_tokens > alone.usage.input_tokens


def test_models_are_listed_and_found(client: anthropic.Anthropic) -> None:
    listed = [model.id for model in client.models.list(limit=1000)]
    assert "jeton-extract-1" in listed
    assert "claude-sonnet-5-5" in listed
    assert "claude-3-opus-20240229" not in listed
    assert client.models.retrieve("claude-sonnet-5-5").id == "claude-sonnet-5-5"


def test_errors_are_those_of_the_sdk(server: ServerProcess, client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(model="claude-none", max_tokens=1, messages=[TURN])
    with pytest.raises(anthropic.AuthenticationError) as refusal:
        client.with_options(api_key="sk-jtn-api-unknown").messages.create(
            model="claude-sonnet-5-5", max_tokens=1, messages=[TURN]
        )
    assert refusal.value.request_id is not None
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        client.messages.create(model="claude-sonnet-5-5", max_tokens=-1, messages=[TURN])
    with pytest.raises(anthropic.PermissionDeniedError):
        client.with_options(api_key=server.demo["JETON_ADMIN_KEY"]).messages.create(
            model="claude-sonnet-5-5", max_tokens=1, messages=[TURN]
        )


def test_a_request_beyond_the_credit_is_refused_with_both_numbers(
    server: ServerProcess, client: anthropic.Anthropic
) -> None:
    """128,000 tokens of output at $50 a million are $6.40; the trial is $5."""
    before = balance(server)
    with pytest.raises(anthropic.BadRequestError, match="credit balance is too low") as refusal:
        client.with_options(timeout=60).messages.create(
            model="claude-fable-5-1", max_tokens=128_000, messages=[TURN]
        )
    details: Any = refusal.value.body["error"]["details"]  # type: ignore[index]  # the envelope
    assert details["error_code"] == "credit_balance_too_low"
    assert Decimal(details["needed"]) > Decimal("6.40")
    assert Decimal(details["available"]) == before["available"]
    assert balance(server) == before


def test_the_balance_is_what_the_receipts_say_and_the_books_are_proven(server: ServerProcess) -> None:
    """Runs last: granted − available = the sum of every receipt."""
    requests = query(server, "SELECT request_id FROM charges")
    receipts = [get(server, f"/v1/receipts/{request_id}") for (request_id,) in requests]
    assert len(receipts) >= 9
    amounts = balance(server)
    assert sum(Decimal(receipt["net_amount"]) for receipt in receipts) == amounts["used"]
    assert amounts["granted"] - amounts["available"] == amounts["used"]
    assert prove(server)["charges"] == len(receipts)
