"""Closing: how long a month's invoices take, for how many organizations and events, and how much memory.

Sums of a month of requests of many organizations are written straight into PostgreSQL, as settlements keep
them: by quarter of an hour and by day, each event rated by the price book (usage events themselves only with
--with-events, for no document reads one). Every organization is invoiced and in Berlin, so that no period
begins where a UTC day does; one has a tenth of it all. Then the month is closed as `jeton work` closes it:
tax, numbers, lines, postings, with fsync on. Last, the list of documents is read page by page.

    python bench/closing.py [--events 200000] [--organizations 1000] [--vouchers 0] [--folder DIR]
                            [--with-events] [--json]

With --vouchers N credit that was sold without tax (tax_point = use) paid for it all: N lots, as many of each
organization, so that every document takes the tax out of what each lot paid, which charges are asked for.

Ten million events need about 4 GB in the folder, with --with-events 7 GB, with --vouchers 10 GB.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from statistics import quantiles

import uvloop
from parts.house import House, open_house
from parts.processes import cpu_us, descendants
from parts.vouchers import charge, sell, sum_up

from jeton.billing.invoicing.closing import CHUNK, Closer, Closing, close_due
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.words import Rules, TaxRate
from jeton.billing.words import Party
from jeton.charging.rows import add_charge
from jeton.db.pool import Connection
from jeton.metering.events import ROLLUP_DIMENSIONS, ROLLUP_SUMS, Rollup
from jeton.pricing.loading import load_book
from jeton.pricing.rating import STANDARD, Conditions, rate
from jeton.usage import Usage

MODELS = ("claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5")
TIERS: dict[str, Conditions] = {"standard": STANDARD, "batch": Conditions(service_tier="batch")}
WORKSPACES = 3
KEYS = 8
LARGEST_SHARE = 10
CHUNK_EVENTS = 500_000
FROM = datetime(2027, 1, 1, tzinfo=UTC)
MONTH_S = 31 * 86_400
AT = datetime(2027, 2, 4, tzinfo=UTC)
PAGE = 50
PAGES_READ = 40
SECONDS_MAX = 60
LIST_MS_MAX = 200
MS_PER_S = 1_000
KB_PER_MB = 1_024
US_PER_S = 1_000_000
# Of one request: 500 tokens in, 100 written into the cache and 2,000 read from it, 200 out.
USAGE = Usage(500, 100, 0, 2_000, 200)
RULES = Rules(
    seller=Party("Seller GmbH", "Weg 1", "Berlin", "10115", "DE", vat_number="DE136695976"),
    tax_rates=(TaxRate("DE", Fraction(19, 100), FROM.date()),),
)

_ORGANIZATIONS = """
    INSERT INTO organizations (organization_id, name, kind, created_at)
    SELECT md5('o' || n)::uuid, 'Organization ' || n, %(kind)s, %(from)s
    FROM generate_series(1, %(organizations)s) AS n
"""
_BALANCES = """
    INSERT INTO balances (organization_id, credit_limit_nano)
    SELECT organization_id, CASE kind WHEN 'invoiced' THEN 1000000000000000 ELSE 0 END
    FROM organizations ON CONFLICT DO NOTHING
"""
_PROFILES = """
    INSERT INTO billing_profiles (organization_id, legal_name, street, city, postal_code, country, zone)
    SELECT organization_id, name || ' GmbH', 'Straße 1', 'Berlin', '10115', 'DE', 'Europe/Berlin'
    FROM organizations WHERE name LIKE 'Organization %'
"""
_WORKSPACES = """
    INSERT INTO workspaces (workspace_id, organization_id, name, is_default, created_at, cost_center)
    SELECT 'wrkspc_' || left(md5(o.organization_id::text), 20) || n, o.organization_id, 'Workspace ' || n,
           n = 1, %(from)s, 'CC-' || n
    FROM organizations AS o CROSS JOIN generate_series(1, %(workspaces)s) AS n
    WHERE o.name LIKE 'Organization %%'
"""
_KINDS = "CREATE TEMPORARY TABLE kinds (kind int PRIMARY KEY, model text, tier text, of_one jsonb)"
_PAST = """
    CREATE TEMPORARY TABLE past ON COMMIT DROP AS
    SELECT n, %(from)s::timestamptz + %(seconds)s * interval '1 second' * ((n - 0.5) / %(events)s) AS at,
           CASE WHEN n %% %(largest_share)s = 0 THEN md5('o1')::uuid
                ELSE md5('o' || 1 + (hashint8(n) & 2147483647) %% %(organizations)s)::uuid
           END AS organization_id,
           1 + (hashint8(n + 7) & 2147483647) %% %(workspaces)s AS workspace, n %% %(keys)s AS key,
           (hashint8(n + 13) & 2147483647) %% %(kinds)s AS kind
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
_EVENTS = """
    INSERT INTO usage_events
    SELECT 'req_' || lpad(to_hex((extract(epoch FROM p.at) * 1000)::bigint), 12, '0')
               || md5(p.n::text)::char(20),
           p.organization_id, 'wrkspc_' || left(md5(p.organization_id::text), 20) || p.workspace,
           'apikey_' || md5('k' || p.key), k.model, 'embedded', p.at, 500, 100, 0, 2000, 200, 0, k.tier,
           'global', 'standard', 'upstream', 'accepted', '{"input_tokens": 500}'
    FROM past AS p JOIN kinds AS k USING (kind)
"""
_SUMS = ", ".join(f"count(*) * (k.of_one ->> '{name}')::bigint" for name in ROLLUP_SUMS)
_QUARTERS = f"""
    INSERT INTO usage_quarters
        (organization_id, quarter_at, {", ".join(ROLLUP_DIMENSIONS)}, {", ".join(ROLLUP_SUMS)})
    SELECT p.organization_id, quarter_of(p.at),
           'wrkspc_' || left(md5(p.organization_id::text), 20) || p.workspace, 'apikey_' || md5('k' || p.key),
           k.model, k.tier, 'global', 'standard', '0-200k', {_SUMS}
    FROM past AS p JOIN kinds AS k USING (kind)
    GROUP BY p.organization_id, quarter_of(p.at), p.workspace, p.key, k.kind, k.model, k.tier, k.of_one
    ON CONFLICT (organization_id, quarter_at, {", ".join(ROLLUP_DIMENSIONS)}) DO UPDATE SET
        {", ".join(f"{name} = usage_quarters.{name} + excluded.{name}" for name in ROLLUP_SUMS)}
"""  # noqa: S608 - names of our own
_ROLLUPS = f"""
    INSERT INTO usage_rollups
        (organization_id, day_on, {", ".join(ROLLUP_DIMENSIONS)}, {", ".join(ROLLUP_SUMS)})
    SELECT organization_id, (quarter_at AT TIME ZONE 'UTC')::date, {", ".join(ROLLUP_DIMENSIONS)},
           {", ".join(f"sum({name})" for name in ROLLUP_SUMS)}
    FROM usage_quarters GROUP BY 1, 2, {", ".join(ROLLUP_DIMENSIONS)}
"""  # noqa: S608 - names of our own
_ACCRUED = """
    UPDATE balances AS b SET accrued_nano = s.nano, revenue_nano = -s.nano
    FROM (SELECT organization_id, sum(on_credit_nano)::bigint AS nano FROM usage_rollups GROUP BY 1) AS s
    WHERE b.organization_id = s.organization_id
"""
_SIZES = """
    SELECT (SELECT sum(requests) FROM usage_rollups), (SELECT count(*) FROM usage_quarters),
           (SELECT count(*) FROM usage_rollups), (SELECT count(*) FROM usage_events),
           pg_database_size(current_database()) / 1000000
"""
_NUMBERS = "SELECT count(*), count(DISTINCT sequence), coalesce(max(sequence), 0) FROM documents"


def rate_kinds(*, is_on_credit: bool) -> list[tuple[int, str, str, dict[str, int]]]:
    """What a settlement of one request adds, for each model and tier."""
    book = load_book()
    kinds: list[tuple[int, str, str, dict[str, int]]] = []
    for model in MODELS:
        version = book.find_version(model, FROM)
        if version is None:
            raise SystemExit(f"{model} has no price on {FROM:%Y-%m-%d}")
        for tier, conditions in TIERS.items():
            rollup = Rollup(*("",) * 9)  # type: ignore[arg-type] # its key is not looked at
            add_charge(rollup, USAGE, rate(USAGE, version, conditions), paid=(0, 0))
            if not is_on_credit:
                rollup.on_credit_nano = 0
            of_one = {name: getattr(rollup, name) for name in ROLLUP_SUMS}
            kinds.append((len(kinds), model, tier, of_one))
    return kinds


async def write_past(connection: Connection, chosen: argparse.Namespace) -> None:
    """A month of so many events of so many organizations."""
    values = {"from": FROM, "organizations": chosen.organizations, "workspaces": WORKSPACES}
    values["kind"] = "prepaid" if chosen.vouchers else "invoiced"
    lots = max(1, chosen.vouchers // chosen.organizations)
    await connection.execute("SET statement_timeout = 0")
    await connection.execute("SET synchronous_commit = off")
    for statement in (_ORGANIZATIONS, _BALANCES, _PROFILES, _WORKSPACES, _KINDS):
        await connection.execute(statement, values if "%(" in statement else None)
    if chosen.vouchers:
        await sell(connection, lots=lots, at=FROM)
    kinds = rate_kinds(is_on_credit=not chosen.vouchers)
    for kind, model, tier, of_one in kinds:
        row = (kind, model, tier, json.dumps(of_one))
        await connection.execute("INSERT INTO kinds VALUES (%s, %s, %s, %s)", row)
    await connection.commit()
    values |= {"events": chosen.events, "seconds": MONTH_S, "keys": KEYS, "kinds": len(kinds)}
    for first in range(1, chosen.events + 1, CHUNK_EVENTS):
        last = min(chosen.events, first + CHUNK_EVENTS - 1)
        async with connection.transaction():
            chunk = {**values, "first": first, "last": last, "largest_share": LARGEST_SHARE}
            await connection.execute(_PAST, chunk)
            await connection.execute(_QUARTERS)
            if chosen.vouchers:
                await charge(connection, lots=lots)
            if chosen.with_events:
                await connection.execute(_EVENTS)
        if sys.stderr.isatty():
            print(f"\r{last:,} of {chosen.events:,} events", end="", file=sys.stderr)
    async with connection.transaction():
        await connection.execute(_ROLLUPS)
        if chosen.vouchers:
            await sum_up(connection)
        else:
            await connection.execute(_ACCRUED)
    await connection.execute("SET synchronous_commit = on")
    await connection.commit()
    await connection.set_autocommit(True)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.set_autocommit(False)


def used_mb() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // KB_PER_MB


async def close_month(house: House, rules: Rules) -> dict[str, object]:
    """Close it, and say how long it took and what memory had been used after the first and the last chunk."""
    memory: list[int] = []

    def note(_: Closing) -> None:
        memory.append(used_mb())

    # Of backends that end meanwhile it is not counted what they took.
    started, cpu = time.perf_counter(), time.process_time()
    us = cpu_us(descendants(os.getpid()))
    closing = await close_due(Closer(house.pool, rules, AT), on_chunk=note)
    row: dict[str, object] = {
        "seconds": round(time.perf_counter() - started, 2),
        "processor of Python, s": round(time.process_time() - cpu, 2),
        "of PostgreSQL, s": round((cpu_us(descendants(os.getpid())) - us) / US_PER_S, 2),
        "documents": sum(closing.documents.values()),
        "lines": closing.lines,
        f"MB after {CHUNK} organizations": memory[0],
        "MB at the end": memory[-1],
    }
    again = time.perf_counter()
    repeated = await close_due(Closer(house.pool, rules, AT))
    row["closed again, seconds"] = round(time.perf_counter() - again, 2)
    if closing.problems or repeated.documents:
        raise SystemExit(f"not closed as it should be: {closing.problems or repeated.documents}")
    return row


async def read_lists(connection: Connection) -> dict[str, object]:
    """The middle and the slow end of pages of the list, and of a whole document."""
    taken, shown, before = [], [], None
    for _ in range(PAGES_READ):
        started = time.perf_counter()
        page = await list_documents(connection, DocumentFilter(), limit=PAGE, before=before)
        taken.append((time.perf_counter() - started) * MS_PER_S)
        before = page[-1].document_id if page else None
        if not page:
            continue
        started = time.perf_counter()
        await get_document(connection, page[0].document_id)
        shown.append((time.perf_counter() - started) * MS_PER_S)
    return {
        "list of 50, ms p50": round(quantiles(taken, n=20)[9], 1),
        "p95": round(quantiles(taken, n=20)[18], 1),
        "a document, ms p95": round(quantiles(shown, n=20)[18], 1),
    }


async def run(chosen: argparse.Namespace) -> list[dict[str, object]]:
    """A house with its past, closed."""
    async with open_house(chosen.folder) as house:
        async with house.pool.connection() as connection:
            await write_past(connection, chosen)
            sizes = await (await connection.execute(_SIZES)).fetchone()
        names = ("requests", "rows of quarters", "rows of days", "usage events", "database, MB")
        about: dict[str, object] = dict(zip(names, map(int, sizes or ()), strict=True))
        print(render(about), file=sys.stderr)
        rules = replace(RULES, tax_point="use") if chosen.vouchers else RULES
        closed = await close_month(house, rules)
        print(render(closed), file=sys.stderr)
        async with house.pool.connection() as connection:
            lists = await read_lists(connection)
            row = await (await connection.execute(_NUMBERS)).fetchone()
        if row is None or len(set(row)) != 1:
            raise SystemExit(f"numbers have gaps: {row}")
        return [{**about, "load average": round(os.getloadavg()[0], 1)}, closed, lists]


def render(row: dict[str, object]) -> str:
    """A row as a line."""
    return "   ".join(
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in row.items()
    )


def main() -> None:
    """Measure and print; 1 as exit code where closing or the list took too long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--organizations", type=int, default=1_000)
    parser.add_argument("--vouchers", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--with-events", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = uvloop.run(run(chosen))
    print(json.dumps(rows) if chosen.json else "\n".join(map(render, rows)))
    is_slow = float(str(rows[1]["seconds"])) > SECONDS_MAX or float(str(rows[2]["p95"])) > LIST_MS_MAX
    raise SystemExit(1 if is_slow else 0)


if __name__ == "__main__":
    main()
