"""Channel: statements on one connection in as few round trips as they need.

The driver's own way costs a registration of the socket and several switches of the loop for each
statement. A writer that owns its connection does better with libpq directly (psycopg's ``pq``): the
socket is watched once, and what is queued goes out together with what is waited for. So ``BEGIN``
travels with the first read of a transaction, and its last write with ``COMMIT``.

Parameters are texts in PostgreSQL's own notation, or None; placeholders are ``$1``, ``$2``...
"""

import asyncio
import os
from collections import deque

from psycopg import errors, pq

from jeton.db.pool import Connection

Row = tuple[bytes | None, ...]
Parameter = str | None

# PostgreSQL cancels a statement after less; whoever is silent for longer is not there any more.
ANSWER_TIMEOUT_S = 15.0

_FAILED = frozenset({pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE})


def render_array(items: list[str]) -> str:
    """A PostgreSQL array of ids, which are plain words without quotes, commas or braces."""
    return "{" + ",".join(items) + "}"


class Channel:
    """The exclusive use of a connection until ``close``; not for two tasks at once.

    Raises psycopg's errors. After one, the transaction must be rolled back before anything else.
    """

    def __init__(self, connection: Connection, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """``connection`` must be idle or inside a transaction of its own, and is left as it was."""
        self._answer_timeout_s = answer_timeout_s
        self.connection = connection
        self.round_trips = 0
        self._pg = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        self._unsent: list[tuple[bytes, list[bytes | None]]] = []
        self._results: deque[pq.abc.PGresult] = deque()
        self._round: asyncio.Future[None] | None = None
        self._is_writing = False
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        # Our own number of the socket. libpq closes its number when the connection is lost, and the next
        # request that comes in may get it: to stop watching that one would be to stop serving it.
        self._socket = os.dup(self._pg.socket)
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Let go of the connection; a transaction that is open stays open. A second time does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        os.close(self._socket)
        if self.is_usable:
            self._pg.exit_pipeline_mode()
            self._pg.nonblocking = 0

    @property
    def is_usable(self) -> bool:
        """Whether the connection stands and nobody waits on it."""
        return self._pg.status == pq.ConnStatus.OK and self._round is None

    def discard(self) -> None:
        """Forget what is queued."""
        self._unsent.clear()

    def queue(self, query: str, *parameters: Parameter) -> None:
        """Have a statement sent with the next one that is waited for; its rows are not wanted."""
        self._unsent.append((query.encode(), [p if p is None else p.encode() for p in parameters]))

    async def fetch(self, query: str, *parameters: Parameter) -> list[Row]:
        """Send what is queued and this, in one round trip; return the rows of this one.

        Should any of them fail, none after it was executed, and the first one's error is raised.
        """
        self.queue(query, *parameters)
        result = await self._exchange()
        columns = range(result.nfields)
        return [tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples)]

    async def flush(self) -> None:
        """Send what is queued and wait until it was executed."""
        if self._unsent:
            await self._exchange()

    async def _exchange(self) -> pq.abc.PGresult:
        self._results.clear()
        self.round_trips += 1
        for query, parameters in self._unsent:
            self._pg.send_query_params(query, parameters)
        self._unsent.clear()
        self._pg.pipeline_sync()
        self._round = self._loop.create_future()
        silence = self._loop.call_later(self._answer_timeout_s, self._give_up)
        self._write()
        try:
            await self._round
        except asyncio.CancelledError:
            # Whatever was sent is still under way, so this connection is of no use to anybody.
            self._pg.finish()
            raise
        finally:
            silence.cancel()
            self._round = None
        last = self._results[-1]
        for result in self._results:
            if result.status in _FAILED:
                raise errors.error_from_result(result)
        return last

    def _write(self) -> None:
        try:
            is_pending = self._pg.flush()
        except errors.OperationalError as error:
            self._fail(error)
            return
        if is_pending:
            self._loop.add_writer(self._socket, self._write)
        elif self._is_writing:
            self._loop.remove_writer(self._socket)
        self._is_writing = bool(is_pending)

    def _read(self) -> None:
        pg = self._pg
        try:
            pg.consume_input()
            while not pg.is_busy():
                result = pg.get_result()
                if result is None:
                    if self._round is None or pg.status != pq.ConnStatus.OK:
                        break
                    continue
                if result.status == pq.ExecStatus.PIPELINE_SYNC:
                    if self._round is not None and not self._round.done():
                        self._round.set_result(None)
                    return
                self._results.append(result)
        except errors.OperationalError as error:
            self._fail(error)
            return
        if pg.status != pq.ConnStatus.OK:
            self._fail(errors.OperationalError("the connection to PostgreSQL is lost"))

    def _give_up(self) -> None:
        self._fail(errors.OperationalError(f"PostgreSQL was silent for {self._answer_timeout_s:g} seconds"))
        self._pg.finish()

    def _fail(self, error: errors.OperationalError) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        if self._round is not None and not self._round.done():
            self._round.set_exception(error)
