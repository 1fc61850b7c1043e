"""Webhooks from real processes: several workers share them, and a killed one loses none."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx2
from standardwebhooks import Webhook
from tests.e2e.serving import serving
from tests.integration.notifications.receiving import PRIVATE, Receiver, answer, receive
from tests.integration.world import TRIAL

from jeton import clock
from jeton.charging.onboarding import open_organization
from jeton.db.pool import Pool
from jeton.notifications.catalogue import LowBalance
from jeton.notifications.endpoints import WantedEndpoint, create_endpoint
from jeton.notifications.events import Event, emit

PATIENCE_S = 60
POLL_S = 0.05
POLLS_MAX = 1200


@contextlib.contextmanager
def working(database_url: str, data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A ``jeton work`` process; killed at the end if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jeton", "work", "--data-dir", str(data_dir)],
        env={
            **os.environ,
            "JETON_DATABASE_URL": database_url,
            "JETON_WEBHOOK_PRIVATE_NETWORKS": "yes",
            "JETON_LOG_LEVEL": "error",
        },
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def prepare(pool: Pool, url: str) -> UUID:
    async with pool.connection() as connection:
        organization = await open_organization(connection, name="Example GmbH", trial=TRIAL)
        wanted = WantedEndpoint(await PRIVATE.check(url), event_types=("credit.low_balance",))
        await create_endpoint(connection, organization.organization_id, wanted, at=clock.now())
    return organization.organization_id


async def happen(pool: Pool, organization_id: UUID, count: int) -> set[str]:
    data = LowBalance(remaining="0.42", threshold="1.00")
    events = [Event(data, organization_id, f"event {number}", clock.now()) for number in range(count)]
    async with pool.connection() as connection:
        for event in events:
            await emit(connection, event)
    return {event.event_id for event in events}


async def count_open(pool: Pool) -> int:
    async with pool.connection() as connection:
        query = "SELECT count(*) FROM deliveries WHERE delivered_at IS NULL"
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return int(row[0])


async def wait_for(pool: Pool, receiver: Receiver, count: int) -> None:
    """Wait until so many have come in and none is left."""
    for _ in range(POLLS_MAX):
        if len(receiver.requests) >= count and not await count_open(pool):
            return
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"{len(receiver.requests)} of {count} came in.")


async def test_a_worker_is_one_of_the_nodes_until_it_ends(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async def look(condition: str) -> list[tuple[object, ...]]:
        query = f"SELECT kind FROM nodes WHERE {condition}"  # noqa: S608 - conditions of this test
        for _ in range(POLLS_MAX):
            async with pool.connection() as connection:
                found = await (await connection.execute(query)).fetchall()  # type: ignore[call-overload, unused-ignore]  # made here
            if found:
                return list(found)
            await asyncio.sleep(POLL_S)
        raise AssertionError(condition)

    with working(database_url, tmp_path / "data") as process:
        # It was seen again after it had begun.
        assert await look("ended_at IS NULL AND seen_at > started_at + interval '1 second'") == [("work",)]
        process.terminate()
        assert await look("ended_at IS NOT NULL") == [("work",)]
        assert process.wait(PATIENCE_S) == 0


async def test_what_a_killed_worker_was_at_another_sends_under_the_same_id(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    asked = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            asked.set()
            await reader.read()
        writer.close()

    async with receive(answer(200)) as receiver:
        hanging = await asyncio.start_server(hang, "127.0.0.1", 0)
        async with hanging:
            port = hanging.sockets[0].getsockname()[1]
            organization_id = await prepare(pool, f"http://127.0.0.1:{port}/")
            event_ids = await happen(pool, organization_id, 1)
            with working(database_url, tmp_path / "a") as killed:
                async with asyncio.timeout(PATIENCE_S):
                    await asked.wait()
                killed.kill()
                killed.wait()
        async with pool.connection() as connection:
            # The claim holds for a minute; here that minute has passed, and the receiver is well again.
            await connection.execute("UPDATE deliveries SET next_attempt_at = now()")
            await connection.execute("UPDATE webhook_endpoints SET url = %s", (receiver.url,))
        assert await count_open(pool) == 1
        with working(database_url, tmp_path / "b") as process:
            await wait_for(pool, receiver, 1)
            process.terminate()
            assert await asyncio.to_thread(process.wait, PATIENCE_S) == 0
    assert {request.headers["webhook-id"] for request in receiver.requests} == event_ids


async def test_two_workers_send_every_event_once(database_url: str, pool: Pool, tmp_path: Path) -> None:
    async with receive(answer(200)) as receiver:
        organization_id = await prepare(pool, receiver.url)
        event_ids = await happen(pool, organization_id, 60)
        with working(database_url, tmp_path / "a"), working(database_url, tmp_path / "b"):
            await wait_for(pool, receiver, 60)
    sent = [request.headers["webhook-id"] for request in receiver.requests]
    assert sorted(sent) == sorted(event_ids)


async def test_a_server_sends_what_the_published_library_verifies(tmp_path: Path) -> None:
    environment = {"JETON_WEBHOOK_PRIVATE_NETWORKS": "yes"}
    async with receive() as receiver:
        with serving(tmp_path / "data", environment=environment) as server:
            headers = {"x-api-key": server.demo["JETON_ADMIN_KEY"]}
            async with httpx2.AsyncClient(base_url=server.base_url, headers=headers, timeout=30) as client:
                made = (await client.post("/v1/organizations/webhooks", json={"url": receiver.url})).json()
                path = f"/v1/organizations/webhooks/{made['id']}"
                tested = (await client.post(f"{path}/test")).json()
                for _ in range(POLLS_MAX):
                    [delivery] = (await client.get(f"{path}/deliveries")).json()["data"]
                    if delivery["state"] == "delivered":
                        break
                    await asyncio.sleep(POLL_S)
    [request] = receiver.requests
    event = Webhook(made["secret"]).verify(request.body, request.headers)
    assert event["type"] == "webhook.test"
    assert event["data"] == {"endpoint_id": made["id"]}
    assert request.headers["webhook-id"] == tested["event_id"]
