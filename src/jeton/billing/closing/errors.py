"""Errors of closing.

InvalidInputError
└── InvalidMonthError        no month of the calendar
ConflictError
├── ClosingNotReadyError     something of the checklist is still to be done
├── ClosingOrderError        months are closed and opened again one after the other
├── BooksClosedError         (``books_lock``) something would be issued for a period that is closed
└── BooksBusyError           somebody reads the journal for long, so that it could not be locked
NotFoundError
└── MonthNotClosedError      the month is not closed
"""

from collections.abc import Sequence

from jeton.errors import ConflictError, InvalidInputError, NotFoundError


class InvalidMonthError(InvalidInputError):
    """No month of the calendar."""

    code = "invalid_month"

    def __init__(self, text: str) -> None:
        """Name what was given, and how one is written."""
        super().__init__(f"{text[:40]!a} is no month; write it as 2026-11.")


class ClosingNotReadyError(ConflictError):
    """Something of the checklist is still to be done."""

    code = "closing_not_ready"

    def __init__(self, month: str, sentences: Sequence[str]) -> None:
        """Name the month, and everything that is in the way."""
        super().__init__(f"{month} cannot be closed yet: {' '.join(sentences)}")


class ClosingOrderError(ConflictError):
    """Months are closed one after the other, and opened again the newest first."""

    code = "closing_order"


class BooksBusyError(ConflictError):
    """Somebody reads the journal for long, so that it could not be locked for an instant."""

    code = "books_busy"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "The journal is being read for long (a proof, an export or a backup), so it could not be locked;"
            " nothing was changed. Try again when that is over."
        )


class MonthNotClosedError(NotFoundError):
    """The month is not closed."""

    code = "month_not_closed"

    def __init__(self, month: str) -> None:
        """Name it."""
        super().__init__(f"{month} is not closed.")
