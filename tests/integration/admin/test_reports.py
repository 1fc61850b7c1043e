"""Usage and cost reports over the Admin API, in the words of the Claude API's reference."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from tests.integration.insight.explore.past import Past, open_past

from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.db.pool import Pool
from jeton.identity.key_ring import KeyRing
from jeton.pricing.rating import Conditions
from jeton.usage import Usage

USAGE = "/v1/organizations/usage_report/messages"
COST = "/v1/organizations/cost_report"
NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)


def client_of(past: Past, secret: str = "") -> httpx2.AsyncClient:
    routes = admin_routes(AdminDeps(past.world.pool, KeyRing(past.world.pool)))
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=Starlette(routes=routes)),
        base_url="http://jeton.test",
        headers={"x-api-key": secret or past.world.admin_secret},
    )


async def ask(client: httpx2.AsyncClient, path: str, query: str) -> dict[str, Any]:
    response = await client.get(f"{path}?{query}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_buckets_come_oldest_first_empty_ones_too(pool: Pool) -> None:
    past = await open_past(pool)
    await past.bill_at(NOON, Usage(1_000, 10, 20, 30, 40, 2, thinking_tokens=15))
    async with client_of(past) as client:
        answer = await ask(client, USAGE, "starting_at=2026-10-19T05:00:00Z&ending_at=2026-10-21T00:00:00Z")
    first, second = answer["data"]
    assert (first["starting_at"], first["results"]) == ("2026-10-19T00:00:00Z", [])
    assert second["results"] == [
        {
            "uncached_input_tokens": 1_000,
            "cache_read_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 40,
            "output_tokens_details": {"thinking_tokens": 15},
            "server_tool_use": {"web_search_requests": 2},
            "requests": 1,
            "api_key_id": None,
            "workspace_id": None,
            "model": None,
            "service_tier": None,
            "context_window": None,
            "inference_geo": None,
            "speed": None,
            "end_user": None,
            "tag": None,
            "account_id": None,
            "service_account_id": None,
        }
    ]
    assert (answer["has_more"], answer["next_page"]) == (False, None)
    await past.world.close()


async def test_pages_go_on_where_the_one_before_ended(pool: Pool) -> None:
    past = await open_past(pool)
    for hours in (0, 25, 49):
        await past.bill_at(NOON + timedelta(hours=hours), Usage(100))
    query = "starting_at=2026-10-20T00:00:00Z&ending_at=2026-10-23T00:00:00Z&bucket_width=1h&limit=30"
    begun, tokens, page, has_more = [], 0, "", True
    async with client_of(past) as client:
        for _ in range(3):
            answer = await ask(client, USAGE, query + page)
            begun += [bucket["starting_at"] for bucket in answer["data"]]
            tokens += sum(row["uncached_input_tokens"] for some in answer["data"] for row in some["results"])
            page, has_more = f"&page={answer['next_page']}", answer["has_more"]
    assert not has_more
    assert (len(begun), len(set(begun)), tokens) == (72, 72, 300)
    await past.world.close()


async def test_groups_and_filters_are_those_of_the_reference(pool: Pool) -> None:
    past = await open_past(pool)
    await past.bill_at(NOON, Usage(1, 0, 0, 200_000))
    await past.bill_at(NOON, Usage(5), conditions=Conditions(service_tier="batch"), key=past.keys[2])
    range_ = "starting_at=2026-10-20T00:00:00Z&ending_at=2026-10-21T00:00:00Z"
    async with client_of(past) as client:
        grouped = await ask(client, USAGE, f"{range_}&group_by[]=context_window&group_by[]=api_key_id")
        filtered = await ask(client, USAGE, f"{range_}&service_tiers[]=batch&group_by[]=workspace_id")
        by_minute = await ask(
            client,
            USAGE,
            "starting_at=2026-10-20T12:00:00Z&ending_at=2026-10-20T12:02:00Z&bucket_width=1m&group_by[]=model",
        )
    rows = grouped["data"][0]["results"]
    assert {(row["context_window"], row["api_key_id"], row["uncached_input_tokens"]) for row in rows} == {
        ("200k-1M", past.keys[0].key_id, 1),
        ("0-200k", past.keys[2].key_id, 5),
    }
    (row,) = filtered["data"][0]["results"]
    assert (row["workspace_id"], row["uncached_input_tokens"]) == (past.keys[2].workspace_id, 5)
    assert [len(bucket["results"]) for bucket in by_minute["data"]] == [1, 0]
    assert by_minute["data"][0]["results"][0]["requests"] == 2
    await past.world.close()


@pytest.mark.parametrize("width", ["1m", "1d"])
async def test_of_one_class_of_tokens_there_is_nothing_else(pool: Pool, width: str) -> None:
    past = await open_past(pool)
    await past.bill_at(NOON, Usage(1_000, 10, 20, 30, 40))
    await past.bill_at(NOON, Usage(7))
    query = f"starting_at=2026-10-20T12:00:00Z&ending_at=2026-10-20T12:01:00Z&bucket_width={width}"
    async with client_of(past) as client:
        written = await ask(client, USAGE, f"{query}&token_class=cache_creation_1h_input_tokens")
        grouped = await ask(client, USAGE, f"{query}&token_class=input_tokens&group_by[]=model")
    (row,) = written["data"][0]["results"]
    named = {name: value for name, value in row.items() if value is not None}
    assert named == {"cache_creation": {"ephemeral_1h_input_tokens": 20}}
    (row,) = grouped["data"][0]["results"]
    named = {name: value for name, value in row.items() if value is not None}
    assert named == {"uncached_input_tokens": 1_007, "model": "claude-sonnet-5-5"}
    await past.world.close()


async def test_a_cost_is_in_cents_and_by_class_of_tokens(pool: Pool) -> None:
    past = await open_past(pool)
    # 1,000 at $2 a million and 100 at $10: 0.2 + 0.1 cents; then a nano of it is reversed.
    request_id = await past.bill_at(NOON, Usage(1_000, output_tokens=100))
    await past.reverse(request_id, 1)
    range_ = "starting_at=2026-10-20T00:00:00Z&ending_at=2026-10-21T00:00:00Z"
    async with client_of(past) as client:
        total = await ask(client, COST, range_)
        described = await ask(client, COST, f"{range_}&group_by[]=description&group_by[]=workspace_id")
        of_output = await ask(client, COST, f"{range_}&group_by[]=description&token_class=output_tokens")
    # What was reversed is of a whole request, and of no class of its tokens.
    (row,) = of_output["data"][0]["results"]
    assert (row["amount"], row["token_type"], row["cost_type"]) == ("0.10", "output_tokens", "tokens")
    assert [row["amount"] for row in total["data"][0]["results"]] == ["0.2999999"]
    rows = described["data"][0]["results"]
    assert [(row["amount"], row["cost_type"], row["token_type"]) for row in rows] == [
        ("0.20", "tokens", "uncached_input_tokens"),
        ("0.10", "tokens", "output_tokens"),
        ("-0.0000001", "reversal", None),
    ]
    assert {row["model"] for row in rows} == {"claude-sonnet-5-5"}
    assert {row["workspace_id"] for row in rows} == {past.keys[0].workspace_id}
    assert rows[0]["description"] == "claude-sonnet-5-5 Usage - Input Tokens"
    await past.world.close()


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (USAGE, ""),
        (USAGE, "starting_at=yesterday"),
        (USAGE, "starting_at=2026-10-20T00:00:00"),
        (USAGE, "starting_at=0001-01-01T00:00:00Z"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&ending_at=2026-10-19T00:00:00Z"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&bucket_width=1w"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&limit=32"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&group_by[]=prompt"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&group_by[]=model&group_by[]=model"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&group_by[]=description"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&page=page_x"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&account_ids[]=user_1"),
        (USAGE, "starting_at=2026-10-20T00:00:00Z&token_class=prompt_tokens"),
        (COST, "starting_at=2026-10-20T00:00:00Z&token_class=charged_nano"),
        (COST, "starting_at=2026-10-20T00:00:00Z&bucket_width=1m"),
        (COST, "starting_at=2026-10-20T00:00:00Z&group_by[]=account_id"),
    ],
)
async def test_what_cannot_be_asked_is_a_400_that_names_it(pool: Pool, path: str, query: str) -> None:
    past = await open_past(pool)
    async with client_of(past) as client:
        response = await client.get(f"{path}?{query}")
    assert response.status_code == 400
    assert response.json()["error"]["details"]["error_code"] == "invalid_query"
    await past.world.close()


async def test_an_api_key_may_not_ask(pool: Pool) -> None:
    past = await open_past(pool)
    async with client_of(past, past.world.secret) as client:
        for path in (USAGE, COST):
            response = await client.get(f"{path}?starting_at=2026-10-20T00:00:00Z")
            assert response.status_code == 403
    await past.world.close()
