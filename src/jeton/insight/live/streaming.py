"""Streaming: the feed as server-sent events: what ended, what that comes to, a heartbeat, and why it is over.

The id of an event is that of the transaction that ended the request. Whoever comes again with the last one
gets what ended since, and a little of what came before: the id of the request tells what was there already.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from jeton import clock
from jeton.errors import InvalidInputError
from jeton.insight.live.feed import LAG, Feed, Listener
from jeton.insight.live.reading import PREFIX, EndedRequest, make_place
from jeton.insight.live.spending import Spending
from jeton.insight.requests import ChargeFilter, ListedCharge, render_charge

HEARTBEAT_S = 15.0
# A stream ends after so long, so that whoever may not listen any more does not; clients come again.
LIFE_MAX_S = 600.0
# How far back a stream begins again.
RESUME_MAX = timedelta(minutes=5)
RETRY_MS = 2_000
_TIME_DIGITS = 12
_ID_CHARS = len(PREFIX) + 32


class InvalidLastEventError(InvalidInputError):
    """A ``Last-Event-ID`` that is none of this stream's."""

    code = "invalid_last_event"

    def __init__(self) -> None:
        """Say what one looks like."""
        super().__init__("The Last-Event-ID is not the id of an event of this stream, such as txn_01934b2e….")


@dataclass(frozen=True, slots=True)
class StreamAsk:
    """Whose charges are followed, which of them, and after which event."""

    organization_id: UUID
    wanted: ChargeFilter = field(default_factory=ChargeFilter)
    last_id: str = ""
    heartbeat_s: float = HEARTBEAT_S
    life_max_s: float = LIFE_MAX_S

    def __post_init__(self) -> None:
        """Raise InvalidLastEventError for an id that cannot be one."""
        if self.last_id:
            parse_place(self.last_id)

    def admits(self, charge: ListedCharge) -> bool:
        """Whether a charge is asked for; filters by time mean the past, and do not apply."""
        pairs = (
            (self.wanted.model, charge.model),
            (self.wanted.state, charge.state),
            (self.wanted.key_id, charge.key_id),
            (self.wanted.workspace_id, charge.workspace_id),
            (self.wanted.service_tier, charge.service_tier),
            (self.wanted.end_user, charge.end_user),
            (self.wanted.tag, charge.tag),
        )
        has_tokens = self.wanted.token_class is None or getattr(charge, self.wanted.token_class)
        return bool(has_tokens) and all(wanted is None or wanted == shown for wanted, shown in pairs)


def parse_place(event_id: str) -> datetime:
    """When the transaction of an event was made; raises InvalidLastEventError."""
    digits = event_id.removeprefix(PREFIX)
    is_id = event_id.startswith(PREFIX) and len(event_id) == _ID_CHARS
    if not is_id or not set(digits) <= set("0123456789abcdef"):
        raise InvalidLastEventError
    try:
        return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(
            milliseconds=int(digits[:_TIME_DIGITS], 16)
        )
    except OverflowError:
        raise InvalidLastEventError from None


async def open_stream(feed: Feed, ask: StreamAsk) -> AsyncIterator[bytes]:
    """Events as bytes, until it is over; raises ListenersFullError at once."""
    events = stream(feed, ask)
    first = await anext(events)

    async def follow() -> AsyncIterator[bytes]:
        async with aclosing(events):
            yield first
            async for event in events:
                yield event

    return follow()


async def stream(feed: Feed, ask: StreamAsk) -> AsyncGenerator[bytes, None]:
    """The same as a generator; raises ListenersFullError before the first event."""
    loop = asyncio.get_running_loop()
    ends_at_s = loop.time() + ask.life_max_s
    spending = Spending()
    async with feed.listen(ask.organization_id) as listener:
        yield b"retry: %d\n\n" % RETRY_MS + _render("ready", {"as_of": clock.now().isoformat()})
        if ask.last_id:
            yield await _catch_up(feed, ask)
        while (left_s := ends_at_s - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(ask.heartbeat_s, left_s)):
                    found = await listener.wait()
            except TimeoutError:
                spent = spending.render(loop.time(), as_of=clock.now())
                yield _render_gap(listener) + _render("heartbeat", {"as_of": spent["as_of"], "spend": spent})
                continue
            if not found:
                yield _render("end", {"reason": "too_slow" if listener.is_too_slow else "stopping"})
                return
            admitted = [ended for ended in found if ask.admits(ended.charge)]
            for ended in admitted:
                spending.note(ended.charge, loop.time())
            spent = spending.render(loop.time(), as_of=clock.now())
            told = _render_all(ask, admitted)
            yield _render_gap(listener) + told + (_render("spend", spent) if admitted else b"")
        yield _render("end", {"reason": "too_old"})


async def _catch_up(feed: Feed, ask: StreamAsk) -> bytes:
    """What ended since the last event; a gap where that is too much to be told."""
    oldest_at = clock.now() - RESUME_MAX
    after_at = parse_place(ask.last_id) - LAG
    found = await feed.read_since(ask.organization_id, make_place(max(after_at, oldest_at)))
    is_partial = after_at < oldest_at or found.more_after is not None
    return (_render("gap", {}) if is_partial else b"") + _render_all(ask, found.ended)


def _render_all(ask: StreamAsk, found: list[EndedRequest] | tuple[EndedRequest, ...]) -> bytes:
    return b"".join(
        b"id: %s\n" % ended.transaction_id.encode() + _render("charge", render_charge(ended.charge))
        for ended in found
        if ask.admits(ended.charge)
    )


def _render_gap(listener: Listener) -> bytes:
    has_missed, listener.has_missed = listener.has_missed, False
    return _render("gap", {}) if has_missed else b""


def _render(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode({"type": name, **data}))
