"""Pace: of the streams that have something to be read, a few are read in each turn of the event loop.

A new request gets on by one step a turn, and there are about ten before its first byte. If every stream were
read in every turn, each step would wait until all of them are passed on; read in rotation, each carries as
many events at once as before, and a turn is short.
"""

import asyncio
from collections import deque
from typing import Protocol

STREAMS_A_TURN = 4


class Paced(Protocol):
    """A connection, as the pace knows it."""

    def go_on(self) -> None:
        """Read on, if it still waits for that."""
        ...


class Pace:
    """Lets so many streams be read in a turn; the rest wait, first come first served, a few turns each."""

    __slots__ = ("_is_due", "_loop", "_read", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing is read yet."""
        self._loop = loop
        self._waiting: deque[Paced] = deque()
        self._read = 0
        self._is_due = False

    def must_wait(self, stream: Paced) -> bool:
        """Count a stream that was read; if enough were in this turn, it is told when to go on."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._begin_turn)
        self._read += 1
        if self._read <= STREAMS_A_TURN:
            return False
        self._waiting.append(stream)
        return True

    def _begin_turn(self) -> None:
        waiting = self._waiting
        for _ in range(min(STREAMS_A_TURN, len(waiting))):
            waiting.popleft().go_on()
        self._read = 0
        self._is_due = bool(waiting)
        if waiting:
            self._loop.call_soon(self._begin_turn)
