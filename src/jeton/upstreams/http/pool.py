"""The connections to one upstream: kept open between requests, and never more than a maximum.

Who finds none free waits for a turn, first come first served. No request is ever sent twice: what
may have been read once is answered or failed, never repeated.
"""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass

from jeton.errors import UpstreamError
from jeton.upstreams.errors import UpstreamUnreachableError
from jeton.upstreams.http.address import Address
from jeton.upstreams.http.connection import Connection
from jeton.upstreams.http.pace import Pace

# Shorter than servers keep idle connections (uvicorn 5 s, nginx 75 s), so that we close first.
KEEP_ALIVE_S = 4.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an upstream may take, and how many requests may be under way there at once.

    ``connect_s`` is for a turn (when that many are under way) and a connection together,
    ``total_s`` for everything up to the last byte; ``waiting_max`` may wait for a turn. An idle
    connection is closed after ``keep_alive_s``.
    """

    connect_s: float = 5
    total_s: float = 600
    requests_max: int = 1024
    waiting_max: int = 4096
    keep_alive_s: float = KEEP_ALIVE_S


class Pool:
    """The open connections of one upstream, and the turns for them."""

    __slots__ = (
        "_address",
        "_connections",
        "_idle",
        "_is_closed",
        "_limits",
        "_pace",
        "_slots_left",
        "_sweep",
        "_tls",
        "_turns",
        "name",
    )

    def __init__(self, name: str, address: Address, *, limits: Limits, tls: ssl.SSLContext | None) -> None:
        """Connects to nobody yet; ``tls`` is None for plain TCP."""
        self.name = name
        self._address = address
        self._limits = limits
        self._tls = tls
        self._pace: Pace | None = None
        self._slots_left = limits.requests_max
        self._connections: set[Connection] = set()
        # The longest idle is leftmost; the last one in is the first to be used.
        self._idle: deque[Connection] = deque()
        # A turn is a connection to use, or None: the right to open one.
        self._turns: deque[asyncio.Future[Connection | None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    def find_idle(self) -> Connection | None:
        """An open connection that the server has left open too, for the next statement to use."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable():
                return connection
            connection.fail(None)
        return None

    async def take(self) -> Connection:
        """A connection, after a turn if need be; raises UpstreamUnreachableError if there is none in time."""
        connect_s = self._limits.connect_s
        try:
            async with asyncio.timeout(connect_s):
                return await self._take()
        except TimeoutError as error:
            sentence = f"The upstream {self.name} did not take the request within {connect_s:g} s."
            raise UpstreamUnreachableError(sentence) from error
        except ssl.SSLError as error:
            sentence = f"The upstream {self.name} cannot be reached: no secure connection to it can be made."
            raise UpstreamUnreachableError(sentence) from error
        except OSError as error:
            raise UpstreamUnreachableError(f"The upstream {self.name} cannot be reached.") from error

    def put(self, connection: Connection) -> None:
        """Take back a connection that may be used again."""
        if self._turns and (turn := self._next_turn()):
            turn.set_result(connection)
            return
        self._idle.append(connection)
        if self._sweep is None:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(self._limits.keep_alive_s, self._close_oldest)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed; another may be opened in its place."""
        if connection in self._connections:
            self._connections.remove(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._free_slot()

    def close(self) -> None:
        """Close every connection; what is under way is broken off, and who waits is told."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        while turn := self._next_turn():
            turn.set_exception(self._closed())
        for connection in list(self._connections):
            connection.fail(UpstreamError(f"The upstream {self.name} was closed before it had answered."))

    async def _take(self) -> Connection:
        while not self._is_closed:
            if connection := self.find_idle():
                return connection
            if self._slots_left:
                self._slots_left -= 1
                return await self._open()
            taken = await self._wait_turn()
            if taken is None:
                return await self._open()
            if taken.is_usable():
                return taken
            if taken in self._connections:
                # Its place stays ours: who waits behind us must wait on.
                self._connections.remove(taken)
                taken.fail(None)
                return await self._open()
        raise self._closed()

    async def _wait_turn(self) -> Connection | None:
        if len(self._turns) >= self._limits.waiting_max:
            sentence = (
                f"The upstream {self.name} has {self._limits.requests_max} requests under way and "
                f"{self._limits.waiting_max} waiting."
            )
            raise UpstreamUnreachableError(sentence)
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            self._give_back(turn)
            raise

    def _give_back(self, turn: asyncio.Future[Connection | None]) -> None:
        """Whoever waited is gone: let the next one have what it was given."""
        if turn.cancelled():
            if turn in self._turns:
                self._turns.remove(turn)
        elif turn.exception() is None:
            taken = turn.result()
            if taken is None:
                self._free_slot()
            elif taken.is_usable():
                self.put(taken)
            else:
                taken.fail(None)

    async def _open(self) -> Connection:
        """Open a connection in a place that is ours already."""
        address = self._address
        loop = asyncio.get_running_loop()
        pace = self._pace = self._pace or Pace(loop)
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self, loop, total_s=self._limits.total_s, pace=pace),
                address.host,
                address.port,
                ssl=self._tls,
                server_hostname=address.host if self._tls else None,
            )
        except BaseException:
            self._free_slot()
            raise
        if self._is_closed:
            connection.fail(None)
            raise self._closed()
        if connection.is_closing():
            self._free_slot()
            sentence = f"The upstream {self.name} closed the connection before it answered."
            raise UpstreamUnreachableError(sentence)
        self._connections.add(connection)
        return connection

    def _next_turn(self) -> asyncio.Future[Connection | None] | None:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                return turn
        return None

    def _free_slot(self) -> None:
        turn = None if self._is_closed else self._next_turn()
        if turn is None:
            self._slots_left += 1
        else:
            turn.set_result(None)

    def _close_oldest(self) -> None:
        loop = asyncio.get_running_loop()
        keep_alive_s = self._limits.keep_alive_s
        while self._idle and self._idle[0].idle_since + keep_alive_s <= loop.time():
            self._idle.popleft().fail(None)
        self._sweep = None
        if self._idle:
            self._sweep = loop.call_at(self._idle[0].idle_since + keep_alive_s, self._close_oldest)

    def _closed(self) -> UpstreamUnreachableError:
        return UpstreamUnreachableError(f"The upstream {self.name} is closed: this server is stopping.")
