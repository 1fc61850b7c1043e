"""Books lock: until when the books are closed, and that nothing is issued for what lies before."""

from datetime import datetime

from jeton.db.pool import Connection
from jeton.errors import ConflictError

_LOCKED_UNTIL = "SELECT max(period_to) FROM book_closings WHERE reopened_at IS NULL"


class BooksClosedError(ConflictError):
    """Something would be issued for a period that is closed."""

    code = "books_closed"

    def __init__(self, period_to: datetime, closed_until: datetime) -> None:
        """Name both dates, and what to do."""
        super().__init__(
            f"The period until {period_to:%Y-%m-%d %H:%M} UTC is in books that are closed until"
            f" {closed_until:%Y-%m-%d %H:%M} UTC; what is late goes onto the next document, or an admin"
            " reopens the month with `jeton ledger reopen`."
        )


async def find_locked_until(connection: Connection) -> datetime | None:
    """The instant before which nothing is posted any more; None where no month is closed."""
    row = await (await connection.execute(_LOCKED_UNTIL)).fetchone()
    return row[0] if row else None


async def refuse_closed(connection: Connection, period_to: datetime) -> None:
    """Raise BooksClosedError if the period until ``period_to`` lies in books that are closed."""
    locked_until = await find_locked_until(connection)
    if locked_until is not None and period_to <= locked_until:
        raise BooksClosedError(period_to, locked_until)
