"""Uploads: a batch is received in pieces, its items checked and bounded, kept in chunks, and then held.

In memory there are one request, one chunk and the custom_ids, whatever the size of the batch. What an
upload keeps is nothing to anybody until its credit is held: then it is a batch, all of it.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import structlog

from jeton import clock
from jeton.batches.errors import (
    BatchQueueFullError,
    BatchTooLargeError,
    DuplicateItemError,
    InvalidBatchError,
    UploadsFullError,
)
from jeton.batches.items import BatchHead, StoredItem, encode_chunk, parse_element
from jeton.batches.ports import Judge
from jeton.batches.uploading.holding import hold_batch
from jeton.batches.uploading.splitting import Splitter
from jeton.batches.uploading.storing import (
    HOLD_GRACE,
    VALIDITY,
    count_waiting,
    forget_upload,
    insert_batch,
    insert_chunk,
    list_budgeted,
)
from jeton.charging.batching.members import Pool as CreditPool
from jeton.charging.batching.members import TakePools, make_pool_id
from jeton.charging.members import Member, Outcome
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.errors import JetonError
from jeton.ledger.budgets.scopes import EVERY

BODY_BYTES_MAX = 268_435_456
CHUNK_ITEMS_MAX = 256
CHUNK_BYTES_MAX = 2_097_152
UPLOADS_MAX = 8
# Above this a request is looked at in a thread, so that others are not kept waiting.
INLINE_BYTES_MAX = 65_536
# An amount that no books can hold is no amount.
HOLD_NANO_MAX = 10**18
# Where every end user has a budget, each has a pool of its own; a pool is a hold.
POOLS_MAX = 1_000

_log = structlog.get_logger(__name__)


class Uploads:
    """Receives batches; at most ``UPLOADS_MAX`` at a time."""

    def __init__(
        self,
        pool: Pool,
        commits: GroupCommit[Member, Outcome],
        judge: Judge,
        *,
        node_id: str,
        queue_max: int = 0,
    ) -> None:
        """``judge`` checks and bounds each request; of an organization ``queue_max`` wait (0: any number)."""
        self._pool = pool
        self._commits = commits
        self._judge = judge
        self._node_id = node_id
        self._queue_max = queue_max
        self._open = 0

    async def receive(self, head: BatchHead, body: AsyncIterator[bytes]) -> None:
        """Receive a batch, hold its credit and begin it; when this returns it is durable.

        Raises an InvalidInputError for a body that is no batch, InsufficientCreditError or
        BudgetExceededError for one that is not covered, OverloadedError when it has to wait.
        """
        if self._open >= UPLOADS_MAX:
            raise UploadsFullError(UPLOADS_MAX)
        self._open += 1
        created_at = clock.now()
        try:
            # Before it is sent in full; how many it has is not known yet.
            await self._require_room(head, 0)
            async with self._pool.connection() as connection:
                await insert_batch(connection, head, created_at)
                budgeted = await list_budgeted(connection, head.organization_id)
            try:
                upload = _Upload(self._pool, self._judge, head, at=created_at, budgeted=budgeted)
                await upload.receive(body)
                await self._require_room(head, upload.count)
                await self._hold(head, upload, created_at)
            except JetonError:
                async with self._pool.connection() as connection:
                    await forget_upload(connection, head.batch_id)
                raise
        finally:
            self._open -= 1

    async def _require_room(self, head: BatchHead, added: int) -> None:
        """Raise BatchQueueFullError where too many wait; two batches at once may both still find room."""
        if not self._queue_max:
            return
        async with self._pool.connection() as connection:
            waiting = await count_waiting(connection, head.organization_id)
        if waiting + max(1, added) > self._queue_max:
            raise BatchQueueFullError(waiting, self._queue_max, added=added)

    async def _hold(self, head: BatchHead, upload: "_Upload", created_at: datetime) -> None:
        member = TakePools(
            organization_id=head.organization_id,
            batch_id=head.batch_id,
            workspace_id=head.workspace_id,
            key_id=head.key_id,
            node_id=self._node_id,
            pools=upload.list_pools(),
            taken_at=created_at,
            valid_until=created_at + VALIDITY + HOLD_GRACE,
            tag=head.tag,
            parted_for=upload.budgeted,
        )
        held_nano = await hold_batch(self._pool, self._commits, member)
        _log.info("batch_created", batch_id=head.batch_id, items=upload.count, held_nano=held_nano)


# Model, price version, terms and end user: what items of one pool have in common.
_Kind = tuple[str, str, str | None, str]


class _Upload:
    """One batch while it is received."""

    def __init__(
        self, pool: Pool, judge: Judge, head: BatchHead, *, at: datetime, budgeted: frozenset[str]
    ) -> None:
        # The end users that have a pool of their own: one for each would be one for each request.
        self.budgeted = budgeted
        self._pool = pool
        self._judge = judge
        self._head = head
        self._at = at
        self._custom_ids: set[str] = set()
        self._items: list[StoredItem] = []
        self._bytes = 0
        self._chunks = 0
        self._first_item = 0
        self._numbers: dict[_Kind, int] = {}
        self._kinds: list[_Kind] = []
        self._amounts: list[int] = []

    @property
    def count(self) -> int:
        """How many requests there are."""
        return len(self._custom_ids)

    def list_pools(self) -> tuple[CreditPool, ...]:
        """What has to be held, a pool for each price version and end user with a budget."""
        if sum(self._amounts) > HOLD_NANO_MAX:
            raise InvalidBatchError("requests: together they could cost more than any account can hold")
        return tuple(
            CreditPool(make_pool_id(self._head.batch_id, number), *kind[:2], amount_nano, *kind[2:])
            for number, (kind, amount_nano) in enumerate(zip(self._kinds, self._amounts, strict=True))
        )

    async def receive(self, body: AsyncIterator[bytes]) -> None:
        """Keep every request of the body."""
        splitter = Splitter()
        size = 0
        async for piece in body:
            size += len(piece)
            if size > BODY_BYTES_MAX:
                raise BatchTooLargeError(f"The request body is larger than {BODY_BYTES_MAX} bytes.")
            for element in splitter.feed(piece):
                await self._add(element)
            # A piece that was there already was no wait: let others have their turn.
            await asyncio.sleep(0)
        splitter.finish()
        await self._store()

    async def _add(self, element: bytes) -> None:
        index = len(self._custom_ids)
        raw = parse_element(element, index)
        if raw.custom_id in self._custom_ids:
            raise DuplicateItemError(raw.custom_id, index)
        self._custom_ids.add(raw.custom_id)
        params = bytes(raw.params)
        if len(params) > INLINE_BYTES_MAX:
            item = await asyncio.to_thread(self._check, raw.custom_id, params)
        else:
            item = self._check(raw.custom_id, params)
        if self._items and self._bytes + len(params) > CHUNK_BYTES_MAX:
            await self._store()
        self._items.append(item)
        self._bytes += len(params)
        if len(self._items) >= CHUNK_ITEMS_MAX:
            await self._store()

    def _check(self, custom_id: str, params: bytes) -> StoredItem:
        """The request as it is kept; one that cannot run is kept with the reason, and costs nothing."""
        try:
            bounded = self._judge.bound(params, self._head, at=self._at)
        except JetonError as error:
            return StoredItem(custom_id, params, problem=self._judge.describe(error))
        version = bounded.version
        terms_id = bounded.terms.terms_id if bounded.terms else None
        is_parted = EVERY in self.budgeted or bounded.end_user in self.budgeted
        end_user = bounded.end_user if is_parted else ""
        kind = (version.model, version.price_version_id, terms_id, end_user)
        number = self._numbers.setdefault(kind, len(self._numbers))
        if number == len(self._amounts):
            if number >= POOLS_MAX and EVERY in self.budgeted:
                raise InvalidBatchError(
                    "requests: each end user has a budget, so the batch is held in parts, at most"
                    f" {POOLS_MAX:,}; send fewer end users in one batch"
                )
            self._kinds.append(kind)
            self._amounts.append(0)
        self._amounts[number] += bounded.amount_nano
        return StoredItem(custom_id, params, number, bounded.amount_nano)

    async def _store(self) -> None:
        if not self._items:
            return
        items, self._items, self._bytes = self._items, [], 0
        requests = await asyncio.to_thread(encode_chunk, items)
        async with self._pool.connection() as connection:
            await insert_chunk(
                connection,
                self._head.batch_id,
                self._chunks,
                first_item=self._first_item,
                items=len(items),
                requests=requests,
            )
        self._chunks += 1
        self._first_item += len(items)
