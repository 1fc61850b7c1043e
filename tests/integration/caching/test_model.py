"""The shared account against an oracle: any conversations, at any times, over three nodes, in parallel."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.caching.oracle import Asked, Oracle, tokens_of

from jeton.caching.deciding import find_cacheable, find_levels
from jeton.caching.plan import make_plan
from jeton.caching.shared.account import Account, Look
from jeton.caching.words import Scope
from jeton.db.pool import open_pool

MINIMUM = 300
NODES = 3
US = 1_000_000
Json = dict[str, Any]

waits = st.sampled_from([0, 0, 1, 1, 60, 60, 299, 300, 301, 3599, 3600])
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}


def rarely(draw: st.DrawFn) -> bool:
    return draw(st.integers(0, 7)) == 7


@st.composite
def requests(draw: st.DrawFn) -> Json:
    """One of few conversations, at some length, with any marks that are allowed."""
    length = draw(st.sampled_from([4, 5, 6, 23, 24, 25, 26, 44]))
    changed = draw(st.sampled_from([0, 2, 14])) if rarely(draw) else None
    blocks: list[Json] = [
        {"type": "text", "text": f"block {index}{' changed' if index == changed else ''}"}
        for index in range(length)
    ]
    if rarely(draw):
        blocks[-1] = dict(IMAGE)
    tools: list[Json] = [] if rarely(draw) else [{"name": name, "input_schema": {}} for name in "ab"]
    if rarely(draw):
        tools.append({"type": "web_search_20250305", "name": "web_search"})
    system: list[Json] = [] if rarely(draw) else [{"type": "text", "text": "be kind"}]
    request: Json = {"model": "m", "max_tokens": 1}
    if rarely(draw):
        request |= draw(st.sampled_from([{"tool_choice": {"type": "any"}}, {"speed": "fast"}]))
    if rarely(draw):
        request["thinking"] = {"type": "enabled", "budget_tokens": 2048}
    everything = [*tools, *system, *blocks]
    ttls = draw(st.sampled_from([["5m"] * 4, ["1h", "5m", "5m", "5m"], ["1h", "1h", "5m", "5m"], ["1h"] * 4]))
    last = len(everything) - 1
    some = st.sets(st.integers(0, last), max_size=4)
    places = draw(st.one_of(st.just({last}), st.just({1, last}), some))
    for place, ttl in zip(sorted(places), ttls, strict=False):
        everything[place]["cache_control"] = {"type": "ephemeral", "ttl": ttl}
    if len(places) < 4 and last not in places and draw(st.booleans()):
        request["cache_control"] = {"type": "ephemeral", "ttl": ttls[len(places)]}
    roles = ("user", "assistant")
    messages = [{"role": roles[turn % 2], "content": [block]} for turn, block in enumerate(blocks)]
    return {**request, "tools": tools, "system": system, "messages": messages}


workspaces = st.sampled_from(["w", "w", "w", "x"])
steps = st.lists(
    st.tuples(requests(), waits, st.integers(0, NODES - 1), workspaces, st.integers(0, 2)),
    min_size=2,
    max_size=12,
)


async def begin(account: Account, look: Look, request: Json) -> tuple[int, int, int]:
    counted = {mark.position: tokens_of(request, mark.position) for mark in look.plan.breakpoints}
    cacheable = find_cacheable(look.plan.breakpoints, counted, MINIMUM)
    levels = find_levels(look.hit, cacheable)
    assert await account.begin(look, cacheable, message_id="", cached_tokens=0)
    return levels.read, levels.write_1h, levels.write_5m


async def run(url: str, script: list[tuple[Json, int, int, str, int]]) -> None:
    """Answer a script; a request begins at once, or after one or two others have started."""
    pool = await open_pool(url, connections_min=1, connections_max=2)
    async with pool.connection() as connection:
        await connection.execute("TRUNCATE prompt_cache_entries")
    nodes = [Account() for _ in range(NODES)]
    for account in nodes:
        account.open(pool)
    oracle = Oracle(MINIMUM)
    at_s = 1_800_000_000
    open_ones: list[tuple[int, Account, Look, Asked]] = []
    try:
        for request, wait_s, number, workspace_id, delay in [*script, *[({}, 0, 0, "", 0)] * 3]:
            at_s += wait_s
            open_ones = [(left - 1, *rest) for left, *rest in open_ones]  # type: ignore[misc]  # as it was
            if request:
                plan = make_plan(msgspec.json.encode(request), Scope(UUID(int=7), workspace_id, "m"))
                if plan is not None:
                    look = await nodes[number].look(plan, at_s * US)
                    asked = oracle.start(request, workspace_id, at_s)
                    assert (look.hit is None, (look.hit or 0) + 1) == (not asked.read, asked.read or 1)
                    open_ones.append((delay, nodes[number], look, asked))
            for left, account, look, asked in open_ones:
                if left <= 0:
                    assert await begin(account, look, asked.request) == oracle.begin(asked)
            open_ones = [entry for entry in open_ones if entry[0] > 0]
    finally:
        for account in nodes:
            await account.close()
        await pool.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # one database serves all examples; each begins with an empty table
@given(script=steps)
def test_every_node_answers_what_the_reference_says(
    database_url: str, script: list[tuple[Json, int, int, str, int]]
) -> None:
    asyncio.run(run(database_url, script))
