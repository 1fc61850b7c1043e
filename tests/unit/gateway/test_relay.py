"""The relay: hold before the upstream, settle before the last byte, every row of the contract."""

import asyncio

import msgspec
import pytest
from tests.unit.gateway.fakes import (
    ANSWER,
    BODY,
    DELTA,
    START,
    STOP,
    TEXT,
    Gateway,
    Reply,
    Script,
    sse,
    stream_script,
)

from jeton.charging.words import Rule
from jeton.errors import OverloadedError, UpstreamError
from jeton.gateway.deps import CHECKPOINTS
from jeton.upstreams.errors import UpstreamTimeoutError

STREAM = {**BODY, "stream": True}
WHOLE = sse(START, TEXT, DELTA, STOP)
REFUSED = b'{"type":"error","error":{"type":"invalid_request_error","message":"bad"},"request_id":"req_up"}'


async def test_an_answer_is_held_before_and_settled_after_the_upstream() -> None:
    gateway = Gateway()
    reply = await gateway.call()
    assert gateway.journal == ["hold", "send", "settle completed", "start 200", "last byte", "close"]
    assert reply.body == ANSWER
    # V1 of the published vectors: 2,000 in, 100,000 read, 1,500 out.
    assert reply.headers["jeton-cost"] == "0.029"
    assert reply.headers["request-id"] == gateway.charging.asks[0].request_id
    assert reply.headers["anthropic-organization-id"] == "01890000-0000-7000-8000-000000000001"
    assert reply.headers["anthropic-workspace-id"] == "wrkspc_1"
    assert "jeton-rehearsal" not in reply.headers
    assert reply.headers["content-length"] == str(len(ANSWER))


async def test_the_upstream_gets_the_callers_bytes_and_never_the_key() -> None:
    gateway = Gateway()
    body = b'{"model": "claude-sonnet-5-5","max_tokens":1,"messages":[{"role":"user","content":"a"}],"x":1.0}'
    headers = {
        "authorization": "Bearer sk-jtn-good",
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "a-1,b-2",
        "cookie": "c",
    }
    await gateway.call(body, headers=headers)
    assert gateway.upstream.asks[0].body == body
    assert gateway.upstream.asks[0].headers == {
        "anthropic-version": "2026-10-21", "anthropic-beta": "a-1,b-2",
    }  # fmt: skip


async def test_a_stream_is_settled_before_its_last_event() -> None:
    gateway = Gateway(stream_script(*WHOLE))
    reply = await gateway.call(STREAM)
    assert reply.body == b"".join(WHOLE)
    assert gateway.journal[:6] == ["hold", "send", "start 200", "bytes", "bytes", "bytes"]
    assert gateway.journal.index("settle completed") < gateway.journal.index("last byte")
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    usage = gateway.charging.metered[0].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (2000, 1500)


async def test_the_end_of_a_stream_waits_for_its_charge() -> None:
    gateway = Gateway(stream_script(*WHOLE))
    gateway.charging.settle_error = OverloadedError("The database is away.")
    reply = await gateway.call(STREAM)
    assert b"message_stop" not in reply.body
    assert reply.body.startswith(b"".join(WHOLE[:3]) + b"event: error\ndata: ")
    assert b'"overloaded_error"' in reply.body


async def test_no_byte_of_a_stream_leaves_before_its_hold_is_durable() -> None:
    gateway = Gateway(stream_script(*WHOLE))
    gateway.charging.confirm_error = OverloadedError("The database is away.")
    reply = await gateway.call(STREAM)
    assert (reply.status, reply.json["error"]["type"]) == (529, "overloaded_error")
    assert b"message_start" not in reply.body


async def test_an_answer_whose_charge_fails_is_not_delivered() -> None:
    gateway = Gateway()
    gateway.charging.settle_error = OverloadedError("The database is away.")
    reply = await gateway.call()
    assert (reply.status, reply.json["error"]["type"]) == (529, "overloaded_error")
    assert b"Hi" not in reply.body


@pytest.mark.parametrize(
    ("script", "status", "kind", "journal"),
    [
        pytest.param(
            Script(status=400, chunks=[REFUSED]), 400, "invalid_request_error", "release upstream_refused",
            id="refused",
        ),
        pytest.param(
            Script(status=529, chunks=[REFUSED.replace(b"invalid_request", b"overloaded")]),
            529, "overloaded_error", "release upstream_failed", id="overloaded",
        ),
        pytest.param(
            Script(status=404, chunks=[b"<html>"]), 404, "not_found_error", "release upstream_refused",
            id="not an envelope",
        ),
        pytest.param(
            Script(status=503, chunks=[b""]), 503, "api_error", "release upstream_failed", id="empty 503",
        ),
        pytest.param(
            Script(status=401, chunks=[REFUSED]), 500, "api_error", "release upstream_refused",
            id="our key at the upstream",
        ),
        pytest.param(
            Script(status=403, chunks=[REFUSED]), 500, "api_error", "release upstream_refused",
            id="our rights at the upstream",
        ),
        pytest.param(
            Script(status=400, chunks=[REFUSED.replace(b"bad", b"Your credit balance is too low to ...")]),
            500, "api_error", "release upstream_refused", id="our credit at the upstream",
        ),
        pytest.param(
            Script(status=302, chunks=[b""]), 500, "api_error", "release upstream_failed", id="redirect",
        ),
        pytest.param(
            Script(send_error=UpstreamError("No connection.")), 500, "api_error", "release upstream_failed",
            id="no answer",
        ),
        pytest.param(
            Script(send_error=UpstreamTimeoutError("Too slow.")), 504, "timeout_error",
            "release upstream_failed", id="timeout",
        ),
        pytest.param(
            Script(chunks=[ANSWER[:30], UpstreamError("Broke off.")]), 500, "api_error",
            "release upstream_failed", id="broken answer",
        ),
    ],
)  # fmt: skip
async def test_a_failure_of_the_upstream_costs_nothing(
    script: Script, status: int, kind: str, journal: str
) -> None:
    gateway = Gateway(script)
    reply = await gateway.call()
    assert (reply.status, reply.json["error"]["type"]) == (status, kind)
    assert reply.json["request_id"] == reply.headers["request-id"] == gateway.charging.asks[0].request_id
    assert gateway.journal.index(journal) < gateway.journal.index(f"start {status}")
    assert "sk-" not in reply.json["error"]["message"]
    assert gateway.charging.charges[0].net_nano == 0


async def test_the_upstreams_advice_to_wait_is_passed_on() -> None:
    script = Script(status=429, chunks=[REFUSED], headers={"retry-after": "7", "set-cookie": "x"})
    reply = await Gateway(script).call()
    assert reply.headers["retry-after"] == "7"
    assert "set-cookie" not in reply.headers
    assert reply.json["error"] == {"type": "invalid_request_error", "message": "bad"}


@pytest.mark.parametrize(
    ("usage", "rule"),
    [
        pytest.param(b"", Rule.USAGE_MISSING, id="missing"),
        pytest.param(b',"usage":null', Rule.USAGE_MISSING, id="null"),
        pytest.param(
            b',"usage":{"input_tokens":-1,"output_tokens":1}', Rule.USAGE_CONTRADICTORY, id="negative"
        ),
        pytest.param(
            b',"usage":{"input_tokens":1,"output_tokens":1,"speed":"fast"}', Rule.USAGE_CONTRADICTORY,
            id="a condition without a price",
        ),
    ],
)  # fmt: skip
async def test_unknown_usage_is_quarantined_and_the_answer_delivered(usage: bytes, rule: Rule) -> None:
    body = b'{"type":"message","content":[{}],"stop_reason":"end_turn"' + usage + b"}"
    gateway = Gateway(Script(chunks=[body]))
    reply = await gateway.call()
    assert (reply.status, reply.body) == (200, body)
    assert gateway.charging.charges[0].state == "quarantined"
    assert gateway.charging.metered[0].rule == rule
    assert "jeton-cost" not in reply.headers


async def test_an_answer_that_is_no_json_is_quarantined() -> None:
    gateway = Gateway(Script(chunks=[b"\xff{"]))
    await gateway.call()
    assert gateway.charging.metered[0].rule is Rule.USAGE_MISSING


@pytest.mark.parametrize(
    "rest", [b'"content":[],"usage":{"input_tokens":9,"output_tokens":3}',
             b'"content":[{"type":"text","text":""}],"usage":{"input_tokens":9,"output_tokens":0}'],
    ids=["no content", "no output tokens"],
)  # fmt: skip
async def test_a_refusal_before_output_costs_nothing(rest: bytes) -> None:
    gateway = Gateway(Script(chunks=[b'{"stop_reason":"refusal",' + rest + b"}"]))
    reply = await gateway.call()
    assert "release refusal_before_output" in gateway.journal
    assert reply.headers["jeton-cost"] == "0.00"


async def test_a_refusal_in_mid_output_is_charged() -> None:
    body = b'{"stop_reason":"refusal","content":[{}],"usage":{"input_tokens":9,"output_tokens":3}}'
    gateway = Gateway(Script(chunks=[body]))
    await gateway.call()
    assert "settle refusal_during_output" in gateway.journal


async def test_a_streamed_refusal_before_output_costs_nothing() -> None:
    delta = ("message_delta", {"delta": {"stop_reason": "refusal"}, "usage": {"output_tokens": 2}})
    gateway = Gateway(stream_script(*sse(START, delta, STOP)))
    await gateway.call(STREAM)
    assert "release refusal_before_output" in gateway.journal


async def test_a_stream_that_breaks_off_has_failed_and_costs_nothing() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT), UpstreamError("Broke off.")))
    reply = await gateway.call(STREAM)
    assert gateway.journal.index("release upstream_failed_during_output") < gateway.journal.index("last byte")
    assert reply.body.startswith(b"".join(sse(START, TEXT)) + b"event: error\ndata: ")
    error = msgspec.json.decode(reply.body.rsplit(b"data: ", 1)[1])
    assert error["error"]["type"] == "api_error"
    assert error["request_id"] == reply.headers["request-id"]


async def test_a_stream_that_ends_without_its_end_has_broken_off() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT, DELTA)))
    reply = await gateway.call(STREAM)
    assert "release upstream_failed_during_output" in gateway.journal
    assert b"event: error" in reply.body


async def test_a_stream_that_breaks_off_before_its_first_event_has_a_status_of_its_own() -> None:
    gateway = Gateway(stream_script(UpstreamError("Broke off.")))
    reply = await gateway.call(STREAM)
    assert "release upstream_failed" in gateway.journal
    assert (reply.status, reply.json["error"]["type"]) == (500, "api_error")


async def test_an_error_event_of_the_upstream_passes_after_the_settlement() -> None:
    chunks = sse(START, TEXT, ("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}}))
    gateway = Gateway(stream_script(*chunks))
    reply = await gateway.call(STREAM)
    assert reply.body == b"".join(chunks)
    assert gateway.journal.index("release upstream_failed_during_output") < gateway.journal.index("last byte")


async def leave_at(gateway: Gateway, item: str, times: int = 1) -> Reply:
    """Call for a stream, leave when something has happened, and wait for everything to settle."""
    client = gateway.client()
    call = asyncio.create_task(gateway.call(STREAM, client=client))
    await gateway.journal.until(item, times)
    client.leave()
    await call
    assert len(gateway.deps.exchanges) == 0
    return client.reply


async def test_a_client_that_leaves_during_the_output_pays_for_what_was_made() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT), asyncio.Event()))
    await leave_at(gateway, "bytes", 2)
    metered = gateway.charging.metered[0]
    assert (metered.rule, metered.source) == (Rule.CLIENT_LEFT_DURING_OUTPUT, "estimated")
    assert metered.usage is not None
    assert (metered.usage.input_tokens, metered.usage.output_tokens) == (2000, 2)
    assert gateway.journal.index("close") < gateway.journal.index("settle client_left_during_output")


async def test_a_client_that_leaves_after_the_total_pays_the_total() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT, DELTA), asyncio.Event()))
    await leave_at(gateway, "bytes", 3)
    metered = gateway.charging.metered[0]
    assert metered.source == "upstream"
    assert metered.usage is not None
    assert metered.usage.output_tokens == 1500


@pytest.mark.parametrize("waits_in", ["send", "stream"])
async def test_a_client_that_leaves_before_the_output_pays_nothing(waits_in: str) -> None:
    script = stream_script(asyncio.Event())
    if waits_in == "send":
        script.send_waits = asyncio.Event()
    gateway = Gateway(script)
    await leave_at(gateway, "send")
    assert "release client_left_before_output" in gateway.journal
    assert gateway.charging.charges[0].net_nano == 0


async def test_a_client_that_leaves_during_the_hold_never_reaches_the_upstream() -> None:
    gateway = Gateway(stream_script(*WHOLE))
    client = gateway.client()
    client.leave()
    await gateway.call(STREAM, client=client)
    assert gateway.journal == ["leave", "hold", "release client_left_before_output"]


async def test_a_client_that_leaves_a_whole_answer_is_charged_for_it() -> None:
    gate = asyncio.Event()
    gateway = Gateway(Script(chunks=[gate, ANSWER]))
    client = gateway.client()
    call = asyncio.create_task(gateway.call(client=client))
    await gateway.journal.until("send")
    client.leave()
    assert len(gateway.deps.exchanges) == 1
    gate.set()
    await call
    assert len(gateway.deps.exchanges) == 0
    assert "settle completed" in gateway.journal


async def test_a_deadline_ends_the_wait_within_the_validity_of_the_hold() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT), asyncio.Event()))
    gateway.charging.validity_s = 0.02
    reply = await gateway.call(STREAM)
    metered = gateway.charging.metered[0]
    assert (metered.rule, metered.source) == (Rule.TIME_LIMIT_DURING_OUTPUT, "estimated")
    assert metered.usage is not None
    # "Hello world" is two tokens of o200k.
    assert (metered.usage.input_tokens, metered.usage.output_tokens) == (2000, 2)
    assert b'"timeout_error"' in reply.body


async def test_an_upstreams_time_limit_during_the_output_is_charged_like_a_deadline() -> None:
    gateway = Gateway(stream_script(*sse(START, TEXT), UpstreamTimeoutError("Too slow.")))
    reply = await gateway.call(STREAM)
    metered = gateway.charging.metered[0]
    assert (metered.rule, metered.source) == (Rule.TIME_LIMIT_DURING_OUTPUT, "estimated")
    assert b'"timeout_error"' in reply.body


async def test_a_deadline_before_the_answer_is_a_gateway_timeout() -> None:
    gateway = Gateway(Script(send_waits=asyncio.Event()))
    gateway.charging.validity_s = 0.02
    reply = await gateway.call()
    assert "release upstream_failed" in gateway.journal
    assert (reply.status, reply.json["error"]["type"]) == (504, "timeout_error")


async def test_draining_gives_up_at_its_limit_and_leaves_the_hold_open() -> None:
    gateway = Gateway(Script(send_waits=asyncio.Event()))
    call = asyncio.create_task(gateway.call())
    await gateway.journal.until("send")
    assert await gateway.deps.exchanges.drain(0) == 1
    await asyncio.wait([call])
    assert gateway.charging.charges == []
    assert len(gateway.deps.exchanges) == 0


async def test_a_defect_is_answered_without_a_traceback() -> None:
    gateway = Gateway(Script(send_error=ZeroDivisionError("secret detail")))
    reply = await gateway.call()
    assert (reply.status, reply.json["error"]["type"]) == (500, "api_error")
    assert b"secret" not in reply.body
    assert reply.json["request_id"] == reply.headers["request-id"]


@pytest.mark.parametrize("body", [BODY, STREAM], ids=["json", "stream"])
async def test_every_checkpoint_is_passed_in_order(body: dict[str, object]) -> None:
    labels: list[str] = []
    script = stream_script(*WHOLE) if body.get("stream") else Script()
    gateway = Gateway(script, checkpoint=labels.append)
    await gateway.call(body)
    assert sorted(labels) == sorted(CHECKPOINTS)
    assert labels[:4] == list(CHECKPOINTS[:4])
    assert labels.index("before_settle") < labels.index("after_settle") < labels.index("last_byte_sent")


async def test_a_rehearsal_is_marked_and_rated_at_the_models_price() -> None:
    gateway = Gateway()
    reply = await gateway.call({**BODY, "model": "claude-haiku-4-5"})
    assert reply.status == 200
    assert reply.headers["jeton-rehearsal"] == "true"
    assert gateway.charging.asks[0].is_rehearsal
    assert gateway.charging.charges[0].net_nano > 0


async def test_too_many_exchanges_are_refused_before_anything_is_held() -> None:
    gateway = Gateway()
    for _ in range(4096):
        gateway.deps.exchanges.start(_forever())
    reply = await gateway.call()
    assert (reply.status, reply.headers["retry-after"]) == (529, "1")
    assert gateway.journal == ["start 529", "last byte"]
    assert await gateway.deps.exchanges.drain(0) == 4096


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()
