"""Delivery of events to webhooks, over real sockets and a real database, with a clock of the test's own."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jeton.db.pool import open_pool
from jeton.notifications.addresses import AddressRules
from jeton.notifications.catalogue import LowBalance
from jeton.notifications.endpoints import (
    WantedEndpoint,
    create_endpoint,
)
from jeton.notifications.events import Event, emit
from jeton.notifications.outbox import CLAIM_S, claim, fan_out, record
from jeton.notifications.webhook import Attempt, WebhookClient

from .receiving import PRIVATE, answer, make_notifier, receive
from .stage import Stage


async def test_an_event_arrives_signed_as_the_standard_says(stage: Stage) -> None:
    async with receive() as receiver:
        _, secret = await stage.add(receiver.url)
        event_id = await stage.happen()
        assert await make_notifier(stage.pool).work_off(stage.clock) == 2
    (received,) = receiver.requests
    assert received.path == "/hooks?of=jeton"
    assert received.headers["content-type"] == "application/json"
    assert json.loads(received.body) == {
        "type": "credit.low_balance",
        "timestamp": "2026-11-23T12:00:00Z",
        "organization_id": str(stage.organization_id),
        "data": {"remaining": "0.42", "threshold": "1.00"},
        "message": LowBalance(remaining="0.42", threshold="1.00").sentence,
        "url": None,
    }
    assert (received.headers["webhook-id"], received.headers["webhook-timestamp"]) == (event_id, "1795435200")
    # By hand: HMAC-SHA256 over id.timestamp.body under the decoded secret.
    signed = f"{event_id}.1795435200.".encode() + received.body
    digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    assert received.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert await stage.look_up("attempts, last_status, delivered_at, next_attempt_at, claim_id") == [
        (1, 204, stage.clock.at, None, None)
    ]


async def test_what_has_happened_is_told_once(stage: Stage) -> None:
    async with receive() as receiver:
        await stage.add(receiver.url)
        await stage.happen("the same")
        again = Event(
            LowBalance(remaining="0", threshold="1"), stage.organization_id, "the same", stage.clock.at
        )
        async with stage.pool.connection() as connection:
            assert not await emit(connection, again)
        notifier = make_notifier(stage.pool)
        assert [await notifier.work_off(stage.clock) for _ in range(2)] == [2, 0]
    assert len(receiver.requests) == 1


async def test_failures_are_tried_again_as_the_specification_says_then_given_up(stage: Stage) -> None:
    delays_s = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    async with receive(answer(500, body=b"not today")) as receiver:
        await stage.add(receiver.url)
        await stage.happen()
        notifier = make_notifier(stage.pool)
        await notifier.work_off(stage.clock)
        for delay_s in delays_s:
            stage.clock.turn(seconds=delay_s - 1)
            assert await notifier.work_off(stage.clock) == 0
            stage.clock.turn(seconds=1)
            assert await notifier.work_off(stage.clock) == 1
        stage.clock.turn(days=1)
        assert await notifier.work_off(stage.clock) == 0
    assert len(receiver.requests) == 10
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == 10
    [(attempts, status, problem, response, gave_up_at)] = await stage.look_up(
        "attempts, last_status, last_problem, last_response, gave_up_at"
    )
    assert (attempts, status, problem, response) == (10, 500, "The answer had status 500.", "not today")
    # 75:35:05 after the first attempt.
    assert gave_up_at == datetime(2026, 11, 26, 15, 35, 5, tzinfo=UTC)


async def test_a_receiver_that_asks_for_time_gets_it(stage: Stage) -> None:
    async with receive(answer(429, "retry-after: 3600"), answer(200)) as receiver:
        await stage.add(receiver.url)
        await stage.happen()
        notifier = make_notifier(stage.pool)
        await notifier.work_off(stage.clock)
        stage.clock.turn(seconds=3599)
        assert await notifier.work_off(stage.clock) == 0
        stage.clock.turn(seconds=1)
        assert await notifier.work_off(stage.clock) == 1
    assert await stage.look_up("last_status, delivered_at") == [(200, stage.clock.at)]


async def test_a_redirect_is_a_failure_and_is_not_followed(stage: Stage) -> None:
    async with receive() as elsewhere, receive(answer(302, f"location: {elsewhere.url}")) as receiver:
        await stage.add(receiver.url)
        await stage.happen()
        await make_notifier(stage.pool).work_off(stage.clock)
        assert (len(receiver.requests), elsewhere.requests) == (1, [])
    [(problem,)] = await stage.look_up("last_problem")
    assert problem == "The answer had status 302; redirects are not followed: change the URL."


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"", "The connection broke off, or what came back is not HTTP/1.1."),
        (b"SSH-2.0-OpenSSH\r\n", "The connection broke off, or what came back is not HTTP/1.1."),
        (answer(200, body=b"x" * 70_000), None),
        (b"HTTP/1.1 200 OK\r\n\r\nno length, \0 and an end", None),
    ],
    ids=["silence", "not HTTP", "long", "unframed"],
)
async def test_odd_answers(stage: Stage, said: bytes, problem: str | None) -> None:
    """Only the status counts; of the body the beginning is kept."""
    async with receive(said) as receiver:
        await stage.add(receiver.url)
        await stage.happen()
        await make_notifier(stage.pool).work_off(stage.clock)
    [(found, response)] = await stage.look_up("last_problem, last_response")
    assert found == problem
    assert response is None or len(str(response)) <= 1000


async def test_nobody_listening_is_a_failure_like_any_other(stage: Stage) -> None:
    async with receive() as receiver:
        url = receiver.url
    await stage.add(url)
    await stage.happen()
    await make_notifier(stage.pool).work_off(stage.clock)
    [(problem, status)] = await stage.look_up("last_problem, last_status")
    assert str(problem).startswith("No connection can be made: ")
    assert status is None


async def test_a_name_that_points_inside_later_is_not_called(stage: Stage) -> None:
    """DNS rebinding: public when the endpoint is made, our own machine at the delivery."""
    found = [["127.0.0.1"], ["8.8.8.8"]]

    async def resolve(host: str, port: int) -> list[str]:
        del port
        assert host == "rebinding.example.com"
        return found.pop()

    rules = AddressRules(resolve=resolve)
    async with receive() as receiver:
        url = f"https://rebinding.example.com:{receiver.port}/"
        async with stage.pool.connection() as connection:
            wanted = WantedEndpoint(await rules.check(url))
            await create_endpoint(connection, stage.organization_id, wanted, at=stage.clock.at)
        await stage.happen()
        await make_notifier(stage.pool, rules=rules).work_off(stage.clock)
        assert receiver.requests == []
    [(problem,)] = await stage.look_up("last_problem")
    assert problem == (
        f"No webhook can be sent to {url}: rebinding.example.com is on a private network, and "
        "JETON_WEBHOOK_PRIVATE_NETWORKS is no."
    )


async def test_a_dead_nodes_claim_is_taken_over_and_its_result_is_not_written(stage: Stage) -> None:
    async with receive() as receiver:
        await stage.add(receiver.url)
        await stage.happen()
        async with stage.pool.connection() as connection:
            await fan_out(connection, has_mailer=False, operator_emails=(), at=stage.clock.at)
            [dead] = await claim(connection, limit=10, has_mailer=False, at=stage.clock.at)
        notifier = make_notifier(stage.pool)
        assert await notifier.work_off(stage.clock) == 0
        stage.clock.turn(seconds=CLAIM_S)
        assert await notifier.work_off(stage.clock) == 1
        assert len(receiver.requests) == 1
    async with stage.pool.connection() as connection:
        is_written = await record(
            connection, dead, Attempt("too late"), at=stage.clock.at, jitter=0, disable_days=5
        )
    assert not is_written
    assert await stage.look_up("attempts, last_problem, delivered_at") == [(1, None, stage.clock.at)]


async def test_two_nodes_share_the_work_and_send_nothing_twice(stage: Stage) -> None:
    async with receive() as receiver:
        await stage.add(receiver.url)
        event_ids = {await stage.happen(f"event {number}") for number in range(30)}
        notifiers = [make_notifier(stage.pool) for _ in range(3)]
        while sum(await asyncio.gather(*(notifier.work_off(stage.clock) for notifier in notifiers))):
            pass
    sent = [request.headers["webhook-id"] for request in receiver.requests]
    assert sorted(sent) == sorted(event_ids)


async def test_the_certificate_must_be_the_names_although_the_address_is_called(certificate: Path) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        del host, port
        return ["127.0.0.1"]

    rules = AddressRules(allows_private=True, resolve=resolve)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    client = WebhookClient(rules, timeout_s=5, tls=ssl.create_default_context(cafile=certificate))
    async with receive(tls=theirs) as receiver:
        good = await client.post(f"https://hooks.example.com:{receiver.port}/", {}, b"{}")
        bad = await client.post(f"https://elsewhere.example.com:{receiver.port}/", {}, b"{}")
        unknown = await WebhookClient(rules).post(f"https://hooks.example.com:{receiver.port}/", {}, b"{}")
        assert (good.problem, good.status, len(receiver.requests)) == ("", 204, 1)
        assert receiver.requests[0].headers["host"] == f"hooks.example.com:{receiver.port}"
    assert bad.problem == unknown.problem == "No secure connection can be made: CERTIFICATE_VERIFY_FAILED."


async def test_a_receiver_that_never_answers_is_left_after_a_while() -> None:
    never = asyncio.Event()

    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        await never.wait()
        writer.close()

    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        attempt = await WebhookClient(PRIVATE, timeout_s=0.2).post(f"http://127.0.0.1:{port}/", {}, b"{}")
        never.set()
    assert attempt.problem == "There was no answer within 0.2 seconds."


async def test_it_runs_until_it_is_cancelled_and_a_database_that_is_away_is_tried_again(
    stage: Stage, database_url: str
) -> None:
    away = await open_pool(database_url)
    async with receive() as receiver:
        await stage.add(receiver.url)
        running = asyncio.create_task(make_notifier(stage.pool).run())
        failing = asyncio.create_task(make_notifier(away).run())
        await away.close()
        event_id = await stage.happen()
        async with asyncio.timeout(30):
            await receiver.has_received.wait()
        assert not failing.done()
        for task in (running, failing):
            task.cancel()
        await asyncio.wait([running, failing])
        assert running.cancelled()
    assert [request.headers["webhook-id"] for request in receiver.requests] == [event_id]
