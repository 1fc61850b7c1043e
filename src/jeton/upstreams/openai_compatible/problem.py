"""Problem: from another server's error body to the envelope of the Messages API. Pure."""

from collections.abc import Mapping

import msgspec

from jeton.tokens.prompt import ABSENT

SENTENCE_CHARACTERS_MAX = 2_000
_SERVER_ERROR = 500
_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class _Reason(msgspec.Struct):
    message: str


class _Body(msgspec.Struct):
    # OpenAI, llama.cpp, Ollama ...; older vLLM; FastAPI.
    error: msgspec.Raw = ABSENT
    message: str | None = None
    detail: msgspec.Raw = ABSENT


_BODY = msgspec.json.Decoder(_Body)
_REASON = msgspec.json.Decoder(str | _Reason)


def translate_problem(status: int, body: bytes, request_id: str) -> bytes:
    """The envelope; empty when the body has no sentence that could be shown, as an HTML page has none."""
    sentence = find_sentence(body)
    return render_problem(status, sentence, request_id=request_id) if sentence else b""


def find_sentence(body: bytes) -> str:
    """What an error body says to people; empty if it says nothing."""
    try:
        read = _BODY.decode(body)
        if read.message:
            return read.message[:SENTENCE_CHARACTERS_MAX]
        raw = read.error or read.detail
        reason = _REASON.decode(raw) if raw else ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return (reason if isinstance(reason, str) else reason.message)[:SENTENCE_CHARACTERS_MAX]


def render_problem(status: int, sentence: str, *, request_id: str = "") -> bytes:
    """An envelope of our own making; without an id it is the data of an ``error`` event."""
    default = "api_error" if status >= _SERVER_ERROR else "invalid_request_error"
    error = {"type": _TYPES.get(status, default), "message": sentence}
    envelope: dict[str, object] = {"type": "error", "error": error}
    if request_id:
        envelope["request_id"] = request_id
    return msgspec.json.encode(envelope)
