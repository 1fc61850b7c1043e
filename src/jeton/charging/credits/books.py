"""Books: one organization's book, locked, changed by hand and written, in the caller's transaction."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton import clock
from jeton.charging.deciding import Batch
from jeton.db.channel import Channel
from jeton.db.pool import Connection
from jeton.errors import NotFoundError
from jeton.ledger.book import Book
from jeton.ledger.budgets.budgets import Payer
from jeton.ledger.journal import lock_books, read_each_windows, read_lots


@dataclass(frozen=True, slots=True)
class Desk:
    """A locked book, the batch that books on it, and the instant of the booking."""

    book: Book
    batch: Batch
    at: datetime


@asynccontextmanager
async def open_desk(
    connection: Connection,
    organization_id: UUID,
    *,
    lot_ids: Collection[str] = (),
    request_ids: Sequence[str] = (),
    at: datetime | None = None,
) -> AsyncIterator[Desk]:
    """Lock the book, with its open lots and those named; write at the end what was booked.

    It books at ``at``, or now. With ``request_ids`` it knows the windows in which budgets counted these
    requests. In the caller's transaction, and the connection is the caller's to use meanwhile. Nothing is
    written after an error. Raises NotFoundError for an unknown organization.
    """
    channel = Channel(connection)
    try:
        books = await lock_books(channel, [organization_id], request_ids)
        lots = await read_lots(channel, lot_ids) if lot_ids else []
    finally:
        channel.close()
    book = books.get(organization_id)
    if book is None:
        raise NotFoundError(f"There is no organization {organization_id}.")
    book.add_lots(lots)
    at = at or clock.now()
    batch = Batch(books, {}, at)
    yield Desk(book, batch, at)
    await _write(connection, batch)


@asynccontextmanager
async def open_desks(
    connection: Connection, organization_ids: Sequence[UUID], *, at: datetime
) -> AsyncIterator[dict[UUID, Desk]]:
    """Lock the books of several organizations at once, as ``open_desk`` does; unknown ones have no desk."""
    channel = Channel(connection)
    try:
        books = await lock_books(channel, organization_ids, ())
    finally:
        channel.close()
    batch = Batch(books, {}, at)
    yield {organization_id: Desk(book, batch, at) for organization_id, book in books.items()}
    await _write(connection, batch)


async def know_end_user(connection: Connection, book: Book, payer: Payer) -> None:
    """Read what budgets of every end user counted of the payer's; its book must be locked."""
    if not book.budgets.each_count:
        return
    channel = Channel(connection)
    try:
        await read_each_windows(channel, [(book, [payer])])
    finally:
        channel.close()


async def _write(connection: Connection, batch: Batch) -> None:
    channel = Channel(connection)
    try:
        batch.write(channel)
        await channel.flush()
    finally:
        channel.close()
