"""Rate limits on a real PostgreSQL: set, cleared, audited, and known to every node within moments."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from jeton import clock
from jeton.charging.limits.following import Follower
from jeton.charging.limits.keeping import (
    Place,
    clear_limits,
    list_limits,
    read_all_overrides,
    read_overrides,
    set_limits,
)
from jeton.charging.limits.terms import LimitTerms, list_in_force, make_terms
from jeton.db.nodes import Beat, beat, end_node, join_nodes
from jeton.db.pool import Pool
from jeton.errors import ConfigurationError, NotFoundError
from jeton.identity.audit import Actor, list_audit
from jeton.identity.organizations import create_organization, list_workspaces
from jeton.ids import new_id
from jeton.limits.bucket import WHOLE
from jeton.limits.errors import InvalidLimitError, RateLimitedError
from jeton.limits.limiter import Limiter
from jeton.limits.words import EVERY_GROUP, LIMIT_MAX, Limits
from jeton.pricing.loading import load_book

ADA = Actor("operator", "ada")
WAIT_S = 15
PAUSE_S = 0.01


async def open_organization(pool: Pool) -> tuple[UUID, str]:
    async with pool.connection() as connection:
        organization = await create_organization(connection, "Example GmbH")
        workspaces = await list_workspaces(connection, organization.organization_id)
    return organization.organization_id, workspaces[0].workspace_id


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110 - a limiter has no use for an event of its own
            await asyncio.sleep(PAUSE_S)


def is_in_force(limiter: Limiter, place: Place, limits: Limits) -> bool:
    return limiter.find_limits(place.organization_id, place.workspace_id, group=place.group) == limits


@asynccontextmanager
async def following(pool: Pool, limiter: Limiter) -> AsyncIterator[Follower]:
    follower = Follower(pool, limiter, node_id=new_id("node"))
    await follower.join()
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await follower.leave()


async def test_limits_are_set_replaced_and_cleared_with_their_audit(pool: Pool) -> None:
    organization_id, workspace_id = await open_organization(pool)
    own, narrow = Place(organization_id, None, "opus"), Place(organization_id, workspace_id, EVERY_GROUP)
    async with pool.connection() as connection:
        await set_limits(connection, own, Limits(10, 20, 30), by=ADA)
        await set_limits(connection, own, Limits(requests=50), by=Actor("operator", "bob"))
        await set_limits(connection, narrow, Limits(output_tokens=7), by=ADA)
        kept = await list_limits(connection, organization_id)
        assert [(one.workspace_id, one.group, one.limits, one.changed_by) for one in kept] == [
            (None, "opus", Limits(requests=50), "bob"),
            (workspace_id, "*", Limits(output_tokens=7), "ada"),
        ]
        assert await read_all_overrides(connection) == {
            organization_id: await read_overrides(connection, organization_id)
        }
        assert await clear_limits(connection, own, by=ADA)
        assert not await clear_limits(connection, own, by=ADA)
        entries = await list_audit(connection, organization_id=organization_id)
    assert [(entry.action, entry.actor) for entry in reversed(entries)] == [
        ("rate_limits.set", "ada"),
        ("rate_limits.set", "bob"),
        ("rate_limits.set", "ada"),
        ("rate_limits.cleared", "ada"),
    ]
    assert entries[0].details == {
        "group": "opus",
        "requests": 50,
        "input_tokens": None,
        "output_tokens": None,
    }


@pytest.mark.parametrize(
    ("group", "limits"),
    [("opus", Limits(0)), ("opus", Limits(-1)), ("opus", Limits(LIMIT_MAX + 1)), ("", Limits(1)),
     (" opus", Limits(1)), ("o" * 201, Limits(1)), ("o\x00", Limits(1))],
)  # fmt: skip
async def test_what_is_no_limit_is_refused_and_nothing_is_written(
    pool: Pool, group: str, limits: Limits
) -> None:
    organization_id, _ = await open_organization(pool)
    async with pool.connection() as connection:
        with pytest.raises(InvalidLimitError):
            await set_limits(connection, Place(organization_id, None, group), limits, by=ADA)
        assert await list_limits(connection, organization_id) == []


async def test_limits_are_of_somebody(pool: Pool) -> None:
    organization_id, _ = await open_organization(pool)
    _, elsewhere = await open_organization(pool)
    async with pool.connection() as connection:
        for place in (Place(uuid4(), None, "opus"), Place(organization_id, elsewhere, "opus")):
            with pytest.raises(NotFoundError):
                await set_limits(connection, place, Limits(1), by=ADA)


async def test_what_is_in_force_is_listed_by_group(pool: Pool) -> None:
    organization_id, workspace_id = await open_organization(pool)
    terms = make_terms({EVERY_GROUP: Limits(10)}, {"new": ["claude-opus-5-5"]}, book=load_book())
    async with pool.connection() as connection:
        await set_limits(connection, Place(organization_id, None, "new"), Limits(99), by=ADA)
        await set_limits(connection, Place(organization_id, workspace_id, "haiku"), Limits(5), by=ADA)
        shared = {one.group: one for one in await list_in_force(connection, organization_id, terms)}
        own = await list_in_force(connection, organization_id, terms, workspace_id=workspace_id)
    assert shared["new"].models == ("claude-opus-5-5",)
    assert (shared["new"].limits, shared["new"].set_by) == (Limits(99), "ada")
    assert (shared["haiku"].limits, shared["haiku"].set_by) == (Limits(10), "")
    assert "claude-opus-5" in shared["opus"].models
    assert {one.group: one.limits for one in own if one.limits != Limits()} == {"haiku": Limits(5)}


def test_terms_name_what_the_book_has() -> None:
    with pytest.raises(ConfigurationError) as refused:
        make_terms({"opsu": Limits(1)}, {"mine": ["claude-opus-99"]}, book=load_book())
    assert refused.value.mistakes == (
        "The rate limit group mine names claude-opus-99, which is not in the price book.",
        (
            "There are rate limits for the group opsu, in which no model is; the groups are"
            " *, fable, haiku, jeton-extract-1, mythos, opus, sonnet."
        ),
    )


async def test_nodes_know_how_many_others_there_are(pool: Pool) -> None:
    one, two, worker = new_id("node"), new_id("node"), new_id("node")
    async with pool.connection() as connection:
        await join_nodes(connection, one, "serve")
        await join_nodes(connection, worker, "work")
        assert await beat(connection, one) == Beat(others=0, was_alive=True)
        await join_nodes(connection, two, "serve")
        assert await beat(connection, one) == Beat(others=1, was_alive=True)
        await connection.execute(
            "UPDATE nodes SET seen_at = seen_at - interval '11 seconds' WHERE node_id = %s", (two,)
        )
        assert await beat(connection, one) == Beat(others=0, was_alive=True)
        assert await beat(connection, two) == Beat(others=1, was_alive=False)
        assert await beat(connection, one) == Beat(others=1, was_alive=True)
        await end_node(connection, two)
        assert await beat(connection, one) == Beat(others=0, was_alive=True)
        with pytest.raises(LookupError):
            await beat(connection, new_id("node"))


async def test_a_change_is_known_without_being_asked_for(pool: Pool) -> None:
    organization_id, workspace_id = await open_organization(pool)
    limiter = LimitTerms().make_limiter(clock.read_us())
    place = Place(organization_id, None, "opus")

    def find_limits() -> Limits:
        return limiter.find_limits(organization_id, None, group="opus")

    async with following(pool, limiter):
        assert limiter.is_off
        async with pool.connection() as connection:
            await set_limits(connection, place, Limits(requests=2), by=ADA)
        await until(lambda: find_limits() == Limits(requests=2))
        line = limiter.find_line(organization_id, workspace_id, group="opus", at_us=clock.read_us())
        assert line is not None
        async with pool.connection() as connection:
            await clear_limits(connection, place, by=ADA)
        await until(lambda: limiter.is_off)


async def test_changes_are_read_on_the_connection_that_heard_of_them(pool: Pool) -> None:
    """It once waited for itself: each change took five seconds and a new connection."""
    organization_id, _ = await open_organization(pool)
    limiter = LimitTerms().make_limiter(clock.read_us())
    place = Place(organization_id, None, "opus")
    with capture_logs() as logs:
        async with following(pool, limiter):
            for number in range(1, 6):
                async with pool.connection() as connection:
                    await set_limits(connection, place, Limits(requests=number), by=ADA)
                await until(partial(is_in_force, limiter, place, Limits(requests=number)))
    assert logs == []


async def test_limits_that_were_set_before_are_known_before_the_first_request(pool: Pool) -> None:
    organization_id, _ = await open_organization(pool)
    async with pool.connection() as connection:
        await set_limits(connection, Place(organization_id, None, "opus"), Limits(requests=2), by=ADA)
    limiter = LimitTerms().make_limiter(clock.read_us())
    await Follower(pool, limiter, node_id=new_id("node")).join()
    assert limiter.find_limits(organization_id, None, group="opus") == Limits(requests=2)


async def test_a_node_that_joins_takes_its_share_and_gives_it_back(pool: Pool) -> None:
    first, second = Limiter({EVERY_GROUP: Limits(60)}), Limiter({EVERY_GROUP: Limits(60)})
    async with following(pool, first):
        assert first._unused.share == WHOLE
        async with following(pool, second):
            # It knows of the other at once, begins with nothing, and has its share once the other let go.
            await until(lambda: second._unused.share == WHOLE // 2)
            assert first._unused.share == WHOLE // 2
            line = second.find_line(uuid4(), "wrkspc_1", group="opus", at_us=clock.read_us())
            assert line is not None
            assert line.list_standings(clock.read_us())[0].remaining < 60
        await until(lambda: first._unused.share == WHOLE)


async def test_what_is_taken_is_seen_by_the_others_one_after_the_other(pool: Pool) -> None:
    """Fifty at once, each of which takes what is left: nobody decides on what another has changed."""
    nodes = [new_id("node") for _ in range(50)]

    async def take_a_third(node_id: str) -> None:
        async with pool.connection() as connection:
            await beat(connection, node_id, lambda taken: (min(3, 100 - sum(taken)), False))

    async with pool.connection() as connection:
        for node_id in nodes:
            await join_nodes(connection, node_id, "serve")
        await connection.execute("UPDATE nodes SET taken = '0'")
    await asyncio.gather(*map(take_a_third, nodes))
    async with pool.connection() as connection:
        row = await (await connection.execute("SELECT sum(taken::int) FROM nodes")).fetchone()
    assert row == (100,)


async def test_shares_follow_the_load_of_each_limit(pool: Pool) -> None:
    """All requests of one organization come to one of two nodes: nearly all of its limit is there."""
    organization_id = uuid4()
    first, second = Limiter({EVERY_GROUP: Limits(6_000)}), Limiter({EVERY_GROUP: Limits(6_000)})
    async with following(pool, first), following(pool, second):
        await until(lambda: not first.is_alone)

        def press() -> bool:
            line = first.find_line(organization_id, "wrkspc_1", group="opus", at_us=clock.read_us())
            assert line is not None
            with suppress(RateLimitedError):
                for _ in range(100):
                    line.reserve(1, 1, at_us=clock.read_us())
            return first.claim.of(f"{organization_id}//opus") >= WHOLE * 9 // 10

        await until(press)
        assert second.claim.of(f"{organization_id}//opus") <= WHOLE // 10
        assert second.claim.base == WHOLE // 2


async def test_a_break_of_the_connection_loses_no_change(pool: Pool, database_url: str) -> None:
    organization_id, _ = await open_organization(pool)
    limiter = LimitTerms().make_limiter(clock.read_us())
    async with following(pool, limiter):
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute("ALTER TABLE rate_limits DISABLE TRIGGER rate_limits_notify")
            await set_limits(connection, Place(organization_id, None, "opus"), Limits(requests=2), by=ADA)
            await connection.execute("ALTER TABLE rate_limits ENABLE TRIGGER rate_limits_notify")
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        await until(lambda: limiter.find_limits(organization_id, None, group="opus") == Limits(requests=2))
