"""What goes wrong with a payment provider.

JetonError
├── UpstreamError
│   └── ProviderUnreachableError   no answer, so nobody knows what was done: ask again with the same key
├── ConflictError
│   └── ProviderRefusedError       an answer that says no: the request was wrong, and nothing was done
├── NotAuthenticatedError
│   └── SignatureError             a webhook that is not the provider's, or not of now
└── NotFoundError
    └── NoProviderError            no provider is configured
"""

from jeton.errors import ConflictError, NotAuthenticatedError, NotFoundError, UpstreamError


class ProviderUnreachableError(UpstreamError):
    """No answer, or one that says to ask again; what was asked may have been done."""

    code = "payment_provider_unreachable"

    def __init__(self, provider: str, problem: str) -> None:
        """Name the provider and what happened."""
        super().__init__(f"The payment provider {provider} gave no answer: {problem}")


class ProviderRefusedError(ConflictError):
    """The provider said no to the request itself; nothing was done."""

    code = "payment_provider_refused"

    def __init__(self, provider: str, problem: str) -> None:
        """Name the provider and its reason."""
        super().__init__(f"The payment provider {provider} refused: {problem}")


class SignatureError(NotAuthenticatedError):
    """A webhook whose signature or age is wrong; nothing of it is believed."""

    code = "webhook_signature_invalid"

    def __init__(self, problem: str) -> None:
        """Say what is wrong with it."""
        super().__init__(f"This webhook is not believed: {problem}")


class NoProviderError(NotFoundError):
    """Cards cannot be taken here."""

    code = "payment_provider_missing"

    def __init__(self) -> None:
        """Say what helps."""
        super().__init__("No payment provider is configured: set JETON_STRIPE_SECRET_KEY to take cards.")
