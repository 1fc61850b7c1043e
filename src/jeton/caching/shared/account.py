"""Account: the shared prompt-cache account, as one node uses it.

``look`` when a request starts, ``begin`` when its answer does and before a byte of it leaves: so what one
node has answered the others know. The questions of many requests travel in one transaction. Without the
database nothing is read and nothing written, and the whole prompt is uncached input.
"""

import asyncio
import hashlib
from collections.abc import Collection, Sequence

import msgspec
import psycopg
import structlog

from jeton import clock
from jeton.caching.chain import Chain, Trace, make_chain
from jeton.caching.deciding import find_hit, list_candidates
from jeton.caching.models import default_effort
from jeton.caching.plan import Plan
from jeton.caching.shared.entries import ENTRIES_MAX, Entries
from jeton.caching.shared.storage import (
    TRACE_TTL_S,
    Row,
    TraceRow,
    queue_entries,
    queue_traces,
    read_entries,
    read_traces,
    sweep,
)
from jeton.caching.words import Breakpoint, Entry, Scope
from jeton.db.channel import Channel
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.errors import JetonError, OverloadedError

US_PER_S = 1_000_000
MEMBERS_MAX = 256
SWEEP_INTERVAL_S = 30
# A longer prompt is hashed in a thread, so that other requests are not kept waiting.
INLINE_BODY_BYTES_MAX = 131_072

_log = structlog.get_logger(__name__)


class _Find(msgspec.Struct, frozen=True):
    names: Sequence[bytes]
    trace_name: bytes | None


class _Keep(msgspec.Struct, frozen=True):
    rows: Sequence[Row]
    trace: TraceRow | None


_Found = tuple[dict[bytes, Entry], Trace | None]


class Look(msgspec.Struct, frozen=True):
    """What was found for a request; ``hit`` is a position. ``is_away``: nobody could be asked."""

    plan: Plan
    chain: Chain
    started_us: int
    hit: int | None
    entry: Entry | None
    earlier: Trace | None
    is_away: bool = False


class Account:
    """One node's way to the account: its memory, and one writer to the database."""

    def __init__(self, *, entries_max: int = ENTRIES_MAX) -> None:
        """Remember ``entries_max`` entries at the most; nothing is kept before it is opened."""
        self._entries = Entries(entries_max)
        self._commits: GroupCommit[_Find | _Keep, _Found] | None = None

    def open(self, pool: Pool) -> None:
        """Keep the account in the database of ``pool``."""
        self._commits = GroupCommit(pool, _execute, members_max=MEMBERS_MAX)

    async def look(self, plan: Plan, started_us: int) -> Look:
        """Find what a request that started then (microseconds of the epoch) reads."""
        candidates = list_candidates(plan.breakpoints)
        wanted = range(len(plan.layout.blocks)) if plan.layout.wants_diagnosis else frozenset(candidates)
        if plan.body_bytes > INLINE_BODY_BYTES_MAX:
            chain = await asyncio.to_thread(_make_chain, plan, wanted)
        else:
            chain = _make_chain(plan, wanted)
        previous_id = plan.layout.previous_message_id
        try:
            live, earlier = await self._find(
                [chain.names[position] for position in candidates],
                None if previous_id is None else trace_name(plan.scope, previous_id),
                at_s=started_us // US_PER_S,
            )
        except (JetonError, psycopg.Error) as problem:
            _log.warning("prompt_cache_away", problem=str(problem))
            return Look(plan, chain, started_us, None, None, None, is_away=True)
        hit = find_hit(candidates, chain.names, live)
        return Look(plan, chain, started_us, hit, None if hit is None else live[chain.names[hit]], earlier)

    async def begin(
        self,
        look: Look,
        cacheable: Sequence[Breakpoint],
        *,
        message_id: str,
        cached_tokens: int,
        request_id: str = "",
    ) -> bool:
        """Write what a request caches and refresh what it read; False if nothing could be written.

        To be called when its answer begins, and waited for before any byte of that leaves.
        """
        rows = self._list_rows(look, cacheable)
        trace = None
        if look.plan.layout.wants_diagnosis and message_id:
            scope = look.plan.scope
            trace = TraceRow(
                trace_name(scope, message_id),
                scope.organization_id,
                look.started_us // US_PER_S + TRACE_TTL_S,
                look.chain.trace(scope, cached_tokens=cached_tokens, request_id=request_id),
            )
        if not rows and trace is None:
            return True
        try:
            await self._submit(_Keep(rows, trace))
        except (JetonError, psycopg.Error) as problem:
            _log.warning("prompt_cache_away", problem=str(problem))
            return False
        for row in rows:
            self._remember(row)
        return True

    async def close(self) -> None:
        """Write what waits and let go of the connection."""
        if self._commits is not None:
            await self._commits.close()

    async def _find(self, names: Sequence[bytes], trace: bytes | None, *, at_s: int) -> _Found:
        """The highest live entry among ``names`` (highest first), perhaps with lower ones."""
        unknown: list[bytes] = []
        live: dict[bytes, Entry] = {}
        for name in names:
            entry = self._entries.find(name, at_s)
            if entry is not None:
                live[name] = entry
                break
            unknown.append(name)
        if not unknown and trace is None:
            return live, None
        found, earlier = await self._submit(_Find(unknown, trace))
        for name, entry in found.items():
            if entry.expires_s > at_s:
                live[name] = entry
                self._entries.put(name, entry)
        return live, earlier

    async def _submit(self, member: _Find | _Keep) -> _Found:
        if self._commits is None:
            raise OverloadedError("The prompt-cache account is not open yet.")
        return await self._commits.submit(member)

    def _list_rows(self, look: Look, cacheable: Sequence[Breakpoint]) -> list[Row]:
        started_s = -(-look.started_us // US_PER_S)
        organization_id = look.plan.scope.organization_id
        names = look.chain.names
        asked: list[tuple[int, int, bool]] = []
        if look.hit is not None and look.entry is not None:
            asked.append((look.hit, look.entry.ttl_s, False))
        asked += [
            (mark.position, mark.ttl_s, look.hit is None or mark.position > look.hit)
            for mark in cacheable
            if mark.position != look.hit
        ]
        rows = [
            Row(names[position], organization_id, Entry(ttl_s, started_s + ttl_s), is_paid)
            for position, ttl_s, is_paid in asked
        ]
        return [row for row in rows if row.is_paid or not self._is_fresh(row)]

    def _remember(self, row: Row) -> None:
        """What was written, or less: never a longer life than the database knows of."""
        known = self._entries.find(row.name, 0)
        if row.is_paid:
            self._entries.put(row.name, row.entry)
        elif known is not None:
            expires_s = row.entry.expires_s - row.entry.ttl_s + known.ttl_s
            self._entries.put(row.name, Entry(known.ttl_s, max(known.expires_s, expires_s)))

    def _is_fresh(self, row: Row) -> bool:
        """Whether an entry lives as long already: it was read a moment ago, in the same second."""
        known = self._entries.find(row.name, 0)
        return known is not None and known.expires_s >= row.entry.expires_s - row.entry.ttl_s + known.ttl_s


async def run_sweeper(pool: Pool) -> None:
    """Sweep for ever; a database that is away is tried again."""
    while True:
        try:
            await sweep(pool, clock.read_us() // US_PER_S)
        except (OSError, psycopg.OperationalError) as problem:
            _log.warning("prompt_cache_sweep_failed", problem=str(problem))
        await asyncio.sleep(SWEEP_INTERVAL_S)


def trace_name(scope: Scope, message_id: str) -> bytes:
    """The name under which a message's trace is kept: known to its own workspace only."""
    named = f"{scope.organization_id} {scope.workspace_id} {message_id}"
    return hashlib.sha256(named.encode()).digest()[:16]


def _make_chain(plan: Plan, wanted: Collection[int]) -> Chain:
    return make_chain(plan.layout, plan.scope, wanted, default_effort=default_effort())


async def _execute(channel: Channel, members: Sequence[_Find | _Keep]) -> list[_Found | JetonError]:
    finds = [member for member in members if isinstance(member, _Find)]
    keeps = [member for member in members if isinstance(member, _Keep)]
    names = {name for find in finds for name in find.names}
    entries = await read_entries(channel, names) if names else {}
    trace_names = {find.trace_name for find in finds if find.trace_name is not None}
    traces = await read_traces(channel, trace_names) if trace_names else {}
    queue_entries(channel, [row for keep in keeps for row in keep.rows])
    queue_traces(channel, [keep.trace for keep in keeps if keep.trace is not None])
    return [
        (
            {name: entries[name] for name in member.names if name in entries},
            traces.get(member.trace_name) if member.trace_name else None,
        )
        if isinstance(member, _Find)
        else ({}, None)
        for member in members
    ]
