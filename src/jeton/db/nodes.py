"""Nodes: the processes on one database, each of which knows how many others there are, and what they took.

A node says every ``BEAT_S`` seconds that it is there; one that was silent for ``SILENCE_MAX_S`` counts as
gone. Only the database's clock decides. A beat need not survive a crash of the database, so it waits for
no disk. With its beat a node may take something that all of them share; what that is, is not known here.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
import structlog
from psycopg.types.json import Jsonb

from jeton.db.pool import Connection, Pool

CHANNEL = "jeton_nodes"
BEAT_S = 2
SILENCE_MAX_S = 10
LEAVING_MAX_S = 5
# How long one can look up which processes there have been.
KEPT_DAYS = 30

NodeKind = Literal["serve", "work"]
# From what each of the other nodes has taken, JSON as it wrote it, to what this one takes.
Take = Callable[[list[Any]], tuple[Any, bool]]

_log = structlog.get_logger(__name__)

_JOIN = """
    INSERT INTO nodes (node_id, kind, started_at, seen_at)
    VALUES (%(node_id)s, %(kind)s, clock_timestamp(), clock_timestamp())
"""
_FORGET = "DELETE FROM nodes WHERE seen_at < clock_timestamp() - make_interval(days => %s)"
_BEAT = """
    UPDATE nodes AS n SET seen_at = clock_timestamp()
    FROM (SELECT node_id, seen_at, ended_at FROM nodes WHERE node_id = %(node_id)s FOR UPDATE) AS before
    WHERE n.node_id = before.node_id
    RETURNING before.ended_at IS NULL
        AND before.seen_at > clock_timestamp() - make_interval(secs => %(silence_s)s),
        (SELECT coalesce(json_agg(other.taken), '[]') FROM nodes AS other
            WHERE other.kind = n.kind AND other.ended_at IS NULL AND other.node_id <> n.node_id
            AND other.seen_at > clock_timestamp() - make_interval(secs => %(silence_s)s))
"""
# Who takes has to see what all the others have taken, so one takes after the other.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('jeton nodes', 0))"
_TAKE = "UPDATE nodes SET taken = %s WHERE node_id = %s"
_END = "UPDATE nodes SET ended_at = clock_timestamp() WHERE node_id = %s AND ended_at IS NULL"


@dataclass(frozen=True, slots=True)
class Beat:
    """What a node learns when it says that it is there.

    ``others`` are the nodes of its kind that are alive beside it. Without ``was_alive`` they had thought
    it gone until now.
    """

    others: int
    was_alive: bool


async def join_nodes(connection: Connection, node_id: str, kind: NodeKind) -> None:
    """Be a node from now on; the others are told."""
    await connection.execute(_JOIN, {"node_id": node_id, "kind": kind})
    await connection.execute(_FORGET, (KEPT_DAYS,))


async def beat(connection: Connection, node_id: str, take: Take | None = None) -> Beat:
    """Say that a node is there, in a transaction of its own; LookupError if it never joined.

    ``take`` gets what the others have taken, decides what this node takes, and says whether it must be on
    the disk before it counts. Only one node decides at a time.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit TO off")
        if take is not None:
            await connection.execute(_LOCK)
        parameters = {"node_id": node_id, "silence_s": SILENCE_MAX_S}
        row = await (await connection.execute(_BEAT, parameters)).fetchone()
        if row is None:
            raise LookupError(node_id)
        if take is not None:
            taken, is_more = take(row[1])
            if is_more:
                await connection.execute("SET LOCAL synchronous_commit TO DEFAULT")
            await connection.execute(_TAKE, (Jsonb(taken), node_id))
    return Beat(others=len(row[1]), was_alive=row[0])


async def keep_beating(pool: Pool, node_id: str, kind: NodeKind) -> None:
    """Be a node, and say so until cancelled; a database that is away is tried again."""
    is_joined = False
    while True:
        try:
            async with asyncio.timeout(SILENCE_MAX_S), pool.connection() as connection:
                if not is_joined:
                    await join_nodes(connection, node_id, kind)
                is_joined = True
                await beat(connection, node_id)
        except LookupError:
            # The table is older than this process: it was restored.
            is_joined = False
        except (psycopg.Error, TimeoutError) as problem:
            _log.warning("node_not_seen", node_id=node_id, problem=str(problem))
        await asyncio.sleep(BEAT_S)


async def leave_nodes(pool: Pool, node_id: str) -> None:
    """Be a node no longer; without a database the others notice by themselves."""
    with contextlib.suppress(psycopg.Error, TimeoutError):
        async with asyncio.timeout(LEAVING_MAX_S), pool.connection() as connection:
            await end_node(connection, node_id)


async def end_node(connection: Connection, node_id: str) -> None:
    """Be a node no longer; the others are told."""
    await connection.execute(_END, (node_id,))
