"""Storage: the statements of the shared account. Every time is in seconds of the epoch."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from jeton.caching.chain import Trace
from jeton.caching.words import Entry
from jeton.db.channel import Channel
from jeton.db.pool import Pool

ORGANIZATION_ENTRIES_MAX = 1_000_000
ORGANIZATION_TRACES_MAX = 100_000
TRACE_TTL_S = 3600
_SWEEP_LOCK = 0x6A65_7463  # "jetc"

_READ = "SELECT entry_name, ttl_s, expires_s FROM prompt_cache_entries WHERE entry_name = ANY($1)"
# What was paid for lives as long as was paid for; what is only refreshed, as long as it did. An entry
# whose time is over is a new one. What is read and written at one moment on two nodes ends the same.
_WRITE = """
    INSERT INTO prompt_cache_entries AS kept (entry_name, organization_id, ttl_s, expires_s)
    SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::integer[], $4::bigint[])
    ON CONFLICT (entry_name) DO UPDATE SET
        ttl_s = CASE WHEN kept.expires_s <= excluded.expires_s - excluded.ttl_s THEN excluded.ttl_s
                     ELSE {live_ttl} END,
        expires_s = CASE WHEN kept.expires_s <= excluded.expires_s - excluded.ttl_s THEN excluded.expires_s
                         ELSE greatest(kept.expires_s, excluded.expires_s - excluded.ttl_s + {live_ttl}) END
"""
_WRITE_PAID = _WRITE.format(live_ttl="greatest(kept.ttl_s, excluded.ttl_s)")
_REFRESH = _WRITE.format(live_ttl="kept.ttl_s")
_READ_TRACES = "SELECT trace_name, content FROM prompt_cache_traces WHERE trace_name = ANY($1)"
_WRITE_TRACES = """
    INSERT INTO prompt_cache_traces (trace_name, organization_id, expires_s, content)
    SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::bigint[], $4::jsonb[])
    ON CONFLICT (trace_name) DO UPDATE SET expires_s = excluded.expires_s, content = excluded.content
"""
_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"
_DROP_EXPIRED = "DELETE FROM {table} WHERE expires_s <= %s"
# Those that would end first go first.
_DROP_SURPLUS = """
    WITH crowded AS (
        SELECT organization_id FROM {table} GROUP BY organization_id HAVING count(*) > %(most)s
    ), placed AS (
        SELECT {name}, row_number() OVER (
            PARTITION BY organization_id ORDER BY expires_s DESC, {name}
        ) AS place
        FROM {table} WHERE organization_id IN (SELECT organization_id FROM crowded)
    )
    DELETE FROM {table} USING placed WHERE {table}.{name} = placed.{name} AND placed.place > %(most)s
"""


class Row(msgspec.Struct, frozen=True):
    """An entry to write (``is_paid``) or to refresh."""

    name: bytes
    organization_id: UUID
    entry: Entry
    is_paid: bool


class TraceRow(msgspec.Struct, frozen=True):
    """A trace to keep."""

    name: bytes
    organization_id: UUID
    expires_s: int
    trace: Trace


async def read_entries(channel: Channel, names: Iterable[bytes]) -> dict[bytes, Entry]:
    """The entries of these names, whether they still live or not."""
    rows = await channel.fetch(_READ, _render_bytes(names))
    return {
        bytes.fromhex((name or b"")[2:].decode()): Entry(int(ttl_s or 0), int(expires_s or 0))
        for name, ttl_s, expires_s in rows
    }


def queue_entries(channel: Channel, rows: Sequence[Row]) -> None:
    """Have entries written and refreshed with what travels next."""
    # In one order everywhere, so that two nodes never wait for each other.
    paid = _merge(row for row in rows if row.is_paid)
    refreshed = _merge(row for row in rows if not row.is_paid and row.name not in paid)
    for statement, merged in ((_WRITE_PAID, paid), (_REFRESH, refreshed)):
        if merged:
            ordered = [merged[name] for name in sorted(merged)]
            channel.queue(
                statement,
                _render_bytes(row.name for row in ordered),
                _render(str(row.organization_id) for row in ordered),
                _render(str(row.entry.ttl_s) for row in ordered),
                _render(str(row.entry.expires_s) for row in ordered),
            )


async def read_traces(channel: Channel, names: Iterable[bytes]) -> dict[bytes, Trace]:
    """The traces of these names."""
    rows = await channel.fetch(_READ_TRACES, _render_bytes(names))
    return {
        bytes.fromhex((name or b"")[2:].decode()): msgspec.json.decode(content or b"", type=Trace)
        for name, content in rows
    }


def queue_traces(channel: Channel, rows: Sequence[TraceRow]) -> None:
    """Have traces kept with what travels next."""
    merged = {row.name: row for row in rows}
    if merged:
        ordered = [merged[name] for name in sorted(merged)]
        channel.queue(
            _WRITE_TRACES,
            _render_bytes(row.name for row in ordered),
            _render(str(row.organization_id) for row in ordered),
            _render(str(row.expires_s) for row in ordered),
            _render(_quote(msgspec.json.encode(row.trace).decode()) for row in ordered),
        )


async def sweep(
    pool: Pool,
    at_s: int,
    *,
    entries_max: int = ORGANIZATION_ENTRIES_MAX,
    traces_max: int = ORGANIZATION_TRACES_MAX,
) -> None:
    """Drop what has expired, and what an organization has too much of; one node at a time does it."""
    tables = (
        ("prompt_cache_entries", "entry_name", entries_max),
        ("prompt_cache_traces", "trace_name", traces_max),
    )
    async with pool.connection() as connection:
        cursor = await connection.execute(_LOCK, (_SWEEP_LOCK,))
        row = await cursor.fetchone()
        if row is None or not row[0]:
            return
        for table, name, most in tables:
            await connection.execute(_DROP_EXPIRED.format(table=table), (at_s,))
            await connection.execute(_DROP_SURPLUS.format(table=table, name=name), {"most": most})


def _merge(rows: Iterable[Row]) -> dict[bytes, Row]:
    """One row for each name: the longest life of all, begun last."""
    merged: dict[bytes, Row] = {}
    for row in rows:
        known = merged.get(row.name)
        if known is None:
            merged[row.name] = row
            continue
        ttl_s = max(known.entry.ttl_s, row.entry.ttl_s)
        began_s = max(known.entry.expires_s - known.entry.ttl_s, row.entry.expires_s - row.entry.ttl_s)
        merged[row.name] = Row(row.name, row.organization_id, Entry(ttl_s, began_s + ttl_s), row.is_paid)
    return merged


def _render_bytes(names: Iterable[bytes]) -> str:
    return "{" + ",".join('"\\\\x' + name.hex() + '"' for name in names) + "}"


def _render(values: Iterable[str]) -> str:
    return "{" + ",".join(values) + "}"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
