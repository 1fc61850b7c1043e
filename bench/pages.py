"""Pages: how long the server takes for each page of the Console's menu, and how heavy they are.

A past of many organizations is written straight into PostgreSQL: usage events, charges and the sums that a
settlement writes (no journal, so `jeton ledger verify` is not run here). One organization has a tenth of it
all. Then each page is asked for again and again, as a member of that one and of a usual one, by way of the
whole Console but for the network: time is from the request to the last byte of the answer.

    python bench/pages.py [--events 10000000] [--organizations 1000] [--rounds 40] [--folder DIR] [--json]

Ten million events take about 13 GB in the folder.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles
from uuid import UUID

import uvloop
from parts.house import House, open_house
from starlette.applications import Starlette
from starlette.types import Message, Scope

from jeton.console.deps import ConsoleDeps
from jeton.console.navigation import GROUPS
from jeton.console.routes import console_routes
from jeton.db.pool import Connection
from jeton.identity.members import create_member
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.metering.events import ROLLUP_DIMENSIONS, ROLLUP_SUMS
from jeton.pricing.loading import load_book

CHUNK = 250_000
BYTES_PER_EVENT = 1_400
MS_PER_S = 1_000
KEYS = 8
DAYS = 90
OPERATOR = "operator@example.com"
LARGEST_SHARE = 10
P95_MS_MAX = 100
BYTES_MAX = 100_000
# Pages as they are opened from the menu, and some with what takes longer.
PAGES = {
    **{entry.name: entry.href for group in GROUPS for entry in group.entries if not entry.is_operators},
    "usage, 90 days in Kolkata": "/console/usage?range=90d&zone=Asia/Kolkata",
    "usage, 7 days by hour": "/console/usage?range=7d&step=1h&group=key_id",
    "cost, 90 days compared, two groups": (
        "/console/cost?range=90d&zone=Asia/Kolkata&compare=previous&group=key_id&subgroup=model"
    ),
    "requests of a model, a week": "/console/requests?range=7d&model=claude-haiku-5-5",
}
OPERATOR_PAGES = {entry.name: entry.href for group in GROUPS for entry in group.entries if entry.is_operators}

_ORGANIZATIONS = """
    INSERT INTO organizations (organization_id, name, kind, created_at)
    SELECT md5('o' || n)::uuid, 'Organization ' || n, 'prepaid', now()
    FROM generate_series(1, %(organizations)s) AS n
"""
_BALANCES = """
    INSERT INTO balances (organization_id) SELECT organization_id FROM organizations
    ON CONFLICT DO NOTHING
"""
# Ids as jeton makes them: they begin with the time, so that new rows go to the end of an index.
_PAST = """
    CREATE TEMPORARY TABLE past ON COMMIT DROP AS
    SELECT 'req_' || lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
               || md5(n::text)::char(20) AS request_id, n, at,
           CASE WHEN n %% %(largest_share)s = 0 THEN md5('o1')::uuid
                ELSE md5('o' || 1 + (hashint8(n) & 2147483647) %% %(organizations)s)::uuid
           END AS organization_id,
           'apikey_' || md5('k' || n %% %(keys)s) AS key_id,
           (ARRAY['claude-sonnet-5-5', 'claude-haiku-5-5', 'claude-opus-5-5'])[1 + n %% 3] AS model,
           CASE WHEN n %% 4 = 0 THEN 'batch' ELSE 'standard' END AS tier
    FROM (
        SELECT n, now() - %(days)s * interval '1 day' * (1 - n::numeric / %(events)s) AS at
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    ) AS times
"""
_EVENTS = """
    INSERT INTO usage_events
    SELECT request_id, organization_id, 'wrkspc_bench', key_id, model, 'embedded', at, 500, 100, 0, 2000, 200,
           0, tier, 'global', 'standard', 'upstream', 'accepted', '{"input_tokens": 500}'
    FROM past
"""
_CHARGES = """
    INSERT INTO charges
    SELECT request_id, organization_id, 'wrkspc_bench', key_id, model, 'embedded', 'settled', 'completed',
           model || '@2026-10-07', false, 50000000, 4000000, 3000000, 0,
           '[{"bucket": "input", "quantity": 500, "list_nano": 1000000, "net_nano": 1000000}]',
           '[["lot_past", 3000000]]', 'txn_' || md5('h' || n), 'txn_' || md5('s' || n), at, at
    FROM past
"""
# What a settlement adds to: each event is 500 tokens in, 100 written, 2,000 read and 200 out, and $0.003.
_OF_ONE = {
    "requests": 1,
    "input_tokens": 500,
    "cache_creation_5m_input_tokens": 100,
    "cache_read_input_tokens": 2_000,
    "output_tokens": 200,
    "list_nano": 4_000_000,
    "saved_cache_nano": 1_000_000,
    "net_nano": 3_000_000,
    "input_nano": 1_000_000,
    "output_nano": 2_000_000,
}
_KEY = ", ".join(ROLLUP_DIMENSIONS)
# In the order in which settlements would write them: so rows of one time lie together.
_QUARTERS = f"""
    INSERT INTO usage_quarters
    SELECT organization_id, quarter_of(occurred_at), workspace_id, key_id, model, service_tier, inference_geo,
           speed, '0-200k', {", ".join(f"{_OF_ONE.get(name, 0)} * count(*)" for name in ROLLUP_SUMS)}
    FROM usage_events GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY min(occurred_at)
"""  # noqa: S608 - names of our own
_ROLLUPS = f"""
    INSERT INTO usage_rollups
    SELECT organization_id, (quarter_at AT TIME ZONE 'UTC')::date, {_KEY},
           {", ".join(f"sum({name})" for name in ROLLUP_SUMS)}
    FROM usage_quarters GROUP BY 1, 2, {_KEY} ORDER BY min(quarter_at)
"""  # noqa: S608 - names of our own
_MINUTES = """
    INSERT INTO minute_rollups
    SELECT organization_id, date_trunc('minute', occurred_at), workspace_id, model, count(*), 600 * count(*),
           2000 * count(*), 200 * count(*), 0
    FROM usage_events WHERE occurred_at >= now() - interval '31 days' AND service_tier <> 'batch'
    GROUP BY 1, 2, 3, 4
"""
_USUAL = "SELECT md5('o2')::uuid, md5('o1')::uuid"
_SIZES = """
    SELECT (SELECT count(*) FROM usage_events), (SELECT count(*) FROM usage_quarters),
           (SELECT count(*) FROM usage_rollups), pg_database_size(current_database()) / 1000000
"""


async def write_past(connection: Connection, events: int, organizations: int) -> None:
    """So many events of so many organizations, over the last DAYS days."""
    values = {"events": events, "organizations": organizations, "days": DAYS, "keys": KEYS}
    await connection.execute("SET statement_timeout = 0")
    await connection.execute("SET synchronous_commit = off")
    await connection.execute(_ORGANIZATIONS, {"organizations": organizations})
    await connection.execute(_BALANCES)
    await connection.commit()
    for first in range(1, events + 1, CHUNK):
        last = min(events, first + CHUNK - 1)
        chunk = {**values, "first": first, "last": last, "largest_share": LARGEST_SHARE}
        async with connection.transaction():
            await connection.execute(_PAST, chunk)
            for statement in (_EVENTS, _CHARGES):
                await connection.execute(statement)
        if sys.stderr.isatty():
            print(f"\r{last:,} of {events:,} events", end="", file=sys.stderr)
    async with connection.transaction():
        await connection.execute(_QUARTERS)
        await connection.execute(_ROLLUPS)
        await connection.execute(_MINUTES)
    await connection.set_autocommit(True)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.set_autocommit(False)


async def sign_in(connection: Connection, organization_id: UUID, *, email: str = "") -> str:
    """The secret of a member's session."""
    member = await create_member(
        connection,
        organization_id,
        email=email or f"{organization_id}@example.com",
        password_hash=await Passwords().hash("a long enough password"),
        role="admin",
    )
    return await open_session(connection, member.member_id)


def make_asker(app: Starlette, secret: str) -> Callable[[str], Awaitable[tuple[int, int]]]:
    """Asks for a page as a member: its status and the bytes of its body."""

    async def ask(address: str) -> tuple[int, int]:
        path, _, query = address.partition("?")
        status = size = 0

        async def send(message: Message) -> None:
            nonlocal status, size
            status = message.get("status", status)
            size += len(message.get("body", b""))

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        headers = [(b"host", b"jeton.test"), (b"cookie", f"jeton_session={secret}".encode())]
        scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("jeton.test", 80),
            "root_path": "",
        }
        await app(scope, receive, send)
        return status, size

    return ask


async def look(house: House, rounds: int) -> list[dict[str, object]]:
    """A row for each page and organization: the middle and the slow end of ``rounds`` answers."""
    pool = house.pool
    async with pool.connection() as connection:
        usual, largest = await (await connection.execute(_USUAL)).fetchone() or (None, None)
        members = (
            ("usual", await sign_in(connection, usual), PAGES),
            ("largest", await sign_in(connection, largest), PAGES),
            ("operator", await sign_in(connection, usual, email=OPERATOR), OPERATOR_PAGES),
        )
    deps = ConsoleDeps(
        pool,
        SignIn(pool, Passwords(), SignInLimiter()),
        "Jeton",
        operator_emails=frozenset({OPERATOR}),
        book=load_book(),
    )
    app = Starlette(routes=console_routes(deps))
    rows = []
    for who, secret, pages in members:
        ask = make_asker(app, secret)
        for name, address in pages.items():
            taken, size = [], 0
            for _ in range(rounds + 2):
                started = time.perf_counter()
                status, size = await ask(address)
                taken.append((time.perf_counter() - started) * MS_PER_S)
                if status != 200:
                    raise SystemExit(f"{address} gave {status}")
            # The first ones compile templates and fill caches, once for all organizations.
            cuts = quantiles(taken[2:], n=20, method="inclusive")
            row = {
                "page": name,
                "organization": who,
                "p50, ms": round(cuts[9], 1),
                "p95, ms": round(cuts[18], 1),
            }
            rows.append({**row, "bytes": size})
            print(render(rows[-1]), file=sys.stderr)
    return rows


async def run(chosen: argparse.Namespace) -> list[dict[str, object]]:
    """A house with its past, and its rows."""
    free_bytes = shutil.disk_usage(chosen.folder).free
    if chosen.events * BYTES_PER_EVENT > free_bytes:
        raise SystemExit(f"{chosen.events:,} events need more than the {free_bytes:,} bytes that are free")
    async with open_house(chosen.folder) as house:
        async with house.pool.connection() as connection:
            await write_past(connection, chosen.events, chosen.organizations)
            sizes = await (await connection.execute(_SIZES)).fetchone()
        names = ("events", "rows of quarters", "rows of days", "database, MB")
        about: dict[str, object] = dict(zip(names, map(int, sizes or ()), strict=True))
        print(render(about), file=sys.stderr)
        rows = await look(house, chosen.rounds)
        return [{**about, "load average": round(os.getloadavg()[0], 1)}, *rows]


def render(row: dict[str, object]) -> str:
    """A row as a line."""
    return "   ".join(
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in row.items()
    )


def main() -> None:
    """Measure and print; 1 as exit code if a page was slower than P95_MS_MAX or heavier than BYTES_MAX."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--organizations", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = uvloop.run(run(chosen))
    print(json.dumps(rows) if chosen.json else "\n".join(map(render, rows)))
    measured = [(float(str(row["p95, ms"])), int(str(row["bytes"]))) for row in rows[1:]]
    is_over = any(ms > P95_MS_MAX or size > BYTES_MAX for ms, size in measured)
    raise SystemExit(1 if is_over else 0)


if __name__ == "__main__":
    main()
