"""Promises: holds that were promised out of a lease and whose rows are still on their way.

A promise that failed is remembered as failed. It was forgotten once: a request whose row was refused,
since the database went away, was then taken for one that had its hold, and answered for nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

from jeton.charging.members import Outcome
from jeton.charging.words import HoldAsk
from jeton.db.errors import OutcomeUnknownError

# More than requests can be under way at a time, each of which asks for its own at most twice.
FAILED_MAX = 65_536

Taking = asyncio.Future[Outcome]


class Promises:
    """The promises of one node by request id."""

    def __init__(self, give_up: Callable[[HoldAsk], Awaitable[None]]) -> None:
        """``give_up`` gives a hold back of which nobody knows whether it was taken."""
        self._give_up = give_up
        self._open: dict[str, Taking] = {}
        self._failed: OrderedDict[str, BaseException] = OrderedDict()
        self._giving_up: dict[str, asyncio.Future[None]] = {}

    def add(self, ask: HoldAsk, taking: Taking) -> None:
        """Note a hold that is being taken meanwhile."""
        self._open[ask.request_id] = taking
        taking.add_done_callback(partial(self._note, ask))

    async def wait(self, request_id: str) -> None:
        """Return when the hold is durable, at once if it was never promised; raises what taking it raised.

        Whoever is told that nothing was charged is told so after the giving up was written down.
        """
        taking = self._open.get(request_id)
        if taking is not None:
            await asyncio.wait([taking])
        problem = self._failed.get(request_id)
        if problem is None:
            return
        giving_up = self._giving_up.get(request_id)
        if giving_up is not None:
            await asyncio.wait([giving_up])
        raise problem

    def has_failed(self, request_id: str) -> bool:
        """Whether taking the hold is known to have failed; an open promise is not waited for."""
        return request_id in self._failed

    def _note(self, ask: HoldAsk, taking: Taking) -> None:
        del self._open[ask.request_id]
        problem = taking.exception()
        if problem is None:
            return
        self._failed[ask.request_id] = problem
        if len(self._failed) > FAILED_MAX:
            self._failed.popitem(last=False)
        if isinstance(problem, OutcomeUnknownError):
            # If it was taken, it is given back: the request fails.
            giving_up = asyncio.ensure_future(self._give_up(ask))
            self._giving_up[ask.request_id] = giving_up
            giving_up.add_done_callback(lambda _: self._giving_up.pop(ask.request_id))
