"""Rate limits over the Admin API, as the official client asks for them."""

import anthropic
import httpx2
import pytest
from anthropic.types.organization import OrganizationRateLimit
from anthropic.types.organization.workspaces import WorkspaceRateLimit, WorkspaceRateLimitUpdateValueParam
from starlette.applications import Starlette
from tests.integration.world import World, open_world

from jeton.admin.deps import AdminDeps
from jeton.admin.routes import admin_routes
from jeton.charging.limits.keeping import Place, set_limits
from jeton.charging.limits.terms import make_terms
from jeton.db.pool import Pool
from jeton.identity.audit import Actor, list_audit
from jeton.identity.key_ring import KeyRing
from jeton.limits.words import EVERY_GROUP, Limits
from jeton.pricing.loading import load_book

ADA = Actor("operator", "ada")


def client_of(world: World, limits: dict[str, Limits]) -> anthropic.AsyncAnthropic:
    terms = make_terms(limits, {}, book=load_book())
    deps = AdminDeps(world.pool, KeyRing(world.pool), limit_terms=terms)
    transport = httpx2.ASGITransport(app=Starlette(routes=admin_routes(deps)))
    return anthropic.AsyncAnthropic(
        api_key=world.admin_secret,
        base_url="http://jeton.test",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=transport),
    )


def shown(entry: OrganizationRateLimit | WorkspaceRateLimit) -> dict[str, int]:
    return {limit.type: limit.value for limit in entry.limits}


async def test_an_organization_sees_its_limits_by_group(pool: Pool) -> None:
    world = await open_world(pool)
    async with client_of(world, {EVERY_GROUP: Limits(10, 20, 30), "haiku": Limits()}) as client:
        async with pool.connection() as connection:
            place = Place(world.organization.organization_id, None, "opus")
            await set_limits(connection, place, Limits(requests=99), by=ADA)
        entries = [entry async for entry in await client.organization.rate_limits.list()]
        by_group = {entry.group.display_name: entry for entry in entries if entry.group.type == "model_group"}
        assert shown(by_group["sonnet"]) == {
            "requests_per_minute": 10,
            "input_tokens_per_minute_cache_aware": 20,
            "output_tokens_per_minute": 30,
        }
        assert shown(by_group["opus"]) == {"requests_per_minute": 99}
        assert "haiku" not in by_group
        one = await client.organization.rate_limits.list(model="claude-opus-5")
        assert [entry.id for entry in one.data] == ["rl_opus"]
        assert one.data[0].models is not None
        assert "claude-opus-5-5" in one.data[0].models
        assert (await client.organization.rate_limits.list(group_type="batch")).data == []
        with pytest.raises(anthropic.NotFoundError):
            await client.organization.rate_limits.list(model="claude-haiku-4-5")
    await world.close()


async def test_a_workspace_gets_limits_of_its_own_and_loses_them(pool: Pool) -> None:
    world = await open_world(pool)
    workspace_id = world.key.workspace_id or ""
    async with client_of(world, {EVERY_GROUP: Limits(requests=10)}) as client:
        limits = client.organization.workspaces.rate_limits
        assert (await limits.list(workspace_id)).data == []
        inherited = (await limits.list(workspace_id, include_inherited=True)).data
        assert {(e.limits[0].value, e.limits[0].source.type) for e in inherited} == {(10, "organization")}
        made = await limits.update(
            "rl_opus", workspace_id=workspace_id, limits=[{"type": "requests_per_minute", "value": 5}]
        )
        assert (made.rate_limit_id, made.limits[0].value, made.limits[0].org_limit) == ("rl_opus", 5, 10)
        assert made.limits[0].source.type == "workspace"
        more = await limits.update(
            "rl_opus", workspace_id=workspace_id, limits=[{"type": "output_tokens_per_minute", "value": 7}]
        )
        assert shown(more) == {"requests_per_minute": 5, "output_tokens_per_minute": 7}
        await limits.update(
            "rl_opus",
            workspace_id=workspace_id,
            limits=[
                {"type": "requests_per_minute", "value": None},
                {"type": "output_tokens_per_minute", "value": None},
            ],
        )
        assert (await limits.list(workspace_id)).data == []
    async with pool.connection() as connection:
        entries = await list_audit(connection, organization_id=world.organization.organization_id)
    assert [e.action for e in entries if e.actor_kind == "key" and e.action.startswith("rate_limits")] == [
        "rate_limits.cleared",
        "rate_limits.set",
        "rate_limits.set",
    ]
    await world.close()


@pytest.mark.parametrize(
    ("entry", "limit", "status"),
    [
        ("rl_nothing", {"type": "requests_per_minute", "value": 5}, 404),
        ("rl_opus", {"type": "tokens_per_day", "value": 5}, 400),
        ("rl_opus", {"type": "requests_per_minute", "value": 0}, 400),
        ("rl_opus", {"type": "requests_per_minute", "value": "many"}, 400),
    ],
)
async def test_what_is_no_limit_is_refused(
    pool: Pool, entry: str, limit: WorkspaceRateLimitUpdateValueParam, status: int
) -> None:
    world = await open_world(pool)
    async with client_of(world, {}) as client:
        limits = client.organization.workspaces.rate_limits
        with pytest.raises(anthropic.APIStatusError) as refused:
            await limits.update(entry, workspace_id=world.key.workspace_id or "", limits=[limit])
        assert refused.value.status_code == status
        assert (await limits.list(world.key.workspace_id or "")).data == []
        with pytest.raises(anthropic.NotFoundError):
            await limits.list("wrkspc_of_somebody_else")
    await world.close()
