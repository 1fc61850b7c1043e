"""What is refused of payments on documents.

InvalidInputError
├── ReceiptError              money that cannot be recorded so
├── ApplicationError          a payment that cannot go to a document so
├── WriteOffError             a write-off that its document does not allow
└── PauseError                a wait that makes no sense
NotFoundError
├── ReceivedPaymentNotFoundError
├── ApplicationNotFoundError
└── BankLineNotFoundError
ConflictError
├── ReceiptKnownError         the same money was recorded before, otherwise
└── BankLineEndedError        a line of a statement that somebody has dealt with
"""

from jeton.errors import ConflictError, InvalidInputError, NotFoundError


class ReceiptError(InvalidInputError):
    """Money that cannot be recorded so; the sentence says what to change."""

    code = "invalid_receipt"


class ApplicationError(InvalidInputError):
    """A payment that cannot go to a document so; the sentence has both numbers."""

    code = "invalid_application"


class WriteOffError(InvalidInputError):
    """A write-off that its document does not allow."""

    code = "invalid_write_off"


class PauseError(InvalidInputError):
    """A wait that makes no sense."""

    code = "invalid_pause"


class ReceivedPaymentNotFoundError(NotFoundError):
    """No such payment."""

    code = "received_payment_unknown"

    def __init__(self, payment_id: str) -> None:
        """Name it."""
        super().__init__(f"There is no payment {payment_id}; see `jeton payments list`.")


class ApplicationNotFoundError(NotFoundError):
    """No such part of a payment on a document."""

    code = "application_unknown"

    def __init__(self, name: str) -> None:
        """Name what was asked for."""
        super().__init__(f"Nothing of {name} is on a document; see `jeton payments list`.")


class BankLineNotFoundError(NotFoundError):
    """No such line of a statement."""

    code = "bank_line_unknown"

    def __init__(self, line_id: str) -> None:
        """Name it."""
        super().__init__(f"There is no line {line_id}; see `jeton payments lines`.")


class ReceiptKnownError(ConflictError):
    """The same money was recorded before, otherwise."""

    code = "receipt_known"

    def __init__(self, external_id: str, payment_id: str) -> None:
        """Name both."""
        super().__init__(
            f"{external_id} was recorded as {payment_id} already, with another amount or organization."
        )


class BankLineEndedError(ConflictError):
    """A line of a statement that somebody has dealt with."""

    code = "bank_line_ended"

    def __init__(self, line_id: str, state: str) -> None:
        """Name it, and what became of it."""
        super().__init__(f"The line {line_id} is {state} already.")
