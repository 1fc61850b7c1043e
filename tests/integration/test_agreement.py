"""One number (P7): page = JSON = CSV = Parquet = usage and cost API = receipt = posting, for any question."""

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import httpx2
from arro3.io import read_parquet
from psycopg.rows import dict_row
from starlette.applications import Starlette
from tests.integration.insight.explore.past import Past, fill, open_past
from tests.integration.world import EMAIL, add_member

from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.db.pool import Connection, Pool
from jeton.identity.key_ring import KeyRing
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.insight.explore.sums import TOKEN_CLASSES
from jeton.insight.receipt import get_receipt
from jeton.money import display_usd, parse_usd

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati")
USAGE_REPORT = "/v1/organizations/usage_report/messages"
FROM_AT = datetime(2026, 10, 23, tzinfo=UTC)
REQUESTS = 120
QUESTIONS = 25
NANO_PER_CENT = 10_000_000
NANO = Decimal(10) ** 9

# What the ledger says of each request: what was earned or given away for it, less what was undone; and what
# of it lots paid that nobody paid for.
_POSTED = """
    SELECT c.request_id, c.held_at, c.workspace_id, c.key_id, c.model, e.service_tier, c.end_user, c.tag,
           e.input_tokens + e.cache_creation_5m_input_tokens + e.cache_creation_1h_input_tokens
           + e.cache_read_input_tokens + e.output_tokens,
           (SELECT -coalesce(sum(p.nano), 0)::bigint
            FROM transactions AS t, unnest(t.accounts, t.amounts) AS p (account, nano)
            WHERE t.request_id = c.request_id AND t.movement IN ('settle', 'credit_note')
              AND p.account IN ('revenue', 'promotion')),
           (SELECT -coalesce(sum(p.nano), 0)::bigint
            FROM transactions AS t, unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, nano)
            JOIN lots AS l USING (lot_id)
            WHERE t.request_id = c.request_id AND t.movement IN ('settle', 'credit_note')
              AND p.account = 'promotion' AND l.kind IN ('free', 'promotional'))
    FROM charges AS c JOIN usage_events AS e USING (request_id) ORDER BY c.request_id
"""


@dataclass(frozen=True, slots=True)
class Posted:
    """A request as the ledger knows it."""

    request_id: str
    at: datetime
    workspace_id: str
    key_id: str
    model: str
    service_tier: str
    end_user: str
    tag: str
    tokens: int
    net_nano: int
    free_nano: int


async def read_posted(connection: Connection) -> list[Posted]:
    cursor = await connection.execute(_POSTED)
    return [Posted(*row) for row in await cursor.fetchall()]


@asynccontextmanager
async def both_edges(past: Past) -> AsyncIterator[httpx2.AsyncClient]:
    pool = past.world.pool
    member = await add_member(past.world)
    async with pool.connection() as connection:
        secret = await open_session(connection, member.member_id)
    sign_in = SignIn(pool, Passwords(), SignInLimiter())
    # The member runs the installation, too, so that the page's SQL can be copied.
    deps = ConsoleDeps(pool, sign_in, "Jeton", operator_emails=frozenset({EMAIL}))
    routes = [*console_routes(deps), *admin_routes(AdminDeps(pool, KeyRing(pool)))]
    transport = httpx2.ASGITransport(app=Starlette(routes=routes))
    headers = {"x-api-key": past.world.admin_secret}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://jeton.test", headers=headers
    ) as client:
        client.cookies.set("jeton_session", secret)
        yield client


def ask(random: Random, posted: list[Posted]) -> dict[str, str]:
    first = date(2026, 10, 22) + timedelta(days=random.randrange(6))
    query = {
        "from": first.isoformat(),
        "until": (first + timedelta(days=random.randrange(1, 5))).isoformat(),
        "zone": random.choice(ZONES),
        "group": random.choice(("model", "key_id", "service_tier", "workspace_id", "end_user", "tag")),
        "subgroup": random.choice(("", "inference_geo", "context_window")),
        "step": random.choice(("1h", "1d", "1mo")),
    }
    one = random.choice(posted)
    for name in ("workspace_id", "key_id", "model", "service_tier"):
        if random.random() < 0.25:
            query[name] = getattr(one, name)
    # No label is no filter.
    for name in ("end_user", "tag"):
        if getattr(one, name) and random.random() < 0.4:
            query[name] = getattr(one, name)
    return query


async def test_every_way_to_ask_gives_the_same_number_to_the_nano(pool: Pool) -> None:
    random = Random(8)  # noqa: S311 - a seed, so that a failure can be repeated
    past = await open_past(pool)
    await fill(past, random, requests=REQUESTS, from_at=FROM_AT, days=5)
    async with pool.connection() as connection:
        posted = await read_posted(connection)
    organization_id = past.world.organization.organization_id
    assert 0 < sum(one.free_nano for one in posted) < sum(one.net_nano for one in posted)
    seen = 0
    async with both_edges(past) as client:
        for number in range(QUESTIONS):
            query = ask(random, posted)
            twin = (await client.get("/console/cost.json", params=query)).json()
            assert twin["type"] == "cost_report", (query, twin)
            starts_at = datetime.fromisoformat(twin["starting_at"])
            ends_at = datetime.fromisoformat(twin["ending_at"])
            meant = [
                one
                for one in posted
                if starts_at <= one.at < ends_at
                and all(getattr(one, name) == query.get(name, getattr(one, name)) for name in _FILTERS)
            ]
            net_nano = sum(one.net_nano for one in meant)
            assert parse_usd(twin["totals"]["net_amount"]) == net_nano, query
            free_nano = sum(one.free_nano for one in meant)
            assert parse_usd(twin["totals"]["free_credit_amount"]) == free_nano
            assert parse_usd(twin["totals"]["due_amount"]) == net_nano - free_nano
            assert {step["step"]: parse_usd(step["amount"]) for step in twin["waterfall"][-3:]} == {
                "net": net_nano,
                "free_credit": -free_nano,
                "due": net_nano - free_nano,
            }
            assert twin["totals"]["requests"] == len(meant)
            assert sum(parse_usd(row["net_amount"]) for row in twin["rows"]) == net_nano
            assert sum(parse_usd(group["net_amount"]) for group in twin["groups"]) == net_nano
            if meant:
                seen += 1
                page = (await client.get("/console/cost", params=query)).text
                for nano in (net_nano, -free_nano, net_nano - free_nano):
                    assert f'title="{display_nine(nano)}"' in page
            await compare_files(client, query, twin, tokens=sum(one.tokens for one in meant))
            await compare_api(client, query, starts_at, ends_at, meant)
            await compare_sql(client, past, query, twin)
            if number % 3 == 0:
                await compare_focus(client, query, meant, between=(starts_at, ends_at))
        hostile = {"model": "o'x\\'; DROP TABLE usage_rollups; --", "range": "30d", "state": "settled"}
        assert await run_sql(client, past, hostile) == []
        async with pool.connection() as connection:
            for one in random.sample(posted, 10):
                receipt = await get_receipt(connection, organization_id, one.request_id)
                assert (
                    receipt.money.net_nano - (receipt.reversal.amount_nano if receipt.reversal else 0)
                    == one.net_nano
                )
    assert seen > QUESTIONS // 2
    await past.world.close()


_FILTERS = ("workspace_id", "key_id", "model", "service_tier", "end_user", "tag")


def display_nine(nano: int) -> str:
    whole, _, decimals = display_usd(nano).partition(".")
    return f"{whole}.{decimals.ljust(9, '0')}"


async def compare_files(
    client: httpx2.AsyncClient, query: dict[str, str], twin: dict[str, Any], *, tokens: int
) -> None:
    text = (await client.get("/console/cost.csv", params=query)).text
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [row["net_amount"] for row in rows] == [row["net_amount"] for row in twin["rows"]]
    assert [int(row["net_nano"]) for row in rows] == [parse_usd(row["net_amount"]) for row in rows]
    assert [row["starting_at"] for row in rows] == [row["starting_at"] for row in twin["rows"]]
    counts = [name for name in rows[0] if name.endswith("_tokens")] if rows else []
    # What was thought is a part of the output.
    counts = [name for name in counts if name != "thinking_tokens"]
    assert sum(int(row[name]) for row in rows for name in counts) == tokens
    file = (await client.get("/console/cost.parquet", params=query)).content
    table = read_parquet(io.BytesIO(file)).read_all()
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    assert columns["net_nano"] == [Decimal(row["net_nano"]) for row in rows]
    for name in ("free_credit", "due"):
        amounts = [row[f"{name}_amount"] for row in twin["rows"]]
        assert [row[f"{name}_amount"] for row in rows] == amounts
        assert columns[f"{name}_nano"] == [Decimal(parse_usd(amount)) for amount in amounts]
        assert [int(row[f"{name}_nano"]) for row in rows] == columns[f"{name}_nano"]
    assert columns["net_amount"] == [Decimal(row["net_amount"]) for row in rows]
    assert columns["output_tokens"] == [int(row["output_tokens"]) for row in rows]


async def compare_sql(
    client: httpx2.AsyncClient, past: Past, query: dict[str, str], twin: dict[str, Any]
) -> None:
    """The statement that the operator copies, run as it is, has the rows of the page."""
    rows = await run_sql(client, past, query)
    assert [row["net_nano"] for row in rows] == [parse_usd(row["net_amount"]) for row in twin["rows"]]
    for name in ("input_tokens", "output_tokens", "requests", *twin["group_by"]):
        assert [row[name] for row in rows] == [row[name] for row in twin["rows"]]
    starts = [datetime.fromisoformat(row["starting_at"]) for row in twin["rows"]]
    assert [row["starting_at"] for row in rows] == starts


async def run_sql(client: httpx2.AsyncClient, past: Past, query: dict[str, str]) -> list[dict[str, Any]]:
    statement = (await client.get("/console/cost.sql", params=query)).text
    assert "SELECT" in statement, statement
    async with past.world.pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        # The text of the answer, without parameters: what the operator pastes.
        await cursor.execute(statement.encode())
        return await cursor.fetchall()


async def compare_focus(
    client: httpx2.AsyncClient,
    query: dict[str, str],
    meant: list[Posted],
    *,
    between: tuple[datetime, datetime],
) -> None:
    """Effective cost is what is due, quantities are the tokens, and the API gives the very same file."""
    text = (await client.get("/console/cost/focus.csv", params=query)).text
    rows = [*csv.DictReader(io.StringIO(text))]
    due = sum((Decimal(row["PricingCurrencyEffectiveCost"]) for row in rows), Decimal())
    assert due * NANO == sum(one.net_nano - one.free_nano for one in meant), query
    tokens = [Decimal(row["ConsumedQuantity"]) for row in rows if row["ConsumedUnit"] == "Tokens"]
    assert sum(tokens) == sum(one.tokens for one in meant)
    names = {"workspace_id": "workspace_ids[]", "key_id": "api_key_ids[]", "model": "models[]"}
    names |= {"service_tier": "service_tiers[]", "end_user": "end_users[]", "tag": "tags[]"}
    asked = {names[name]: text for name, text in query.items() if name in names}
    asked |= {"starting_at": between[0].isoformat(), "ending_at": between[1].isoformat()}
    assert (await client.get("/v1/organizations/focus_report", params=asked)).text == text
    of_output = {"token_class": "output_tokens"}
    page = (await client.get("/console/cost.json", params={**query, **of_output})).json()
    text = (await client.get("/console/cost/focus.csv", params={**query, **of_output})).text
    rows = [*csv.DictReader(io.StringIO(text))]
    charged = sum((Decimal(row["PricingCurrencyEffectiveCost"]) for row in rows), Decimal())
    assert charged * NANO == parse_usd(page["totals"]["charged_amount"])
    assert (await client.get("/v1/organizations/focus_report", params={**asked, **of_output})).text == text


async def compare_api(
    client: httpx2.AsyncClient,
    query: dict[str, str],
    starts_at: datetime,
    ends_at: datetime,
    meant: list[Posted],
) -> None:
    """The API's buckets are UTC's: by the hour where the range begins with one, else by the minute."""
    filters = {
        f"{name}s[]": query[name]
        for name in ("model", "workspace_id", "service_tier", "end_user", "tag")
        if name in query
    }
    if "key_id" in query:
        filters["api_key_ids[]"] = query["key_id"]
    is_whole = starts_at.minute == 0 == ends_at.minute
    asked = {**filters, "starting_at": starts_at.isoformat(), "ending_at": ends_at.isoformat()}
    hours = {**asked, "bucket_width": "1h" if is_whole else "1m", "limit": "168" if is_whole else "1440"}
    tokens = requests = 0
    async for row in pages(client, USAGE_REPORT, {**hours, "group_by[]": "model"}):
        tokens += row["uncached_input_tokens"] + row["cache_read_input_tokens"] + row["output_tokens"]
        tokens += sum(row["cache_creation"].values())
        requests += row["requests"]
    assert (requests, tokens) == (len(meant), sum(one.tokens for one in meant))
    # Each class is a report of its own, so some of the questions must do.
    if query["step"] == "1d":
        assert await sum_classes(client, hours) == tokens
    if is_whole:
        for group_by in ("workspace_id", "description", "end_user"):
            cents = Decimal()
            async for row in pages(
                client, "/v1/organizations/cost_report", {**hours, "group_by[]": group_by}
            ):
                cents += Decimal(row["amount"])
            assert cents * NANO_PER_CENT == sum(one.net_nano for one in meant)


async def sum_classes(client: httpx2.AsyncClient, asked: dict[str, str]) -> int:
    """All classes of tokens, each asked for by itself; a row has nothing but its own."""
    found = 0
    for token_class in TOKEN_CLASSES:
        async for row in pages(client, USAGE_REPORT, {**asked, "token_class": token_class}):
            (counted,) = (
                value for name, value in row.items() if name.split("_")[-1] in {"tokens", "creation"}
            )
            found += sum(counted.values()) if isinstance(counted, dict) else counted
    return found


async def pages(
    client: httpx2.AsyncClient, path: str, query: dict[str, str]
) -> AsyncIterator[dict[str, Any]]:
    page = ""
    while True:
        answer = (await client.get(path, params={**query, **({"page": page} if page else {})})).json()
        for bucket in answer["data"]:
            for row in bucket["results"]:
                yield row
        if not answer["has_more"]:
            return
        page = answer["next_page"]
