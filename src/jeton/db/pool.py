"""Connections: one pool a process, opened and closed by whoever composes it.

A borrowed connection commits when its block ends well and rolls back when it does not, so the
statements of one block are one transaction. Sessions speak UTC and have bounded patience.
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from jeton.db.errors import DatabaseUnreachableError

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

CONNECTIONS_MIN = 2
CONNECTIONS_MAX = 10
CONNECT_TIMEOUT_S = 5
# After so long without an acknowledgement the network counts as gone (Linux; others wait for TCP).
UNACKNOWLEDGED_MAX_MS = 10_000
BORROW_TIMEOUT_S = 10.0
BORROWERS_MAX = 1000
STATEMENT_TIMEOUT_MS = 60_000
LOCK_TIMEOUT_MS = 20_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000

_SESSION_OPTIONS = (
    "-c TimeZone=UTC"
    f" -c statement_timeout={STATEMENT_TIMEOUT_MS}"
    f" -c lock_timeout={LOCK_TIMEOUT_MS}"
    f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS}"
)


async def open_pool(
    database_url: str, *, connections_min: int = CONNECTIONS_MIN, connections_max: int = CONNECTIONS_MAX
) -> Pool:
    """Open a pool and wait for its first connections; close it with ``await pool.close()``.

    Raises DatabaseUnreachableError when PostgreSQL does not answer within ``BORROW_TIMEOUT_S``.
    """
    settings: dict[str, Any] = {
        "options": _SESSION_OPTIONS,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": UNACKNOWLEDGED_MAX_MS,
        "application_name": "jeton",
    }
    pool: Pool = AsyncConnectionPool(
        database_url,
        kwargs=settings,
        min_size=connections_min,
        max_size=connections_max,
        max_waiting=BORROWERS_MAX,
        # One short question at each borrowing, so that nobody gets a connection that died meanwhile.
        check=AsyncConnectionPool.check_connection,
        timeout=BORROW_TIMEOUT_S,
        open=False,
    )
    try:
        await pool.open(wait=True, timeout=BORROW_TIMEOUT_S)
    except PoolTimeout:
        await pool.close()
        raise DatabaseUnreachableError(
            render_address(database_url), f"no connection within {BORROW_TIMEOUT_S:.0f} seconds."
        ) from None
    return pool


async def connect_like(pool: Pool, *, timeout_s: int) -> Connection:
    """A connection of a pool's kind, but outside it: nobody else waits for it, and its owner closes it.

    Raises psycopg.OperationalError when PostgreSQL does not answer within ``timeout_s``.
    """
    kwargs = pool.kwargs if isinstance(pool.kwargs, dict) else {}
    conninfo = pool.conninfo if isinstance(pool.conninfo, str) else ""
    return await AsyncConnection.connect(conninfo, **{**kwargs, "connect_timeout": timeout_s})


async def connect(database_url: str) -> Connection:
    """One connection outside any pool, in autocommit; raises DatabaseUnreachableError.

    For what must own its session: migrations under an advisory lock, and LISTEN.
    """
    try:
        return await AsyncConnection.connect(
            database_url,
            autocommit=True,
            options="-c TimeZone=UTC",
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="jeton",
        )
    except psycopg.OperationalError as error:
        problem = " ".join(str(error).split())
        raise DatabaseUnreachableError(render_address(database_url), problem) from None
    except psycopg.ProgrammingError:
        raise DatabaseUnreachableError("the given URL", "it is not a PostgreSQL address.") from None


def render_address(database_url: str) -> str:
    """The URL without its password, for messages; the folder of a socket as people write it."""
    parts = urlsplit(database_url)
    name = unquote(parts.path.lstrip("/"))
    # A folder is percent-encoded in the place of the host, and has capitals that ``hostname`` loses.
    place = parts.netloc.rpartition("@")[2]
    host, port = unquote(place), ""
    if not place.endswith("]") and ":" in place:
        host, _, port = unquote(place).rpartition(":")
    host = host or parse_qs(parts.query).get("host", [""])[0]
    if host.startswith("/") or not host:
        where = f"the socket in {host}" if host else "the local socket"
        details = [f"port {port}"] if port else []
        details += [f"database {name}"] if name else []
        return f"{where} ({', '.join(details)})" if details else where
    return f"{host}{f':{port}' if port else ''}/{name}"
