"""What goes wrong with a tax service.

JetonError
├── ConflictError
│   └── TaxUnaskedError        a document whose tax nobody was asked for yet: control flow, see ``asking``
└── UpstreamError
    ├── TaxServiceAwayError    no answer; nothing is issued or sold until there is one
    └── TaxAnswerError         an answer that cannot be the tax of the document
"""

from collections.abc import Awaitable, Callable

from jeton.errors import ConflictError, UpstreamError


class TaxUnaskedError(ConflictError):
    """The tax of a document is not known, and no transaction may wait for it."""

    code = "tax_unasked"

    def __init__(self, ask: Callable[[], Awaitable[object]], *, is_binding: bool) -> None:
        """Keep how it is asked for, and whether something is issued or sold on the answer."""
        self.ask, self.is_binding = ask, is_binding
        super().__init__("What is billed changed while the tax service was asked; try again.")


class TaxServiceAwayError(UpstreamError):
    """The tax service gave no answer; nothing is issued or sold until it does."""

    code = "tax_service_unreachable"

    def __init__(self, problem: str) -> None:
        """Say what happened and what follows from it."""
        super().__init__(
            f"The tax service gave no answer: {problem} Nothing is issued or sold with a tax that it did not"
            " say; it is asked again at the next attempt."
        )


class TaxAnswerError(UpstreamError):
    """The tax service said what cannot be the tax of the document."""

    code = "tax_service_answer_wrong"

    def __init__(self, problem: str) -> None:
        """Name what is wrong with it."""
        super().__init__(f"The answer of the tax service cannot be used: {problem}")
