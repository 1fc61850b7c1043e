"""Errors in OpenAI's shape."""

import msgspec
import pytest

from jeton.gateway.openai.problem import translate_envelope, translate_status


def envelope(kind: str, message: str, code: str | None = None) -> bytes:
    error: dict[str, object] = {"type": kind, "message": message}
    if code:
        error["details"] = {"error_code": code}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": "req_1"})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            envelope("invalid_request_error", "n: one answer at a time", "invalid_request"),
            {
                "message": "n: one answer at a time",
                "type": "invalid_request_error",
                "param": "n",
                "code": "invalid_request",
            },
        ),
        (
            envelope(
                "invalid_request_error", "Your credit balance is too low: add some.", "credit_balance_too_low"
            ),
            {
                "message": "Your credit balance is too low: add some.",
                "type": "insufficient_quota",
                "param": None,
                "code": "credit_balance_too_low",
            },
        ),
        (
            envelope("overloaded_error", "Overloaded"),
            {"message": "Overloaded", "type": "server_error", "param": None, "code": None},
        ),
    ],
    ids=["field", "credit", "overloaded"],
)
def test_the_same_in_other_words(body: bytes, error: dict[str, object]) -> None:
    assert msgspec.json.decode(translate_envelope(body)) == {"error": error, "request_id": "req_1"}


def test_what_is_no_envelope_passes_as_it_is() -> None:
    assert translate_envelope(b"<html>") == b"<html>"


def test_a_status_that_this_dialect_lacks_is_its_nearest() -> None:
    assert (translate_status(529), translate_status(429)) == (503, 429)
