"""History: whether admitting and settling a request takes longer, the more there were before it.

Past requests are written straight into PostgreSQL, all of one organization: for each a usage event, a charge
and two transactions. (No rollups, and digests of no chain, so `jeton ledger verify` is not run here.) Beside
it stands a second PostgreSQL without any history; after each step both are measured by turns, so that
whatever else the machine does meets both: one worker, then eight, from the hold to the charge.

    python bench/history.py [--events 1000000,10000000] [--requests 4000] [--folder DIR] [--json]

Ten million take about 20 GB in the folder.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import uvloop
from parts.house import House, open_house

from jeton.db.pool import Connection

CHUNK = 250_000
BYTES_PER_EVENT = 2_200
BYTES_PER_MB = 1_000_000
MS_PER_S = 1_000
RATIO_MAX = 1.2
WORKERS = 8
TURNS = 9
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


async def look(fresh: House, old: House, events: int, requests: int) -> dict[str, object]:
    """One row: after a warm-up both by turns; the median of the medians, and of their ratios."""
    await asyncio.sleep(REST_S)
    for house in (fresh, old):
        await measure(house, requests, WORKERS)
    row: dict[str, object] = {"past events": events}
    for workers, share in ((1, 4), (WORKERS, 1)):
        pairs = []
        for turn in range(TURNS):
            order = (fresh, old) if turn % 2 else (old, fresh)
            taken = {id(house): median(await measure(house, requests // share, workers)) for house in order}
            pairs.append((taken[id(fresh)], taken[id(old)]))
        for name, number in (("without", 0), ("with", 1)):
            row[f"{workers} at once {name}, ms p50"] = round(median(pair[number] for pair in pairs), 2)
        row[f"{workers} at once, ratio"] = round(median(with_it / without for without, with_it in pairs), 3)
    async with old.pool.connection() as connection:
        size = await (await connection.execute("SELECT pg_database_size(current_database())")).fetchone()
    row["database, MB"] = int(size[0]) // BYTES_PER_MB if size else 0
    row["load average"] = round(os.getloadavg()[0], 1)
    return row


async def run(chosen: argparse.Namespace) -> list[dict[str, object]]:
    """A row for no history on either side, and one for each size."""
    sizes = [int(size) for size in chosen.events.split(",")]
    free_bytes = shutil.disk_usage(chosen.folder).free
    if max(sizes) * BYTES_PER_EVENT > free_bytes:
        raise SystemExit(f"{max(sizes):,} events need more than the {free_bytes:,} bytes that are free")
    rows = []
    async with open_house(chosen.folder) as fresh, open_house(chosen.folder) as old:
        written = 0
        for size in (0, *sizes):
            await write_past(old, written + 1, size)
            written = size
            rows.append(await look(fresh, old, size, chosen.requests))
            print(render(rows[-1]), file=sys.stderr)
    return rows


def render(row: dict[str, object]) -> str:
    """A row as a line."""
    return "   ".join(f"{name} {value:,}" for name, value in row.items())


def main() -> None:
    """Measure and print; 1 as exit code if history made it slower than RATIO_MAX."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", default="1000000,10000000")
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = uvloop.run(run(chosen))
    print(json.dumps(rows) if chosen.json else "\n".join(map(render, rows)))
    ratios = [float(str(value)) for row in rows for name, value in row.items() if name.endswith("ratio")]
    raise SystemExit(1 if max(ratios) > RATIO_MAX else 0)


if __name__ == "__main__":
    main()
