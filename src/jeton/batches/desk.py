"""Desk: what people do with batches: ask what one could come to, confirm it, send again what failed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from jeton.batches.drafts import (
    find_batch_id,
    find_sender,
    forget_draft,
    get_draft,
    keep_draft,
    read_draft,
)
from jeton.batches.errors import (
    BatchTooLargeError,
    DraftBusyError,
    InvalidBatchError,
    QuoteChangedError,
    UnknownBatchError,
)
from jeton.batches.items import BatchHead, render_element
from jeton.batches.overview import get_organization_batch
from jeton.batches.quoting import BatchQuote, Element, Quoter, Quoting
from jeton.batches.retrying import forget_retry, note_retry, read_retry
from jeton.batches.uploading.splitting import Splitter
from jeton.batches.uploading.storing import forget_upload
from jeton.batches.uploading.uploads import BODY_BYTES_MAX, Uploads
from jeton.db.pool import Pool
from jeton.errors import JetonError
from jeton.identity.audit import Actor

# Of a file that is sent from a page.
QUOTED_ITEMS_MAX = 10_000
QUOTED_BYTES_MAX = 8_388_608
API_VERSION = "2023-06-01"


@dataclass(frozen=True, slots=True)
class BatchDesk:
    """Quotes, drafts and retries; ``wake`` says that there is a new batch."""

    pool: Pool
    uploads: Uploads
    quoter: Quoter
    wake: Callable[[], None]

    def quote(self, elements: Sequence[Element], head: BatchHead, *, at: datetime) -> BatchQuote:
        """What these requests could come to as a batch; nothing is kept.

        Raises InvalidBatchError and DuplicateItemError. Some tens of microseconds each: call it in a thread.
        """
        if not 0 < len(elements) <= QUOTED_ITEMS_MAX:
            raise InvalidBatchError(f"requests: a quote takes from 1 to {QUOTED_ITEMS_MAX:,} of them")
        quoting = Quoting(self.quoter, head, at=at)
        for element in elements:
            quoting.add(element.content, element.place)
        return quoting.finish()

    async def quote_body(self, head: BatchHead, body: AsyncIterator[bytes], *, at: datetime) -> BatchQuote:
        """The same for the body of a batch as it arrives; nothing of it is kept but the custom_ids.

        Raises what receiving it would raise for its form: an InvalidInputError.
        """
        quoting, splitter, size = Quoting(self.quoter, head, at=at), Splitter(), 0
        async for piece in body:
            size += len(piece)
            if size > BODY_BYTES_MAX:
                raise BatchTooLargeError(f"The request body is larger than {BODY_BYTES_MAX} bytes.")
            if elements := splitter.feed(piece):
                await asyncio.to_thread(_add_all, quoting, elements)
        splitter.finish()
        return quoting.finish()

    async def draft(self, elements: Sequence[Element], head: BatchHead, *, at: datetime) -> str:
        """Keep requests for the key of ``head`` until they are confirmed; the draft's id.

        Raises what ``quote`` raises, and SenderRefusedError.
        """
        async with self.pool.connection() as connection:
            sender = await find_sender(connection, head, at=at)
        await asyncio.to_thread(self.quote, elements, sender, at=at)
        async with self.pool.connection() as connection:
            return await keep_draft(connection, sender, [one.content for one in elements], at)

    async def quote_draft(
        self, organization_id: UUID, draft_id: str, *, at: datetime
    ) -> tuple[BatchHead, BatchQuote]:
        """The batch that a draft becomes, and what it could come to now; what ``get_draft`` raises."""
        async with self.pool.connection() as connection:
            head = await get_draft(connection, organization_id, draft_id, at=at)
        elements = list[Element]()
        async for items in read_draft(self.pool, draft_id):
            first = len(elements)
            elements += [
                Element(f"request {first + no}", render_element(item.custom_id, item.params))
                for no, item in enumerate(items, 1)
            ]
        return head, await asyncio.to_thread(self.quote, elements, head, at=at)

    async def send(self, organization_id: UUID, draft_id: str, *, quoted_nano: int, at: datetime) -> str:
        """Send a draft whose quote was confirmed; the batch's id. Sent a second time, it is the same batch.

        Raises what ``quote_draft`` and ``Uploads.receive`` raise, QuoteChangedError and DraftBusyError; then
        nothing was sent, and the draft is still there.
        """
        batch_id = find_batch_id(draft_id)
        async with self.pool.connection() as connection:
            try:
                return (await get_organization_batch(connection, organization_id, batch_id)).batch_id
            except UnknownBatchError:
                # It was not sent yet, which is what is expected.
                pass
        head, quote = await self.quote_draft(organization_id, draft_id, at=at)
        if not quote.models:
            raise InvalidBatchError("No request of it could run, so nothing was sent.")
        if quote.batch_nano != quoted_nano:
            raise QuoteChangedError(quoted_nano, quote.batch_nano)
        try:
            await self.uploads.receive(head, _read_body(self.pool, draft_id))
        except psycopg.errors.UniqueViolation:
            raise DraftBusyError(batch_id) from None
        async with self.pool.connection() as connection:
            await forget_upload(connection, draft_id)
        self.wake()
        return batch_id

    async def discard(self, organization_id: UUID, draft_id: str) -> None:
        """Forget a draft of an organization; UnknownBatchError."""
        async with self.pool.connection() as connection:
            await forget_draft(connection, organization_id, draft_id)

    async def retry(self, batch_id: str, *, by: Actor, at: datetime) -> str:
        """Send what failed of a batch again, as a new one under the same key, audited; its id.

        Raises what ``note_retry`` and ``Uploads.receive`` raise; then it was not retried.
        """
        async with self.pool.connection() as connection:
            head = await note_retry(connection, batch_id, by=by, at=at)
        try:
            body: AsyncIterator[bytes] = read_retry(self.pool, batch_id)
            await self.uploads.receive(head, body)
        except JetonError as error:
            async with self.pool.connection() as connection:
                await forget_retry(connection, batch_id, head, by=by, error=error)
            raise
        self.wake()
        return head.batch_id


async def _read_body(pool: Pool, draft_id: str) -> AsyncIterator[bytes]:
    """The body of the batch that a draft becomes, a chunk at a time."""
    separator = b'{"requests":['
    async for items in read_draft(pool, draft_id):
        for item in items:
            yield separator + render_element(item.custom_id, item.params)
            separator = b","
    yield b"]}"


def _add_all(quoting: Quoting, elements: Sequence[bytes]) -> None:
    for element in elements:
        quoting.add(element)
