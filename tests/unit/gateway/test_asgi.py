"""The paths of the Messages API, as a client sees them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from starlette.types import Message
from tests.unit.gateway.fakes import BODY, HEADERS, Gateway, Script

from jeton.errors import UpstreamError
from jeton.gateway import asgi
from jeton.gateway.asgi import AsgiCall, AsgiWire
from jeton.gateway.errors import BodyTimeoutError

LIMIT = 33_554_432


def assert_refused(gateway: Gateway, reply: Any, status: int, kind: str) -> None:  # noqa: ANN401 - a Reply of the fake client
    assert (reply.status, reply.json["error"]["type"]) == (status, kind)
    assert reply.json["type"] == "error"
    assert reply.json["request_id"] == reply.headers["request-id"]
    assert reply.headers["request-id"].startswith("req_")
    assert reply.headers["content-type"] == "application/json"
    assert b"Traceback" not in reply.body
    assert "hold" not in gateway.journal
    assert "send" not in gateway.journal


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        pytest.param({}, 401, "authentication_error", id="no key"),
        pytest.param({**HEADERS, "x-api-key": "sk-jtn-other"}, 401, "authentication_error", id="unknown key"),
        pytest.param({**HEADERS, "x-api-key": "sk-jtn-admin"}, 403, "permission_error", id="admin key"),
        pytest.param(
            {**HEADERS, "anthropic-workspace-id": "wrkspc_2"}, 403, "permission_error", id="other workspace"
        ),
        pytest.param({"x-api-key": "sk-jtn-good"}, 400, "invalid_request_error", id="no version"),
        pytest.param(
            {**HEADERS, "anthropic-version": "2020-01-01"}, 400, "invalid_request_error", id="old version"
        ),
        pytest.param({**HEADERS, "content-length": str(LIMIT + 1)}, 413, "request_too_large", id="announced"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_a_bad_head_is_refused(headers: Mapping[str, str], status: int, kind: str, path: str) -> None:
    gateway = Gateway()
    reply = await gateway.call(headers=headers, path=path)
    assert_refused(gateway, reply, status, kind)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        pytest.param(b"{", 400, "invalid_request_error", id="malformed"),
        pytest.param(b"x" * (LIMIT + 1), 413, "request_too_large", id="33 MB at once"),
        pytest.param([b"x" * (1 << 20)] * 33, 413, "request_too_large", id="33 MB in parts"),
        pytest.param(b"[" * 100_000, 400, "invalid_request_error", id="deep"),
        pytest.param({**BODY, "model": "gpt-99"}, 404, "not_found_error", id="unknown model"),
        pytest.param({**BODY, "model": "claude-opus-4-1"}, 404, "not_found_error", id="retired model"),
        pytest.param({**BODY, "max_tokens": 128_001}, 400, "invalid_request_error", id="absurd max_tokens"),
        pytest.param({**BODY, "speed": "fast"}, 400, "invalid_request_error", id="no fast mode"),
        pytest.param(
            {**BODY, "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            400, "invalid_request_error", id="endless searches",
        ),
    ],
)  # fmt: skip
async def test_a_bad_body_is_refused(body: object, status: int, kind: str) -> None:
    gateway = Gateway()
    reply = await gateway.call(body)
    assert_refused(gateway, reply, status, kind)


async def test_an_unknown_model_is_named_like_upstream_does() -> None:
    reply = await Gateway().call({**BODY, "model": "gpt-99"})
    assert reply.json["error"]["message"] == "model: gpt-99"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/v1/messages", "POST"), ("DELETE", "/v1/messages/count_tokens", "POST"),
     ("POST", "/v1/models", "GET"), ("PUT", "/v1/models/x", "GET")],
)  # fmt: skip
async def test_a_wrong_method_is_answered_in_the_envelope(method: str, path: str, allow: str) -> None:
    gateway = Gateway()
    reply = await gateway.call(method=method, path=path)
    assert_refused(gateway, reply, 405, "invalid_request_error")
    assert reply.headers["allow"] == allow


async def test_a_body_in_parts_is_put_together() -> None:
    gateway = Gateway()
    data = msgspec.json.encode(BODY)
    reply = await gateway.call([data[:10], b"", data[10:]])
    assert reply.status == 200
    assert gateway.upstream.asks[0].body == data


async def test_a_client_that_leaves_while_sending_gets_nothing() -> None:
    gateway = Gateway()
    client = gateway.client()
    client.leave()
    reply = await gateway.call([], client=client)
    assert reply.status == 0
    assert gateway.journal == ["leave"]


async def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_TIMEOUT_S", 0)

    async def receive() -> Message:
        waiting: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await waiting

    async def send(message: Message) -> None:
        raise AssertionError(message)

    call = AsgiCall({"path": "/v1/messages", "headers": []}, receive, send, deps=Gateway().deps)
    with pytest.raises(BodyTimeoutError):
        await call.receive_body()


async def test_a_server_that_raises_for_a_closed_connection_is_like_one_that_does_not() -> None:
    async def send(message: Message) -> None:
        raise BrokenPipeError(message["type"])

    wire = AsgiWire(send)
    await wire.start(200, [])
    await wire.finish(b"")
    assert wire.has_left


async def test_unknown_betas_and_query_parameters_are_ignored() -> None:
    headers = {**HEADERS, "anthropic-beta": "string,computer-use-2024-10-22"}
    assert (await Gateway().call(headers=headers, query="beta=true")).status == 200


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_the_embedded_model_answers(stream: bool) -> None:  # noqa: FBT001 - a parametrized test
    gateway = Gateway()
    reply = await gateway.call({**BODY, "model": "jeton-extract-1", "stream": stream})
    assert reply.status == 200
    usage = gateway.charging.metered[0].usage
    assert usage is not None
    if not stream:
        assert reply.json["usage"]["input_tokens"] == usage.input_tokens
        assert reply.json["usage"]["output_tokens"] == usage.output_tokens


async def test_a_count_is_the_upstreams_and_holds_nothing() -> None:
    gateway = Gateway(Script(count=2095))
    reply = await gateway.call({k: v for k, v in BODY.items() if k != "max_tokens"},
                               path="/v1/messages/count_tokens")  # fmt: skip
    assert (reply.status, reply.json) == (200, {"input_tokens": 2095})
    assert reply.headers["jeton-count"] == "upstream"
    assert "hold" not in gateway.journal


async def test_the_embedded_count_is_exact() -> None:
    gateway = Gateway()
    body = {**BODY, "model": "jeton-extract-1"}
    count = await gateway.call(body, path="/v1/messages/count_tokens")
    answer = await gateway.call(body)
    assert count.json["input_tokens"] == answer.json["usage"]["input_tokens"]
    assert count.headers["jeton-count"] == "exact"


async def test_a_failed_count_is_an_error_of_the_upstream() -> None:
    gateway = Gateway(Script(count=UpstreamError("No connection.")))
    reply = await gateway.call(path="/v1/messages/count_tokens")
    assert_refused(gateway, reply, 500, "api_error")


async def models(query: str = "") -> Any:  # noqa: ANN401 - a JSON body
    reply = await Gateway().call(b"", path="/v1/models", method="GET", query=query)
    assert reply.status == 200
    return reply.json


async def test_models_are_listed_newest_first() -> None:
    page = await models("limit=1000")
    created = [model["created_at"] for model in page["data"]]
    assert created == sorted(created, reverse=True)
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
    assert not page["has_more"]
    assert {model["lifecycle"] for model in page["data"]} <= {"active", "deprecated"}


async def test_pages_of_models_meet_without_gap_or_overlap() -> None:
    everything = [model["id"] for model in (await models("limit=1000"))["data"]]
    assert [model["id"] for model in (await models())["data"]] == everything[:20]
    collected: list[str] = []
    page = await models("limit=7")
    while True:
        collected += [model["id"] for model in page["data"]]
        if not page["has_more"]:
            break
        page = await models(f"limit=7&after_id={page['last_id']}")
    assert collected == everything
    before = await models(f"limit=3&before_id={everything[5]}")
    assert [model["id"] for model in before["data"]] == everything[2:5]
    assert before["has_more"]


async def test_retired_models_are_listed_only_when_asked_for() -> None:
    assert {model["lifecycle"] for model in (await models("lifecycle[]=retired"))["data"]} == {"retired"}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=99999999999", "after_id=nothing", "lifecycle[]=new",
              "after_id=a&before_id=b", "&".join(["a=1"] * 101)],
)  # fmt: skip
async def test_a_bad_query_is_refused(query: str) -> None:
    gateway = Gateway()
    reply = await gateway.call(b"", path="/v1/models", method="GET", query=query)
    assert_refused(gateway, reply, 400, "invalid_request_error")


async def test_a_model_has_the_shape_of_the_api() -> None:
    reply = await Gateway().call(b"", path="/v1/models/claude-sonnet-5-5", method="GET")
    assert reply.json == {
        "type": "model",
        "id": "claude-sonnet-5-5",
        "display_name": "Claude Sonnet 5.5",
        "created_at": "2026-09-28T00:00:00Z",
        "lifecycle": "active",
        "line": "sonnet",
        "max_input_tokens": 1_000_000,
        "max_tokens": 128_000,
        "deprecated_at": None,
        "retires_at": None,
        "capabilities": None,
    }


async def test_a_model_that_is_not_served_is_not_found() -> None:
    gateway = Gateway()
    reply = await gateway.call(b"", path="/v1/models/gpt-99", method="GET")
    assert_refused(gateway, reply, 404, "not_found_error")


async def test_models_need_a_key() -> None:
    gateway = Gateway()
    reply = await gateway.call(
        b"", path="/v1/models", method="GET", headers={"anthropic-version": "2023-06-01"}
    )
    assert_refused(gateway, reply, 401, "authentication_error")
