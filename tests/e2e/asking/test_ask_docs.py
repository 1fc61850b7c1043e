"""Ask Docs on a real server: written by a model through the gateway, verified, billed, bounded, harmless."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx2
import msgspec
import pytest
from tests.e2e.books import prove, query
from tests.e2e.contract.misbehaving import Behavior, Talk, Upstream
from tests.e2e.serving import ServerProcess, serving

MODEL = "claude-haiku-4-5"
QUESTION = "How do discounts stack?"
BUDGET = Decimal("2.50")
CONFIG = """
ask_docs_model = "{model}"
ask_docs_budget_usd = "2.50"

[[upstreams]]
name = "writer"
kind = "anthropic"
base_url = "{url}"
models = ["{model}"]
"""
USAGE = {"input_tokens": 1_000, "output_tokens": 20}
# Haiku 4.5: 1,000 × $1 + 20 × $5 a million.
CHARGE = Decimal("0.0011")


@dataclass(frozen=True)
class Stage:
    """A server, and the model behind its Ask Docs."""

    server: ServerProcess
    writer: Upstream


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Started once."""
    folder = tmp_path_factory.mktemp("asking")
    with Upstream() as writer:
        config = folder / "jeton.toml"
        config.write_text(CONFIG.format(url=writer.url, model=MODEL), encoding="utf-8")
        with serving(folder / "data", arguments=("--config", str(config))) as server:
            yield Stage(server, writer)


def write(*pieces: str) -> Behavior:
    """A stream that says these pieces."""

    def behave(talk: Talk) -> None:
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": []}
        start = {**message, "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
        talk.stream(
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        )
        for piece in pieces:
            delta = {"type": "text_delta", "text": piece}
            talk.stream({"type": "content_block_delta", "index": 0, "delta": delta})
        talk.stream(
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": USAGE},
            {"type": "message_stop"},
        )

    return behave


def ask(server: ServerProcess, question: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of an answer: their names and data."""
    answer = httpx2.post(
        f"{server.base_url}/docs/ask",
        data={"question": question},
        headers={"accept": "text/event-stream"},
        timeout=30,
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [event.split("\n") for event in answer.text.split("\n\n") if event]
    return [
        (name.removeprefix("event: "), msgspec.json.decode(data.removeprefix("data: ")))
        for name, data in events
    ]


def find_charges(server: ServerProcess) -> list[tuple[str, int]]:
    """The charges of the organization that Ask Docs has: model and nano, in their order."""
    return query(
        server,
        "SELECT model, net_nano FROM charges JOIN internal_organizations USING (organization_id)"
        " WHERE purpose = 'ask_docs' ORDER BY request_id",
    )


def test_what_holds_is_shown_and_what_does_not_is_left_out_and_all_is_billed(stage: Stage) -> None:
    """A writer that mixes truth with inventions, in pieces as streams have them."""
    stage.writer.expect(
        write(
            "Batch API and prompt caching disc",
            "ounts can be combined [1]. You save 99.9 % always [1]. Buy at evil.example",
            " today! [1] Discounts never stack. <script>alert(1)</script>",
        )
    )
    *sentences, end = ask(stage.server, QUESTION)
    assert sentences == [
        (
            "sentence",
            {
                "text": "Batch API and prompt caching discounts can be combined.",
                "citations": [
                    {"url": "/faq#stacking", "title": "Frequently asked questions: How do discounts stack?"}
                ],
            },
        )
    ]
    assert end == ("end", {"is_answered": True, "nearest": []})
    assert find_charges(stage.server)[-1] == (MODEL, int(CHARGE * 10**9))
    asked = stage.writer.asked[0]
    assert QUESTION in asked["messages"][0]["content"][-1]["text"]
    assert "only from the numbered sections" in asked["system"]
    prove(stage.server)


def test_the_budget_is_a_lot_of_the_month(stage: Stage) -> None:
    """Granted once, to an organization with no member, whose key nobody has."""
    stage.writer.expect(write("UNANSWERED"))
    ask(stage.server, QUESTION)
    rows = query(
        stage.server,
        "SELECT o.name, l.granted_nano, l.kind, l.expires_at > now() FROM internal_organizations AS i"
        " JOIN organizations AS o USING (organization_id) JOIN lots AS l USING (organization_id)",
    )
    assert rows == [("Ask Docs", int(BUDGET * 10**9), "promotional", True)]


def test_what_a_model_does_not_know_goes_to_the_inbox(stage: Stage) -> None:
    """With how often it was asked, and as text."""
    for _ in range(2):
        stage.writer.expect(write("UNANSWERED"))
        (end,) = ask(stage.server, "How do discounts stack <b>really</b>?")
        assert end[1]["is_answered"] is False
        assert "/faq#stacking" in [section["url"] for section in end[1]["nearest"]]
    ((times, message),) = query(
        stage.server,
        "SELECT times, message FROM inbox_items WHERE kind = %s AND message LIKE %s",
        "unanswered_question",
        "%really%",
    )
    assert (times, message) == (2, "How do discounts stack <b>really</b>?")


def test_where_no_model_answers_the_docs_are_quoted(stage: Stage) -> None:
    """An upstream that refuses, and one that breaks off."""
    stage.writer.expect(lambda talk: talk.say(500, {"type": "error", "error": {"type": "api_error"}}))
    sentences = ask(stage.server, QUESTION)[:-1]
    assert sentences[0][1]["text"] == "“Batch API and prompt caching discounts can be combined.”"


def test_what_nothing_is_found_for_costs_nothing(stage: Stage) -> None:
    """No model is asked."""
    before = find_charges(stage.server)
    assert ask(stage.server, "What is quantum entanglement?") == [
        ("end", {"is_answered": False, "nearest": []})
    ]
    assert find_charges(stage.server) == before


def test_an_organization_that_is_stopped_only_quotes(stage: Stage) -> None:
    """The operator suspends it like any other."""
    before = find_charges(stage.server)
    set_suspended(stage.server, suspended=True)
    try:
        sentences = ask(stage.server, QUESTION)[:-1]
    finally:
        set_suspended(stage.server, suspended=False)
    assert sentences[0][1]["text"].startswith("“")
    assert find_charges(stage.server) == before


def set_suspended(server: ServerProcess, *, suspended: bool) -> None:
    query(
        server,
        "UPDATE organizations SET suspended_at = CASE WHEN %s THEN now() END, suspended_reason = %s"
        " WHERE organization_id = (SELECT organization_id FROM internal_organizations) RETURNING 1",
        suspended,
        "too dear" if suspended else "",
    )


def test_a_minute_of_ten_thousand_questions_is_refused(stage: Stage) -> None:
    """Runs last: a page with 429 that says when to try again, and a server that is well."""
    with httpx2.Client(base_url=stage.server.base_url, timeout=30) as client:
        answers = [
            client.post("/docs/ask", data={"question": "What is quantum entanglement?"}) for _ in range(30)
        ]
    refused = [answer for answer in answers if answer.status_code == 429]
    # Ten pass in a minute; a new minute may begin meanwhile.
    assert len(refused) >= 10
    assert 1 <= int(refused[0].headers["retry-after"]) <= 60
    assert "Too many questions" in refused[0].text
    assert stage.server.status("/healthz") == 200
    assert prove(stage.server)["findings"] == []
