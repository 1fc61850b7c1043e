"""Gates: how many items of batches one process asks an upstream for at a time, and who goes first.

A batch has 24 hours, a request has somebody waiting: items step back while requests are in flight here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

# While requests are in flight an item lets them go first, this often and this long.
COURTESIES_MAX = 10
COURTESY_S = 0.02


class Gates:
    """The gate of each upstream, by its name."""

    def __init__(self, concurrency: int, *, count_in_flight: Callable[[], int] = lambda: 0) -> None:
        """At most ``concurrency`` items at a time for each; ``count_in_flight`` counts waiting requests."""
        self.concurrency = concurrency
        self._count_in_flight = count_in_flight
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._closed_until: dict[str, float] = {}

    @asynccontextmanager
    async def enter(self, upstream: str) -> AsyncIterator[None]:
        """Wait for a place at an upstream, and keep it meanwhile."""
        gate = self._gates.get(upstream)
        if gate is None:
            gate = self._gates[upstream] = asyncio.Semaphore(self.concurrency)
        async with gate:
            await self._wait(upstream)
            yield

    def close(self, upstream: str, seconds: float) -> None:
        """Let nobody pass for a while: the upstream has too much to do."""
        until = asyncio.get_running_loop().time() + seconds
        self._closed_until[upstream] = max(until, self._closed_until.get(upstream, 0))

    async def _wait(self, upstream: str) -> None:
        closed_s = self._closed_until.get(upstream, 0) - asyncio.get_running_loop().time()
        if closed_s > 0:
            await asyncio.sleep(closed_s)
        for _ in range(COURTESIES_MAX):
            if not self._count_in_flight():
                break
            await asyncio.sleep(COURTESY_S)
        else:
            return
        # An upstream in this process answers without ever waiting.
        await asyncio.sleep(0)
