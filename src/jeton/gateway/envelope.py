"""Envelope: the one table from an error to its HTTP answer, and the body that carries it.

Every error of the Messages API has the same body, ``{"type": "error", "error": {"type",
"message", "details"}, "request_id"}``, and the same id in the ``request-id`` header.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from jeton import clock
from jeton.db.errors import OutcomeUnknownError
from jeton.errors import (
    ConfigurationError,
    ConflictError,
    InsufficientCreditError,
    InvalidInputError,
    JetonError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    OverloadedError,
    UpstreamError,
)
from jeton.gateway.errors import (
    BodyTimeoutError,
    ClientLeftError,
    ExchangeTimeoutError,
    MethodNotAllowedError,
    RequestTooLargeError,
)
from jeton.gateway.limiting.headers import refusal_details, refusal_headers
from jeton.ledger.budgets.errors import BudgetExceededError, name_scope, render_time
from jeton.limits.errors import RateLimitedError
from jeton.money import display_usd, render_usd

Headers = list[tuple[bytes, bytes]]
_NOT_HELD = (
    "The database went away while credit was being held for this request. It was not charged: try again."
)
InsufficientCreditStatus = Literal[400, 402]

# The nearest class in an error's line of descent decides.
ANSWERS: Mapping[type[JetonError], tuple[int, str]] = {
    JetonError: (500, "api_error"),
    InvalidInputError: (400, "invalid_request_error"),
    # As the Messages API answers for a limit that an organization sets itself. A 429 would be retried by
    # its clients, which wait for as long as a retry-after says: to the end of the month.
    BudgetExceededError: (400, "invalid_request_error"),
    NotAuthenticatedError: (401, "authentication_error"),
    NotPermittedError: (403, "permission_error"),
    NotFoundError: (404, "not_found_error"),
    MethodNotAllowedError: (405, "invalid_request_error"),
    BodyTimeoutError: (408, "timeout_error"),
    ConflictError: (409, "conflict_error"),
    RequestTooLargeError: (413, "request_too_large"),
    RateLimitedError: (429, "rate_limit_error"),
    ClientLeftError: (499, "api_error"),
    ConfigurationError: (500, "api_error"),
    UpstreamError: (500, "api_error"),
    ExchangeTimeoutError: (504, "timeout_error"),
    OverloadedError: (529, "overloaded_error"),
}
# A few codes stand apart from their family; codes, because the classes live below us.
ANSWERS_BY_CODE: Mapping[str, tuple[int, str]] = {
    "batch_queue_full": (429, "rate_limit_error"),
    "batch_too_large": (413, "request_too_large"),
    "upstream_timeout": (504, "timeout_error"),
    "upstream_unreachable": (529, "overloaded_error"),
}
# For an upstream's refusal that is not in the envelope.
TYPES_BY_STATUS: Mapping[int, str] = {
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_SERVER_ERROR = 500
CREDIT_TYPES: Mapping[InsufficientCreditStatus, str] = {400: "invalid_request_error", 402: "billing_error"}
CREDIT_CODE = "credit_balance_too_low"
RETRY_AFTER_S = 1
JSON_TYPE = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: status, headers, body."""

    status: int
    headers: Headers
    body: bytes


def classify(error: JetonError, credit_status: InsufficientCreditStatus = 400) -> tuple[int, str]:
    """The HTTP status and the Messages API's error type of an error."""
    if isinstance(error, InsufficientCreditError):
        return credit_status, CREDIT_TYPES[credit_status]
    if error.code in ANSWERS_BY_CODE:
        return ANSWERS_BY_CODE[error.code]
    return next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)


def render_error(error: JetonError, request_id: str, credit_status: InsufficientCreditStatus = 400) -> Reply:
    """The envelope of an error, with its headers."""
    status, _ = classify(error, credit_status)
    body = _body(error, request_id, credit_status)
    headers = [*json_headers(request_id, body), *_advice(error)]
    return Reply(status, headers, body)


def render_error_event(error: JetonError, request_id: str, credit_status: InsufficientCreditStatus) -> bytes:
    """The SSE event that ends a stream which had already begun."""
    return b"event: error\ndata: " + _body(error, request_id, credit_status) + b"\n\n"


def render_status(status: int, sentence: str, *, request_id: str) -> bytes:
    """The body for an upstream's status that came without an envelope."""
    default = "api_error" if status >= _SERVER_ERROR else "invalid_request_error"
    error = {"type": TYPES_BY_STATUS.get(status, default), "message": sentence}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})


def json_headers(request_id: str, body: bytes) -> Headers:
    """The headers every JSON answer has."""
    return [
        JSON_TYPE,
        (b"content-length", str(len(body)).encode()),
        (b"request-id", request_id.encode()),
    ]


def _body(error: JetonError, request_id: str, credit_status: InsufficientCreditStatus) -> bytes:
    _, kind = classify(error, credit_status)
    message = str(error)
    details: dict[str, str | None] = {"error_code": error.code}
    if isinstance(error, BudgetExceededError):
        message = _budget_sentence(error)
        details |= {
            "budget": error.budget_id,
            "scope": error.scope,
            "scope_id": error.scope_id,
            "needed": render_usd(error.needed_nano),
            "left": render_usd(error.left_nano),
            "held": render_usd(error.held_nano),
            "resets_at": None if error.resets_at is None else render_time(error.resets_at),
        }
    if isinstance(error, OutcomeUnknownError):
        # What is unknown is undone by the next commit, so that whoever asks again pays once.
        message = _NOT_HELD
    if isinstance(error, RateLimitedError):
        details |= refusal_details(error, clock.now())
    if isinstance(error, InsufficientCreditError):
        message = _credit_sentence(error)
        details = {
            "error_code": CREDIT_CODE,
            "needed": render_usd(error.needed_nano),
            "available": render_usd(error.available_nano),
        }
    return msgspec.json.encode(
        {
            "type": "error",
            "error": {"type": kind, "message": message, "details": details},
            "request_id": request_id,
        }
    )


def _credit_sentence(error: InsufficientCreditError) -> str:
    # Clients of the Messages API recognize the first sentence.
    return (
        "Your credit balance is too low to access the API."
        f" This request needs up to {display_usd(error.needed_nano)}"
        f" and {display_usd(error.available_nano)} is available."
        " Add credit, or ask for fewer max_tokens."
    )


def _budget_sentence(error: BudgetExceededError) -> str:
    # As the Messages API begins it; clients recognize "API usage limits".
    which = "" if error.scope == "organization" else f"{name_scope(error.scope)} "
    return f"You have reached your specified {which}API usage limits. {error}"


def _advice(error: JetonError) -> Headers:
    match error:
        case InsufficientCreditError() | BudgetExceededError():
            # To ask again changes nothing until somebody has added credit, or the window is over.
            return [(b"x-should-retry", b"false")]
        case RateLimitedError():
            return refusal_headers(error, clock.now())
        case OverloadedError():
            return [(b"retry-after", str(RETRY_AFTER_S).encode())]
        case MethodNotAllowedError():
            return [(b"allow", ", ".join(error.allowed).encode())]
        case _:
            return []


class Reason(msgspec.Struct):
    """What an envelope says."""

    type: str
    message: str


class _Envelope(msgspec.Struct):
    type: str
    error: msgspec.Raw


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_REASON = msgspec.json.Decoder(Reason)


def find_reason(body: bytes) -> Reason | None:
    """What an envelope of the Messages API says; None for any other body."""
    try:
        return _REASON.decode(_ENVELOPE.decode(body).error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def with_our_id(body: bytes, request_id: str) -> bytes:
    """An upstream's envelope under the id that the caller knows."""
    error = _ENVELOPE.decode(body).error
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})
