"""Deps: what the gateway is given: the ports it works with, and the exchanges in flight.

The relay knows a client only as a ``Wire``, so that the server under it can be changed.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from jeton.charging.agreeing.book import TermsBook
from jeton.charging.words import Charge, Hold, HoldAsk, Metered, Rule
from jeton.errors import OverloadedError
from jeton.gateway.catalog import Catalog
from jeton.gateway.envelope import Headers, InsufficientCreditStatus
from jeton.gateway.labelling.reading import KEPT, Labelling
from jeton.identity.caller import Caller
from jeton.identity.restricting.proxies import NO_PROXIES, Proxies
from jeton.limits.limiter import Limiter
from jeton.tokens.counter.counting import Counter, load_counter
from jeton.watch.words import Ended, Refused

EXCHANGES_MAX = 4096
# Where the crash test kills the server. Chosen as if for ever: a test names each of them.
CHECKPOINTS = (
    "request_parsed",
    "before_hold",
    "after_hold",
    "upstream_called",
    "first_byte_sent",
    "before_settle",
    "after_settle",
    "last_byte_sent",
)


class Wire(Protocol):
    """The way back to one client. A client that left takes bytes silently."""

    @property
    def has_started(self) -> bool:
        """Whether a status went out."""
        ...

    @property
    def has_left(self) -> bool:
        """Whether the client is known to be gone."""
        ...

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """Have ``callback`` called when the client leaves; None takes that back."""
        ...

    def leave(self) -> None:
        """Note that the client is gone, or is to be treated so."""
        ...

    async def start(self, status: int, headers: Headers) -> None:
        """Begin the answer."""
        ...

    async def send(self, data: bytes) -> None:
        """Send a part of the body; waits while the client is slow."""
        ...

    async def finish(self, data: bytes) -> None:
        """Send the last part and end the answer."""
        ...


class Authenticator(Protocol):
    """From a key to its caller."""

    async def authenticate(self, secret: str) -> Caller:
        """The caller of a key; raises a NotAuthenticatedError."""
        ...

    def note_model(self, caller: Caller, model: str, *, address: str) -> None:
        """Take note of what a caller asks for, and from where; waits for nothing."""
        ...


class Charger(Protocol):
    """Takes and ends holds; durable when a call returns."""

    async def hold(self, ask: HoldAsk) -> Hold:
        """Set credit aside; InsufficientCreditError or OverloadedError."""
        ...

    def expedite(self) -> None:
        """Have the holds that are promised written now."""
        ...

    async def confirm(self, hold: Hold) -> None:
        """Return when the hold is durable, which is before any byte of an answer leaves."""
        ...

    async def settle(self, hold: Hold, metered: Metered) -> Charge:
        """Charge what was used and give the rest back."""
        ...

    async def release(self, hold: Hold, rule: Rule) -> Charge:
        """Give the whole hold back."""
        ...


class Watcher(Protocol):
    """Takes note of what happened; waits for nothing and never fails."""

    def note(self, ended: Ended) -> None:
        """Note an exchange whose hold has ended."""
        ...

    def note_error(self, code: str) -> None:
        """Note an error that is answered."""
        ...

    def note_first_byte(self, model: str, taken_at: datetime) -> None:
        """Note that the first byte of a stream leaves, whose hold was taken at ``taken_at``."""
        ...

    def note_refusal(self, refused: Refused) -> None:
        """Note a request that is sent back before anything is held."""
        ...


class Unwatched:
    """Nobody watches."""

    def note(self, ended: Ended) -> None:
        """Let it pass."""

    def note_error(self, code: str) -> None:
        """Let it pass."""

    def note_first_byte(self, model: str, taken_at: datetime) -> None:
        """Let it pass."""

    def note_refusal(self, refused: Refused) -> None:
        """Let it pass."""


class Exchanges:
    """The exchanges in flight. They belong to the server, so a client's leaving ends none of them."""

    def __init__(self, exchanges_max: int = EXCHANGES_MAX) -> None:
        """At most ``exchanges_max`` at once; more are refused."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._exchanges_max = exchanges_max

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, exchange: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run an exchange to its end, whatever becomes of whoever waits; OverloadedError when full."""
        if len(self._tasks) >= self._exchanges_max:
            exchange.close()
            raise OverloadedError(f"{self._exchanges_max} requests are in flight here. Try again.")
        task = asyncio.get_running_loop().create_task(exchange)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run(self, exchange: Coroutine[None, None, None]) -> None:
        """Run an exchange in the caller's own task, which must be the server's; as ``start`` else."""
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= self._exchanges_max:
            exchange.close()
            raise OverloadedError(f"{self._exchanges_max} requests are in flight here. Try again.")
        self._tasks.add(task)
        try:
            await exchange
        finally:
            self._tasks.discard(task)

    async def drain(self, timeout_s: float) -> int:
        """Wait for all of them, at most ``timeout_s`` seconds; then cancel the rest, return how many.

        The holds of cancelled ones stay open: the sweeper ends them after their validity.
        """
        if not self._tasks:
            return 0
        _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return len(late)


class Stops:
    """Which clients' requests are in flight, by their key, so that one key's can be ended at once."""

    def __init__(self) -> None:
        """Nothing is in flight."""
        self._wires: dict[str, set[Wire]] = {}

    def enter(self, key_id: str, wire: Wire) -> None:
        """A request of the key begins."""
        self._wires.setdefault(key_id, set()).add(wire)

    def leave(self, key_id: str, wire: Wire) -> None:
        """It is over."""
        wires = self._wires[key_id]
        wires.discard(wire)
        if not wires:
            del self._wires[key_id]

    def stop(self, key_id: str) -> int:
        """Treat every client of the key as one that has left; return how many there were."""
        wires = list(self._wires.get(key_id, ()))
        for wire in wires:
            wire.leave()
        return len(wires)


def pass_by(label: str) -> None:
    """Do nothing at a checkpoint: outside the crash test nobody waits there."""
    del label


@dataclass(frozen=True, slots=True)
class GatewayDeps:
    """What the gateway works with.

    ``credit_status`` is the HTTP status of "not enough credit": 400 as clients of the Messages
    API know it, or 402 with ``billing_error``.
    """

    authenticator: Authenticator
    charging: Charger
    catalog: Catalog
    credit_status: InsufficientCreditStatus = 400
    checkpoint: Callable[[str], None] = pass_by
    exchanges: Exchanges = field(default_factory=Exchanges)
    counter: Counter = field(default_factory=lambda: load_counter(find_estimator=lambda _: None))
    watch: Watcher = field(default_factory=Unwatched)
    limiter: Limiter = field(default_factory=Limiter)
    terms: TermsBook = field(default_factory=TermsBook)
    stops: Stops = field(default_factory=Stops)
    labelling: Labelling = KEPT
    proxies: Proxies = NO_PROXIES
