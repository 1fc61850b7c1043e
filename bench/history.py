"""History: whether admitting and settling a request takes longer, the more there were before it.

Past requests are written straight into PostgreSQL, all of one organization: for each a usage event, a charge
and two transactions. (No rollups, and digests of no chain, so `jeton ledger verify` is not run here.) Before,
and after each step, the same is measured: one worker, then eight, from the hold to the charge.

    python bench/history.py [--events 1000000,10000000] [--requests 4000] [--folder DIR] [--json]

Ten million take about 20 GB in the folder.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import uvloop
from parts.house import House, open_house

from jeton.db.pool import Connection

CHUNK = 250_000
BYTES_PER_EVENT = 2_200
MS_PER_S = 1_000
WORKERS = 8
TURNS = 5
# For PostgreSQL to have written what was written past it.
REST_S = 20

# Ids as jeton makes them: they begin with the time, so that new rows go to the end of an index.
_IDS = """
    CREATE TEMPORARY TABLE past ON COMMIT DROP AS
    SELECT n, 'req_' || lpad(to_hex(1700000000000 + n), 12, '0') || md5(n::text)::char(20) AS request_id,
           'txn_' || lpad(to_hex(1700000000000 + n), 12, '0') || md5('h' || n)::char(20) AS held_in,
           'txn_' || lpad(to_hex(1700000000000 + n), 12, '0') || md5('s' || n)::char(20) AS settled_in,
           timestamptz '2023-11-14' + n * interval '8 seconds' AS at
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
_EVENTS = """
    INSERT INTO usage_events
    SELECT request_id, %(organization)s, 'wrkspc_bench', 'apikey_bench', 'claude-sonnet-5-5', 'embedded', at,
           500, 0, 0, 0, 200, 0, 'standard', 'global', 'standard', 'upstream', 'accepted',
           '{"input_tokens": 500}'
    FROM past
"""
_CHARGES = """
    INSERT INTO charges
    SELECT request_id, %(organization)s, 'wrkspc_bench', 'apikey_bench', 'claude-sonnet-5-5', 'embedded',
           'settled', 'completed', 'claude-sonnet-5-5@2026-10-07', false, 50000000, 3000000, 3000000, 0,
           '[{"bucket": "input", "quantity": 500, "list_nano": 1000000, "net_nano": 1000000}]',
           '[["lot_past", 3000000]]', held_in, settled_in, at, at
    FROM past
"""
_TRANSACTIONS = """
    INSERT INTO transactions
    SELECT held_in, %(organization)s, 'hold', request_id, ARRAY['credit:free', 'held'],
           ARRAY['lot_past', 'lot_past'], ARRAY[50000000, -50000000]::bigint[], '', at,
           1000000000 + 2 * n, sha256(held_in::bytea)
    FROM past
    UNION ALL
    SELECT settled_in, %(organization)s, 'settle', request_id, ARRAY['held', 'promotion', 'credit:free'],
           ARRAY['lot_past', 'lot_past', 'lot_past'], ARRAY[50000000, -3000000, -47000000]::bigint[], '', at,
           1000000001 + 2 * n, sha256(settled_in::bytea) FROM past
"""


async def write_past(house: House, first: int, last: int) -> None:
    """Past requests number ``first`` to ``last``, in chunks."""
    async with house.pool.connection() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("SET synchronous_commit = off")
        await connection.commit()
        for start in range(first, last + 1, CHUNK):
            end = min(last, start + CHUNK - 1)
            await _write_chunk(connection, house, start, end)
            if sys.stderr.isatty():
                print(f"\r{end:,} of {last:,} past requests", end="", file=sys.stderr)
        await connection.set_autocommit(True)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.set_autocommit(False)


async def _write_chunk(connection: Connection, house: House, first: int, last: int) -> None:
    values = {"first": first, "last": last, "organization": house.organization_id}
    async with connection.transaction():
        await connection.execute(_IDS, values)
        for statement in (_EVENTS, _CHARGES, _TRANSACTIONS):
            await connection.execute(statement, values)


async def measure(house: House, requests: int, workers: int) -> list[float]:
    """Milliseconds of each request from its hold to its charge."""
    taken: list[float] = []
    left = requests

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            started = time.perf_counter()
            await house.hold_and_settle()
            taken.append((time.perf_counter() - started) * MS_PER_S)

    await asyncio.gather(*(work() for _ in range(workers)))
    return taken


async def look(house: House, events: int, requests: int) -> dict[str, object]:
    """One row of the table: after a warm-up, five times each by turns, the median of the medians."""
    await asyncio.sleep(REST_S)
    await measure(house, requests, WORKERS)
    single, busy = [], []
    for _ in range(TURNS):
        single.append(median(await measure(house, requests // 4, 1)))
        busy.append(await measure(house, requests, WORKERS))
    async with house.pool.connection() as connection:
        row = await (await connection.execute("SELECT pg_database_size(current_database())")).fetchone()
    return {
        "past events": events,
        "1 worker, ms p50": round(median(single), 2),
        f"{WORKERS} workers, ms p50": round(median(median(one) for one in busy), 2),
        f"{WORKERS} workers, ms p99": round(median(quantiles(one, n=100)[98] for one in busy), 2),
        "database, MB": int(row[0]) // 1_000_000 if row else 0,
    }


async def run(chosen: argparse.Namespace) -> list[dict[str, object]]:
    """A row for no history, and one for each size."""
    sizes = [int(size) for size in chosen.events.split(",")]
    free_bytes = shutil.disk_usage(chosen.folder).free
    if max(sizes) * BYTES_PER_EVENT > free_bytes:
        raise SystemExit(f"{max(sizes):,} events need more than the {free_bytes:,} bytes that are free")
    rows = []
    async with open_house(chosen.folder) as house:
        rows.append(await look(house, 0, chosen.requests))
        written = 0
        for size in sizes:
            await write_past(house, written + 1, size)
            written = size
            rows.append(await look(house, size, chosen.requests))
    return rows


def main() -> None:
    """Measure and print, with the ratio to no history at all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", default="1000000,10000000")
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = uvloop.run(run(chosen))
    if chosen.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("   ".join(f"{name} {value:,}" for name, value in row.items()))


if __name__ == "__main__":
    main()
