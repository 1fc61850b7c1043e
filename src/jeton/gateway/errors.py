"""Errors of the gateway: why a request was not admitted, or not answered.

InvalidInputError
├── InvalidRequestError        the body or a header is not what the Messages API takes
├── RequestTooLargeError       a body over the limit
├── BodyTimeoutError           a body that did not arrive in time
├── MethodNotAllowedError      a path that knows other methods
└── UnpricedModelError         a model with an upstream, without a price in force (P8)
NotFoundError
└── UnknownModelError          a model that is not served here
NotPermittedError
├── AddressNotAllowedError     a key that is restricted to other networks
├── ModelNotAllowedError       a key that is restricted to other models
├── ApiKeyRequiredError        an admin key where an API key is needed
└── OtherWorkspaceError        a workspace header that is not the key's
UpstreamError
├── UpstreamDeniedError        the upstream does not accept the operator, not the caller
├── UpstreamAnswerError        an answer that is not one of the Messages API
└── ExchangeTimeoutError       no end within the validity of the hold
JetonError
├── ClientLeftError            nobody is there to be answered
└── UnexpectedError            a defect of ours; says nothing of itself
"""

from collections.abc import Collection, Sequence

from jeton.errors import InvalidInputError, JetonError, NotFoundError, NotPermittedError, UpstreamError

# Of the models that a key may ask.
_NAMED_MAX = 10


class InvalidRequestError(InvalidInputError):
    """The body or a header is not what the Messages API takes; the sentence names the field."""

    code = "invalid_request"


class RequestTooLargeError(InvalidInputError):
    """A body over the limit."""

    code = "request_too_large"

    def __init__(self, bytes_max: int) -> None:
        """Name the limit."""
        super().__init__(f"The request body is larger than {bytes_max} bytes.")


class BodyTimeoutError(InvalidInputError):
    """A body that did not arrive in time."""

    code = "body_timeout"

    def __init__(self, seconds: int) -> None:
        """Name the limit."""
        super().__init__(f"The request body did not arrive within {seconds} seconds.")


class MethodNotAllowedError(InvalidInputError):
    """A path that knows other methods."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        """Keep the allowed methods for the ``allow`` header."""
        super().__init__(f"This path does not know {method}; use {' or '.join(allowed)}.")
        self.allowed = tuple(allowed)


class UnpricedModelError(InvalidInputError):
    """A model with an upstream and without a price in force: refused, never free."""

    code = "model_not_priced"

    def __init__(self, model: str) -> None:
        """Name the model."""
        super().__init__(f"model: {model} has no price in force, so it is not served.")


class UnknownModelError(NotFoundError):
    """A model that is not served here."""

    code = "model_unknown"

    def __init__(self, model: str, near: Sequence[str] = ()) -> None:
        """Name the model as the Messages API does, and the names that may have been meant."""
        nearest = f" is not served here; the nearest names are: {', '.join(near)}" if near else ""
        super().__init__(f"model: {model}{nearest}")


class AddressNotAllowedError(NotPermittedError):
    """The key is restricted to networks, and this address is in none of them."""

    code = "address_not_allowed"

    def __init__(self, key_id: str, address: str) -> None:
        """Name the key, and the address as this server saw it."""
        super().__init__(
            f"The key {key_id} may not be used from {address or 'an address that is not known'}."
            " Whoever manages keys can change from where."
        )


class ModelNotAllowedError(NotPermittedError):
    """The key is restricted to other models."""

    code = "model_not_allowed"

    def __init__(self, key_id: str, model: str, *, allowed: Collection[str]) -> None:
        """Name the key, the model, and those that it may ask."""
        named = ", ".join(sorted(allowed)[:_NAMED_MAX])
        super().__init__(f"model: the key {key_id} may not ask {model}; it may ask {named}.")


class ApiKeyRequiredError(NotPermittedError):
    """An admin key where an API key is needed."""

    code = "api_key_required"

    def __init__(self) -> None:
        """Say which kind of key is needed."""
        super().__init__("An admin key may not call models. Use an API key of a workspace.")


class OtherWorkspaceError(NotPermittedError):
    """The anthropic-workspace-id header names another workspace than the key's."""

    code = "other_workspace"

    def __init__(self, asked: str, own: str) -> None:
        """Name both workspaces."""
        super().__init__(f"anthropic-workspace-id: {asked} was asked for; this key belongs to {own}.")


class UpstreamDeniedError(UpstreamError):
    """The upstream does not accept the operator's key or account; the caller did nothing wrong."""

    code = "upstream_denied"

    def __init__(self, upstream: str, status: int) -> None:
        """Name the upstream, for the operator."""
        super().__init__(
            f"The upstream {upstream} refused our credentials (status {status})."
            " The operator has to act; nothing was charged."
        )


class UpstreamAnswerError(UpstreamError):
    """An answer that is not one of the Messages API."""

    code = "upstream_answer"


class ExchangeTimeoutError(UpstreamError):
    """The upstream did not come to an end within the validity of the hold."""

    code = "exchange_timeout"

    def __init__(self) -> None:
        """Say how it ended for the caller."""
        super().__init__("The upstream did not finish within the time that a request may take.")


class ClientLeftError(JetonError):
    """The client is gone; what was used is still settled."""

    code = "client_left"

    def __init__(self) -> None:
        """Nobody reads it but the log."""
        super().__init__("The client closed the connection.")


class UnexpectedError(JetonError):
    """A defect of ours; what happened is in the log under the request id."""

    code = "unexpected"

    def __init__(self) -> None:
        """Say where to look."""
        super().__init__("Something went wrong here. The log of this server knows it by the request id.")
