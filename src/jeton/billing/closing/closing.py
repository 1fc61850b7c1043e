"""Closing a month, opening it again, and what holds while it is closed.

The lock is in the database (0028): a CHECK on the journal with the instant in it. Everything that requests
write counts from now on, so it costs them nothing and cannot fail them. What counts from earlier, the expiry
of a lot that nobody looked at, is booked first; that nothing of it is left is looked at again under the lock.
"""

from dataclasses import asdict
from datetime import datetime

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jeton.billing.books_lock import find_locked_until
from jeton.billing.closing.checklist import read_checklist
from jeton.billing.closing.errors import (
    BooksBusyError,
    ClosingNotReadyError,
    ClosingOrderError,
    MonthNotClosedError,
)
from jeton.billing.closing.keeping import keep_closed
from jeton.billing.closing.words import Closing, Month
from jeton.charging.credits.books import open_desk
from jeton.db.pool import Connection
from jeton.errors import InvalidInputError
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id

REASON_CHARS_MAX = 500
# How long requests may have to wait for the lock that is held for an instant.
LOCK_WAIT_MS = 500
ORGANIZATIONS_A_LOOK = 1_000

_COLUMNS = """
    closing_id, period_from, period_to, zone, checklist, reason, closed_at, closed_by, reopened_at,
    reopened_by, reopen_reason, deferred_nano
"""
_LIST = f"""
    SELECT {_COLUMNS} FROM book_closings LEFT JOIN lot_closings USING (closing_id)
    ORDER BY closing_id DESC LIMIT %s
"""  # noqa: S608 - names above
_EXPIRED = """
    SELECT DISTINCT organization_id FROM lots
    WHERE is_open AND left_nano > 0 AND expires_at < %s LIMIT %s
"""
_CLOSE = """
    INSERT INTO book_closings (closing_id, period_from, period_to, zone, checklist, last_transaction_id,
                               reason, closed_at, closed_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_LATE = """
    SELECT (SELECT count(*) FROM lots WHERE is_open AND left_nano > 0 AND expires_at < %(to)s),
           (SELECT count(*) FROM holds WHERE taken_at < %(to)s AND request_id NOT LIKE 'lease\\_%%')
"""
_REOPEN = """
    UPDATE book_closings SET reopened_at = %s, reopened_by = %s, reopen_reason = %s WHERE closing_id = %s
"""


async def list_closings(connection: Connection, limit: int = 100) -> list[Closing]:
    """Closings, the newest first, with those that were opened again."""
    async with connection.cursor(row_factory=class_row(Closing)) as cursor:
        await cursor.execute(_LIST, (limit,))
        return await cursor.fetchall()


async def book_expiries(connection: Connection, before: datetime) -> int:
    """Book every expiry before an instant; how many organizations had one. Each in its own transaction."""
    done = 0
    while True:
        cursor = await connection.execute(_EXPIRED, (before, ORGANIZATIONS_A_LOOK))
        organization_ids = [row[0] for row in await cursor.fetchall()]
        for organization_id in organization_ids:
            async with connection.transaction(), open_desk(connection, organization_id) as desk:
                desk.batch.end_lots(desk.book, desk.book.lots, is_return=False)
        done += len(organization_ids)
        if len(organization_ids) < ORGANIZATIONS_A_LOOK:
            return done


async def close_month(
    connection: Connection, month: Month, *, by: Actor, at: datetime, reason: str = ""
) -> Closing:
    """Close a month, and everything before it that was open; ``connection`` must be idle.

    Raises ClosingNotReadyError, ClosingOrderError, BooksBusyError; nothing is locked then.
    """
    if len(reason) > REASON_CHARS_MAX:
        raise InvalidInputError(f"A reason has at most {REASON_CHARS_MAX} characters.")
    locked_until = await _check_order(connection, month)
    await book_expiries(connection, month.ends_at)
    checklist = await read_checklist(connection, month, at)
    missing = [f"{item.sentence} {item.remedy}".strip() for item in checklist if item.state == "open"]
    if missing:
        raise ClosingNotReadyError(month.name, missing)
    closing_id = new_id("close")
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
            await connection.execute("LOCK TABLE book_closings IN SHARE ROW EXCLUSIVE MODE")
            if await find_locked_until(connection) != locked_until:
                raise ClosingOrderError("Another month was closed or opened meanwhile; look again.")
            newest = await _find_newest(connection)
            items = Jsonb([asdict(item) for item in checklist])
            await connection.execute(
                _CLOSE,
                (closing_id, locked_until, month.ends_at, month.zone, items, newest, reason, at, by.name),
            )
            await _check_nothing_is_late(connection, month)
            await record_audit(
                connection,
                by,
                "books.closed",
                subject=closing_id,
                details={"month": month.name, "zone": month.zone, "reason": reason},
            )
    except psycopg.errors.LockNotAvailable:
        raise BooksBusyError from None
    await keep_closed(connection, closing_id, month.ends_at)
    return await _get(connection, closing_id)


async def _find_newest(connection: Connection) -> str | None:
    """The newest entry of the journal; asked before the closing, since what is read cannot be locked."""
    row = await (await connection.execute("SELECT max(transaction_id) FROM transactions")).fetchone()
    return row[0] if row else None


async def _check_order(connection: Connection, month: Month) -> datetime | None:
    locked_until = await find_locked_until(connection)
    if locked_until is not None and locked_until != month.starts_at:
        raise ClosingOrderError(
            f"The books are closed until {locked_until:%Y-%m-%d %H:%M} UTC, and {month.name} begins at"
            f" {month.starts_at:%Y-%m-%d %H:%M} UTC: months are closed one after the other."
        )
    return locked_until


async def _check_nothing_is_late(connection: Connection, month: Month) -> None:
    """Under the lock nobody writes, so what is not there now never comes."""
    row = await (await connection.execute(_LATE, {"to": month.ends_at})).fetchone()
    expiries, holds = row or (0, 0)
    if expiries or holds:
        raise ClosingNotReadyError(
            month.name, [f"Meanwhile {expiries:,} lots expired and {holds:,} requests are open; close again."]
        )


async def reopen_month(
    connection: Connection, month: Month, *, by: Actor, at: datetime, reason: str
) -> Closing:
    """Open the newest closed month again, with a reason; raises MonthNotClosedError, ClosingOrderError."""
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        raise InvalidInputError(f"A month is opened with a reason of 1 to {REASON_CHARS_MAX} characters.")
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
            await connection.execute("LOCK TABLE book_closings IN SHARE ROW EXCLUSIVE MODE")
            closed = [one for one in await list_closings(connection) if one.reopened_at is None]
            found = next((one for one in closed if one.period_to == month.ends_at), None)
            if found is None:
                raise MonthNotClosedError(month.name)
            if closed[0] is not found:
                raise ClosingOrderError(
                    f"The books are closed until {closed[0].period_to:%Y-%m-%d %H:%M} UTC: the newest"
                    " month is opened first."
                )
            await connection.execute(_REOPEN, (at, by.name, reason, found.closing_id))
            await record_audit(
                connection,
                by,
                "books.reopened",
                subject=found.closing_id,
                details={"month": month.name, "zone": month.zone, "reason": reason},
            )
    except psycopg.errors.LockNotAvailable:
        raise BooksBusyError from None
    return await _get(connection, found.closing_id)


async def _get(connection: Connection, closing_id: str) -> Closing:
    return next(one for one in await list_closings(connection) if one.closing_id == closing_id)
