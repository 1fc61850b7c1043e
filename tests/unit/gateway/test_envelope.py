"""One table from an error to its answer."""

from datetime import UTC, datetime

import msgspec
import pytest

from jeton.db.errors import OutcomeUnknownError
from jeton.errors import (
    ConflictError,
    InsufficientCreditError,
    InvalidInputError,
    JetonError,
    MoneyError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    OverloadedError,
    UpstreamError,
)
from jeton.gateway.envelope import classify, render_error, render_error_event
from jeton.gateway.errors import (
    BodyTimeoutError,
    ExchangeTimeoutError,
    MethodNotAllowedError,
    RequestTooLargeError,
    UnexpectedError,
    UnknownModelError,
    UpstreamDeniedError,
)
from jeton.ledger.budgets.errors import BudgetExceededError

BUDGET = BudgetExceededError(
    budget_id="bdgt_1",
    scoped=("workspace", "wrkspc_1"),
    needed_nano=50_000_000,
    left_nano=10_000_000,
    held_nano=200_000_000,
    resets_at=datetime(2026, 11, 30, 23, tzinfo=UTC),
)
CREDIT = InsufficientCreditError(50_000_000, 10_000_000, sentence="Not enough.")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidInputError("x"), 400, "invalid_request_error"),
        (MoneyError("x", "y"), 400, "invalid_request_error"),
        (CREDIT, 400, "invalid_request_error"),
        (BUDGET, 400, "invalid_request_error"),
        (NotAuthenticatedError("x"), 401, "authentication_error"),
        (NotPermittedError("x"), 403, "permission_error"),
        (NotFoundError("x"), 404, "not_found_error"),
        (UnknownModelError("x"), 404, "not_found_error"),
        (MethodNotAllowedError("GET", ["POST"]), 405, "invalid_request_error"),
        (BodyTimeoutError(1), 408, "timeout_error"),
        (ConflictError("x"), 409, "conflict_error"),
        (RequestTooLargeError(1), 413, "request_too_large"),
        (JetonError("x"), 500, "api_error"),
        (UnexpectedError(), 500, "api_error"),
        (UpstreamError("x"), 500, "api_error"),
        (UpstreamDeniedError("x", 401), 500, "api_error"),
        (ExchangeTimeoutError(), 504, "timeout_error"),
        (OverloadedError("x"), 529, "overloaded_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, JetonError) else str(value),
)
def test_each_error_has_one_status_and_type(error: JetonError, status: int, kind: str) -> None:
    assert classify(error) == (status, kind)


def test_the_envelope_is_the_apis() -> None:
    reply = render_error(UnknownModelError("gpt-99"), "req_1")
    assert msgspec.json.decode(reply.body) == {
        "type": "error",
        "error": {
            "type": "not_found_error", "message": "model: gpt-99", "details": {"error_code": "model_unknown"},
        },
        "request_id": "req_1",
    }  # fmt: skip
    assert (b"request-id", b"req_1") in reply.headers
    assert (b"content-length", str(len(reply.body)).encode()) in reply.headers


def test_too_little_credit_names_both_amounts() -> None:
    reply = render_error(CREDIT, "req_1", 402)
    error = msgspec.json.decode(reply.body)["error"]
    assert (reply.status, error["type"]) == (402, "billing_error")
    assert error["details"] == {"error_code": "credit_balance_too_low", "needed": "0.05", "available": "0.01"}
    assert error["message"].startswith("Your credit balance is too low to access the API. This request needs")
    assert "up to $0.05 and $0.01 is available" in error["message"]


def test_a_hold_of_unknown_outcome_says_that_it_was_not_charged() -> None:
    # What the group commit says, "look before you send it again", is no use to who cannot look.
    error = OutcomeUnknownError("Look before you send it again.")
    answer = render_error(error, "req_1", credit_status=400)
    said = msgspec.json.decode(answer.body)["error"]
    assert answer.status == 529
    assert said["message"].endswith("It was not charged: try again.")
    assert said["details"] == {"error_code": "outcome_unknown"}


def test_a_budget_names_both_amounts_and_when_it_frees() -> None:
    """400 and not to be tried again: a 429 would be retried by the official clients."""
    reply = render_error(BUDGET, "req_1")
    error = msgspec.json.decode(reply.body)["error"]
    assert reply.status == 400
    assert (b"x-should-retry", b"false") in reply.headers
    assert not any(name == b"retry-after" for name, _ in reply.headers)
    assert error["details"] == {
        "error_code": "budget_exceeded", "budget": "bdgt_1", "scope": "workspace", "scope_id": "wrkspc_1",
        "needed": "0.05", "left": "0.01", "held": "0.20", "resets_at": "2026-11-30T23:00:00Z",
    }  # fmt: skip
    assert error["message"] == (
        "You have reached your specified workspace API usage limits. This request may cost up to $0.05 and "
        "$0.01 is left in the budget bdgt_1 of this workspace; it frees at 2026-11-30T23:00:00Z."
    )


def test_an_error_in_a_stream_is_one_event() -> None:
    event = render_error_event(OverloadedError("Full.\nTry again."), "req_1", 400)
    name, data, *rest = event.split(b"\n")
    assert name == b"event: error"
    assert msgspec.json.decode(data.removeprefix(b"data: "))["error"]["type"] == "overloaded_error"
    assert rest == [b"", b""]
