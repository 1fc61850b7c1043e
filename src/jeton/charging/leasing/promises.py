"""Promises: holds that were promised out of a lease and whose rows are still on their way.

A promise that failed is remembered as failed. It was forgotten once: a request whose row was refused,
since the database went away, was then taken for one that had its hold, and answered for nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine

from jeton.charging.words import Hold
from jeton.errors import OverloadedError

# More than requests can be under way at a time, each of which asks for its own at most twice.
FAILED_MAX = 65_536


class Promises:
    """The promises of one node by request id."""

    def __init__(self) -> None:
        """Nothing is promised."""
        self._open: dict[str, asyncio.Task[Hold]] = {}
        self._failed: OrderedDict[str, BaseException] = OrderedDict()

    def add(self, request_id: str, taking: Coroutine[None, None, Hold]) -> None:
        """Have a hold taken meanwhile."""
        task = asyncio.create_task(taking)
        self._open[request_id] = task
        task.add_done_callback(lambda done: self._note(request_id, done))

    async def wait(self, request_id: str) -> None:
        """Return when the hold is durable, at once if it was never promised; raises what taking it raised."""
        task = self._open.get(request_id)
        if task is not None:
            await asyncio.shield(task)
        elif request_id in self._failed:
            raise self._failed[request_id]

    def _note(self, request_id: str, done: asyncio.Task[Hold]) -> None:
        del self._open[request_id]
        problem = OverloadedError("This server is stopping.") if done.cancelled() else done.exception()
        if problem is not None:
            self._failed[request_id] = problem
            if len(self._failed) > FAILED_MAX:
                self._failed.popitem(last=False)
