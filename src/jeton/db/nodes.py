"""Nodes: the processes on one database, each of which knows how many others there are.

A node says every ``BEAT_S`` seconds that it is there; one that was silent for ``SILENCE_MAX_S`` counts as
gone. Only the database's clock decides. A beat need not survive a crash of the database, so it waits for
no disk.
"""

from dataclasses import dataclass
from typing import Literal

from jeton.db.pool import Connection

CHANNEL = "jeton_nodes"
BEAT_S = 2
SILENCE_MAX_S = 10
# How long one can look up which processes there have been.
KEPT_DAYS = 30

NodeKind = Literal["serve", "work"]

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
        (SELECT count(*) FROM nodes AS other WHERE other.kind = n.kind AND other.ended_at IS NULL
            AND other.node_id <> n.node_id
            AND other.seen_at > clock_timestamp() - make_interval(secs => %(silence_s)s))
"""
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


async def beat(connection: Connection, node_id: str) -> Beat:
    """Say that a node is there, in a transaction of its own; LookupError if it never joined."""
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit TO off")
        parameters = {"node_id": node_id, "silence_s": SILENCE_MAX_S}
        row = await (await connection.execute(_BEAT, parameters)).fetchone()
    if row is None:
        raise LookupError(node_id)
    return Beat(others=row[1], was_alive=row[0])


async def end_node(connection: Connection, node_id: str) -> None:
    """Be a node no longer; the others are told."""
    await connection.execute(_END, (node_id,))
