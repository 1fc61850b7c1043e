"""Batches of a whole organization: counts, amounts, errors by type, and the Console's pages of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from starlette.applications import Starlette
from tests.integration.batches.conftest import Shop, request
from tests.integration.console.test_routes import token_of
from tests.integration.world import hash_password

from jeton import clock
from jeton.batches.overview import (
    BatchChoice,
    count_batches,
    count_errors,
    get_organization_batch,
    list_organization_batches,
    sum_errors,
)
from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.identity.members import Role, create_member
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.insight.requests import ChargeFilter, list_charges

PATH = "/console/batches"


@asynccontextmanager
async def looking(shop: Shop, role: Role = "developer") -> AsyncIterator[httpx2.AsyncClient]:
    async with shop.pool.connection() as connection:
        member = await create_member(
            connection, shop.organization_id, email=f"{role}@x.com", password_hash=hash_password(), role=role
        )
        secret = await open_session(connection, member.member_id)
    deps = ConsoleDeps(shop.pool, SignIn(shop.pool, Passwords(), SignInLimiter()), brand_name="Jeton")
    transport = httpx2.ASGITransport(app=Starlette(routes=console_routes(deps)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://jeton.test") as client:
        client.cookies.set("jeton_session", secret)
        yield client


async def test_an_ended_batch_shows_what_it_saved_its_items_and_why_some_failed(shop: Shop) -> None:
    batch_id = await shop.submit([request("a"), request("b"), request("c", model="no-such-model")])
    running = await shop.submit([request("d")])
    ended = await shop.run(batch_id)
    async with shop.pool.connection() as connection:
        page = await list_organization_batches(connection, shop.organization_id, BatchChoice())
        totals = await count_batches(connection, shop.organization_id, at=clock.now())
        batch = await get_organization_batch(connection, shop.organization_id, batch_id)
        errors = await count_errors(connection, batch)
        items = await list_charges(connection, shop.organization_id, filter_=ChargeFilter(batch_id=batch_id))
    assert [one.batch_id for one in page.batches] == [running, batch_id]
    assert (totals.in_progress, totals.ended, totals.errored) == (1, 1, 1)
    assert totals.net_nano == ended.net_nano > 0
    assert [(kind.type, kind.count) for kind in errors.kinds] == [("not_found_error", 1)]
    assert sum(charge.net_nano for charge in items.charges) == ended.net_nano
    assert {charge.service_tier for charge in items.charges} == {"batch"}
    async with looking(shop) as client:
        shown = await client.get(f"{PATH}/{batch_id}")
        data = (await client.get(f"{PATH}/{batch_id}.json")).json()
        listed = (await client.get(f"{PATH}.json", params={"state": "ended"})).json()
        results = await client.get(f"{PATH}/{batch_id}/results")
    assert data["cost"]["net_amount"] == data["net_amount"] == listed["totals"]["net_amount"]
    assert [one["id"] for one in listed["data"]] == [batch_id]
    assert "not_found_error" in shown.text
    assert f"/console/requests?batch_id={batch_id}" in shown.text
    assert len(results.text.splitlines()) == 3


async def test_canceling_needs_the_role_and_is_audited(shop: Shop) -> None:
    batch_id = await shop.submit([request("a")])
    for role, status in (("auditor", 403), ("developer", 303)):
        async with looking(shop, role) as client:  # type: ignore[arg-type]  # one of Role
            token = await token_of(client, f"{PATH}/{batch_id}")
            form = {"form_token": token}
            answer = await client.post(f"{PATH}/{batch_id}/cancel", data=form)
            assert answer.status_code == status
            assert (await client.get(f"{PATH}/{batch_id}/results")).status_code == (
                403 if role == "auditor" else 409
            )
    async with shop.pool.connection() as connection:
        batch = await get_organization_batch(connection, shop.organization_id, batch_id)
        cursor = await connection.execute("SELECT actor FROM audit_entries WHERE action = 'batches.canceled'")
        assert await cursor.fetchall() == [("developer@x.com",)]
    assert batch.state == "canceling"


async def test_what_is_not_there_is_said(shop: Shop) -> None:
    async with looking(shop) as client:
        for path, status in (
            ("", 200),
            ("?state=lost", 400),
            ("?workspace_id=wrkspc_gone", 200),
            ("/msgbatch_none", 404),
            ("/msgbatch_none.json", 404),
            ("/%00", 404),
            ("/msgbatch_none/results", 404),
        ):
            assert (await client.get(f"{PATH}{path}")).status_code == status


def test_errors_are_counted_by_type_with_the_first_sentence() -> None:
    line = (
        '{"custom_id":"%s","result":{"type":"errored","error":'
        '{"type":"error","error":{"type":"%s","message":"%s"}}}}'
    )
    part = "\n".join(
        (
            line % ("a", "api_error", "one"),
            line % ("b", "overloaded_error", "two"),
            line % ("c", "api_error", "three"),
            '{"custom_id":"d","result":{"type":"expired"}}',
        )
    ).encode()
    report = sum_errors([part])
    assert [(kind.type, kind.count, kind.sentence) for kind in report.kinds] == [
        ("api_error", 2, "one"),
        ("overloaded_error", 1, "two"),
    ]
    assert report.examined == 3
