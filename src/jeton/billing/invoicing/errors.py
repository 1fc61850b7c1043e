"""Errors of invoicing.

InvalidInputError
├── ProfileError             a billing profile that no document could be made for
├── InvalidRateError         an exchange rate that cannot be one
├── CorrectionError          a credit note that its document does not allow
└── CommitmentError          a commitment that makes no sense
NotFoundError
├── UnknownDocumentError     no such document
└── MissingRateError         no exchange rate in force
ConflictError
├── PeriodOpenError          the period is not over yet
├── PeriodClosedError        the period was closed already
└── DocumentsChangedError    somebody else made documents of the organization meanwhile
"""

from datetime import date, datetime

from jeton.errors import ConflictError, InvalidInputError, NotFoundError


class ProfileError(InvalidInputError):
    """A billing profile that no document could be made for; the sentence names the field."""

    code = "invalid_billing_profile"


class InvalidRateError(InvalidInputError):
    """An exchange rate that cannot be one."""

    code = "invalid_exchange_rate"


class CorrectionError(InvalidInputError):
    """A credit note that its document does not allow; the sentence says why."""

    code = "invalid_correction"


class CommitmentError(InvalidInputError):
    """A commitment that makes no sense."""

    code = "invalid_commitment"


class UnknownDocumentError(NotFoundError):
    """No such document."""

    code = "unknown_document"

    def __init__(self, name: str) -> None:
        """Name the id or number that was asked for."""
        super().__init__(f"There is no document {name}.")


class MissingRateError(NotFoundError):
    """No exchange rate of a currency is in force on a day."""

    code = "missing_exchange_rate"

    def __init__(self, currency: str, on: date) -> None:
        """Name both, and how to note one."""
        super().__init__(
            f"No exchange rate for {currency} is noted for {on} or before; note one with"
            " `jeton invoices rate`."
        )


class PeriodOpenError(ConflictError):
    """The period is not over yet, so it cannot be issued."""

    code = "period_open"

    def __init__(self, period_to: datetime) -> None:
        """Say when it ends."""
        super().__init__(f"The period ends at {period_to:%Y-%m-%d %H:%M} UTC and can be issued from then on.")


class PeriodClosedError(ConflictError):
    """The period was closed already."""

    code = "period_closed"

    def __init__(self, period_from: datetime) -> None:
        """Name it, and what corrects it."""
        super().__init__(
            f"The period from {period_from:%Y-%m-%d %H:%M} UTC was closed already; a credit note corrects it."
        )


class DocumentsChangedError(ConflictError):
    """Somebody else made documents of the organization meanwhile; nothing was written."""

    code = "documents_changed"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("Another document of the organization was made meanwhile; try again.")
