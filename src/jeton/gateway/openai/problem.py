"""Problem: the envelope of an error in OpenAI's shape. Pure."""

from collections.abc import Mapping

import msgspec

from jeton.gateway.envelope import CREDIT_CODE

_OVERLOADED, _UNAVAILABLE = 529, 503
# Where clients of that dialect look for another word.
_TYPES: Mapping[str, str] = {
    "api_error": "server_error",
    "overloaded_error": "server_error",
    "timeout_error": "server_error",
}
_QUOTA = "insufficient_quota"


class _Details(msgspec.Struct):
    error_code: str | None = None


class _Error(msgspec.Struct):
    type: str = "api_error"
    message: str = ""
    details: _Details | None = None


class _Envelope(msgspec.Struct):
    error: _Error
    request_id: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def translate_status(status: int) -> int:
    """The status in this dialect: it has no 529."""
    return _UNAVAILABLE if status == _OVERLOADED else status


def translate_envelope(body: bytes) -> bytes:
    """``{"error": {message, type, param, code}}``; a body that is no envelope passes as it is."""
    try:
        envelope = _ENVELOPE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    error = envelope.error
    code = error.details.error_code if error.details else None
    kind = _QUOTA if code == CREDIT_CODE else _TYPES.get(error.type, error.type)
    # "messages.0.content: ..." begins with the field.
    field, colon, _ = error.message.partition(": ")
    is_field = bool(colon) and " " not in field and kind == "invalid_request_error"
    return msgspec.json.encode(
        {
            "error": {
                "message": error.message,
                "type": kind,
                "param": field if is_field else None,
                "code": code,
            },
            "request_id": envelope.request_id,
        }
    )
