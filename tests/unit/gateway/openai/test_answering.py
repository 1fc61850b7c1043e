"""The other dialect over ASGI: one path through the gateway, and the answer in the client's shape."""

from typing import Any

import msgspec
from tests.unit.gateway.fakes import MODEL, START, STOP, TEXT, Gateway, Script, sse, stream_script

from jeton.charging.words import Rule

PATH = "/v1/chat/completions"
HEADERS = {"authorization": "Bearer sk-jtn-good"}
ASKED: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 100,
}
DELTA = ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1500}})
REFUSED = b'{"type":"error","error":{"type":"invalid_request_error","message":"bad"},"request_id":"req_up"}'


async def test_an_answer_is_charged_by_the_same_path() -> None:
    gateway = Gateway()
    reply = await gateway.call(ASKED, path=PATH, headers=HEADERS)
    assert (reply.status, reply.json["object"]) == (200, "chat.completion")
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["x-request-id"] == reply.headers["request-id"]
    assert reply.json["usage"]["prompt_tokens"] == 102_000
    assert reply.headers["jeton-cost"] == "0.029"
    assert gateway.charging.metered[0].rule is Rule.COMPLETED
    asked = gateway.upstream.asks[0]
    assert asked.headers == {"anthropic-version": "2023-06-01"}
    assert msgspec.json.decode(asked.body)["messages"][0]["content"] == [{"type": "text", "text": "Hello"}]


async def test_the_end_of_a_stream_leaves_after_its_settlement() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT, DELTA, STOP)))
    reply = await gateway.call({**ASKED, "stream": True}, path=PATH, headers=HEADERS)
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert reply.body.count(b'"content":"Hello world"') == 1
    assert gateway.journal.index("settle completed") < gateway.journal.index("last byte")


async def test_a_stream_that_breaks_off_ends_with_an_error_in_its_shape() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT)))
    reply = await gateway.call({**ASKED, "stream": True}, path=PATH, headers=HEADERS)
    last = msgspec.json.decode(reply.body.split(b"\n\n")[-2].removeprefix(b"data: "))
    assert last["error"]["code"] == "upstream_answer"
    assert b"[DONE]" not in reply.body


async def test_a_refusal_of_the_upstream_is_in_its_shape_under_our_id() -> None:
    reply = await Gateway(Script(status=400, chunks=[REFUSED])).call(ASKED, path=PATH, headers=HEADERS)
    assert reply.status == 400
    assert reply.json == {
        "error": {"message": "bad", "type": "invalid_request_error", "param": None, "code": None},
        "request_id": reply.headers["request-id"],
    }


async def test_a_field_that_would_be_missed_is_refused_before_any_hold() -> None:
    gateway = Gateway()
    reply = await gateway.call({**ASKED, "n": 3}, path=PATH, headers=HEADERS)
    assert (reply.status, reply.json["error"]["param"]) == (400, "n")
    assert "hold" not in gateway.journal


async def test_models_are_listed_in_the_shape_of_whoever_asks() -> None:
    theirs = await Gateway().call(b"", path="/v1/models", method="GET", headers=HEADERS)
    assert theirs.json["object"] == "list"
    assert {model["object"] for model in theirs.json["data"]} == {"model"}
    ours = await Gateway().call(
        b"", path="/v1/models", method="GET", headers={**HEADERS, "anthropic-version": "2023-06-01"}
    )
    assert ours.json["data"][0]["type"] == "model"


async def test_an_unknown_model_and_a_wrong_key_are_errors_in_its_shape() -> None:
    unknown = await Gateway().call(b"", path="/v1/models/gpt-99", method="GET", headers=HEADERS)
    assert (unknown.status, unknown.json["error"]["message"]) == (404, "model: gpt-99")
    stranger = await Gateway().call(ASKED, path=PATH, headers={"authorization": "Bearer sk-wrong"})
    assert (stranger.status, stranger.json["error"]["type"]) == (401, "authentication_error")
