"""Other servers' errors, and what a caller reads of them."""

import msgspec
import pytest

from jeton.upstreams.openai_compatible.problem import translate_problem


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"error":{"message":"No such model","type":"NotFoundError","code":404}}', "No such model"),
        (b'{"object":"error","message":"No such model","code":404}', "No such model"),
        (b'{"detail":"No such model"}', "No such model"),
        (b'{"error":"No such model"}', "No such model"),
    ],
    ids=["openai", "vllm", "fastapi", "ollama"],
)
def test_the_sentence_is_found(body: bytes, sentence: str) -> None:
    assert msgspec.json.decode(translate_problem(404, body, "req_1")) == {
        "type": "error",
        "error": {"type": "not_found_error", "message": sentence},
        "request_id": "req_1",
    }


@pytest.mark.parametrize(
    "body", [b"<html>502</html>", b"", b"{}", b'{"detail":[{"loc":["body"]}]}', b'{"error":7}']
)
def test_what_has_no_sentence_is_left_to_the_gateway(body: bytes) -> None:
    assert translate_problem(502, body, "req_1") == b""


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "overloaded_error"),
    ],
)
def test_the_type_follows_the_status(status: int, kind: str) -> None:
    envelope = msgspec.json.decode(translate_problem(status, b'{"error":"x"}', "req_1"))
    assert envelope["error"]["type"] == kind
