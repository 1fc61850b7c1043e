"""Group commit: the writes of many waiting requests in one transaction.

A commit costs the same for one member as for a hundred: one flush to disk. So one writer commits
what is waiting, and whoever comes meanwhile gathers for the next commit. An idle writer commits
at once; a busy one waits a little for company, by at most ``delay_max_s``.

While the database is away, members are refused at once and the writer asks for it again and again. The
same while it is silent: whoever waits is told after ``PATIENCE_S``, though the commit under way is given
more time, since dropping it would cost a database that is only slow what it has done.

A member fails alone. A result that is a JetonError is raised to its own submitter. When the
database refuses a batch, nothing of it is kept and its members are repeated one by one, each in a
transaction of its own. When the connection is lost, nobody knows whether the commit happened; the
batch is repeated once on a new connection, through the same ``execute``. **Therefore ``execute``
must be idempotent by each member's own id**: executed again, it finds what it wrote and returns it.
A batch that was decided on what is out of date (SQLSTATE 40001) is repeated once, too.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

import psycopg

from jeton.db.channel import Channel
from jeton.db.errors import OutcomeUnknownError
from jeton.db.pool import Pool, connect_like
from jeton.errors import JetonError, OverloadedError

# The larger a batch, the less each member costs the database and the fewer flushes it waits for. Beyond this
# the server and the database take turns in waiting for each other.
MEMBERS_MAX = 128
DELAY_MAX_S = 0.0
# How long a member that nobody waits for yet waits for company before it starts a commit of its own.
COMPANY_WAIT_S = 0.002
WAITING_MAX = 4096

# With this many members in recent commits the whole delay is worth waiting.
_FULL_COMPANY = 16
# Below this many the next member is not worth waiting for.
_COMPANY_MIN = 2
# How much of the average the latest commit is.
_LATEST_SHARE = 0.25
_TRIES_MAX = 2
# How long a commit may take before those who wait for it, and who come, are told that the database is away.
PATIENCE_S = 4.5
# While requests wait, so not for long; afterwards they are refused without waiting.
_CONNECT_TIMEOUT_S = 3
_PROBE_INTERVAL_S = 0.25

_AWAY = "The database is away and nothing was written: send the request again in a moment."
_BUSY = "Others change the same books at this moment and nothing was written: send the request again."
_UNKNOWN = "The database went away, and whether this was written is unknown: look before you send it again."

Member = TypeVar("Member")
Result = TypeVar("Result")
Execute = Callable[[Channel, Sequence[Member]], Awaitable[Sequence[Result | JetonError]]]


class GroupCommit(Generic[Member, Result]):
    """One writer with one connection; ``execute`` runs inside its transaction.

    ``execute(channel, members)`` returns one result (or JetonError) for each member, in order. What
    it queues last travels with the commit.
    The writer starts with the first ``submit``; ``close`` ends it after everything that waits.
    """

    def __init__(
        self,
        pool: Pool,
        execute: Execute[Member, Result],
        *,
        members_max: int = MEMBERS_MAX,
        delay_max_s: float = DELAY_MAX_S,
        waiting_max: int = WAITING_MAX,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """``members_max`` a transaction; ``waiting_max`` in the queue before new ones are refused.

        ``on_commit`` is called after each commit, before the next ``execute``.
        """
        self._pool = pool
        self._execute = execute
        self._members_max = members_max
        self._delay_max_s = delay_max_s
        self._waiting_max = waiting_max
        self._on_commit = on_commit
        self._waiting: deque[tuple[Member, asyncio.Future[Result]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Future[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._writer: asyncio.Task[None] | None = None
        self._channel: Channel | None = None
        self._company = 1.0
        self._is_closing = False
        self._is_away = False
        self._is_silent = False
        self._is_back = asyncio.Event()

    @property
    def is_away(self) -> bool:
        """Whether the database was not to be had when it was last asked for, or does not answer."""
        return self._is_away or self._is_silent

    async def wait_until_back(self) -> None:
        """Return when the database can be had, at once if it was not away."""
        if self.is_away:
            await self._is_back.wait()

    async def submit(self, member: Member) -> Result:
        """Commit ``member`` with whoever else waits; its result is durable when this returns.

        Raises the member's own error, or OverloadedError when the queue is full or the database
        is away. Cancelling the caller does not withdraw the member.
        """
        return await self.enqueue(member)

    def enqueue(self, member: Member, *, is_patient: bool = False) -> "asyncio.Future[Result]":
        """``submit`` for whoever does not wait yet; members are committed in the order in which they come.

        ``is_patient``: an idle writer waits COMPANY_WAIT_S for the next member before it commits this one.
        Raises OverloadedError when the queue is full or the database is away.
        """
        if self._is_closing:
            raise OverloadedError("This server is stopping: send the request again in a moment.")
        if self._is_away or self._is_silent:
            raise OverloadedError(_AWAY)
        if len(self._waiting) >= self._waiting_max:
            raise OverloadedError(
                f"{self._waiting_max} writes wait for the database already: "
                "send the request again in a moment."
            )
        if self._loop is None:
            # Kept, because asking for it is a system call each time.
            self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append((member, future))
        if self._writer is None or self._writer.done():
            self._writer = self._loop.create_task(self._write())
        elif is_patient:
            if self._patience is None:
                self._patience = self._loop.call_later(COMPANY_WAIT_S, self.hurry)
        else:
            self.hurry()
        return future

    async def close(self) -> None:
        """Commit what waits, refuse what comes, and close the connection; safe to repeat."""
        self._is_closing = True
        self.hurry()
        if self._writer is not None:
            await asyncio.wait([self._writer])

    def hurry(self) -> None:
        """Have what waits committed without waiting for company."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _write(self) -> None:
        try:
            while self._waiting or not self._is_closing:
                if self._is_away:
                    await self._find_database()
                    continue
                if not self._waiting:
                    self._wake = asyncio.get_running_loop().create_future()
                    await self._wake
                    continue
                if self._company >= _COMPANY_MIN and len(self._waiting) < self._members_max:
                    share = min(1.0, self._company / _FULL_COMPANY)
                    await asyncio.sleep(self._delay_max_s * share)
                size = min(len(self._waiting), self._members_max)
                batch = [self._waiting.popleft() for _ in range(size)]
                self._company += (size - self._company) * _LATEST_SHARE
                await self._commit(batch)
        finally:
            # Reached early only by a defect in ``execute`` or by cancellation: then nobody may
            # be left waiting for a writer that is gone.
            _fail_all(self._waiting, OverloadedError(_AWAY))
            self._waiting.clear()
            await self._close_channel()

    async def _commit(self, batch: list[tuple[Member, asyncio.Future[Result]]]) -> None:
        watchdog = asyncio.get_running_loop().call_later(PATIENCE_S, self._fall_silent, batch)
        try:
            await self._commit_together(batch)
        finally:
            watchdog.cancel()
            _fail_all(batch, OutcomeUnknownError(_UNKNOWN))
            if self._is_silent:
                self._is_silent = False
                if not self._is_away:
                    self._is_back.set()

    def _fall_silent(self, batch: list[tuple[Member, asyncio.Future[Result]]]) -> None:
        """The database does not answer: nobody waits for it any longer, but the commit that is under way."""
        self._is_silent = True
        self._is_back.clear()
        _fail_all(batch, OutcomeUnknownError(_UNKNOWN))
        _fail_all(self._waiting, OverloadedError(_AWAY))
        self._waiting.clear()

    async def _commit_together(self, batch: list[tuple[Member, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._transact([member for member, _ in batch])
        except psycopg.Error as error:
            if len(batch) == 1:
                _fail(batch[0][1], error)
            else:
                await self._commit_singly(batch)
        except OverloadedError as error:
            _fail_all(batch, error)
            if self._channel is None:
                self._is_away = True
                self._is_back.clear()
                _fail_all(self._waiting, OverloadedError(_AWAY))
                self._waiting.clear()
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if isinstance(result, JetonError):
                    _fail(future, result)
                elif not future.done():
                    future.set_result(result)

    async def _commit_singly(self, batch: list[tuple[Member, asyncio.Future[Result]]]) -> None:
        for position, single in enumerate(batch):
            await self._commit_together([single])
            if self._channel is None:
                # Away in the middle: each of the rest would wait in vain in its turn.
                _fail_all(batch[position + 1 :], OverloadedError(_AWAY))
                return

    async def _transact(self, members: list[Member]) -> Sequence[Result | JetonError]:
        """One transaction, tried once more on a new connection if the first is lost meanwhile."""
        problem = OverloadedError(_AWAY)
        for _ in range(_TRIES_MAX):
            try:
                channel = await self._open_channel()
            except psycopg.OperationalError:
                break
            try:
                return await self._transact_on(channel, members)
            except psycopg.errors.SerializationFailure:
                problem = OverloadedError(_BUSY)
            except psycopg.Error:
                if channel.is_usable:
                    raise
                await self._close_channel()
                problem = OutcomeUnknownError(_UNKNOWN)
        raise problem

    async def _transact_on(self, channel: Channel, members: list[Member]) -> Sequence[Result | JetonError]:
        channel.queue("BEGIN")
        try:
            results = await self._execute(channel, members)
            await channel.fetch("COMMIT")
        except BaseException:
            channel.discard()
            if channel.is_usable:
                await channel.fetch("ROLLBACK")
            raise
        self._on_commit()
        return results

    async def _open_channel(self) -> Channel:
        if self._channel is None:
            self._channel = Channel(await connect_like(self._pool, timeout_s=_CONNECT_TIMEOUT_S))
        return self._channel

    async def _find_database(self) -> None:
        try:
            await self._open_channel()
        except psycopg.OperationalError:
            await asyncio.sleep(_PROBE_INTERVAL_S)
        else:
            self._is_away = False
            self._is_back.set()

    async def _close_channel(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()
            with contextlib.suppress(psycopg.Error):
                await channel.connection.close()


def _fail_all(batch: Iterable[tuple[Member, asyncio.Future[Result]]], error: Exception) -> None:
    for _, future in batch:
        _fail(future, error)


def _fail(future: asyncio.Future[Result], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
