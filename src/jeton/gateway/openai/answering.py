"""Answering: the paths of OpenAI's dialect, and which of two shapes the list of models has.

A client that sends ``anthropic-version`` speaks the Messages API; one that does not speaks
OpenAI's dialect.
"""

from datetime import UTC, datetime, time

import msgspec

from jeton import clock
from jeton.gateway.admission import admit, authenticate, find_model
from jeton.gateway.asgi import AsgiCall, Call, answer_model, answer_models, guard, read_body
from jeton.gateway.catalog import LIFECYCLES_DEFAULT
from jeton.gateway.envelope import Reply, json_headers
from jeton.gateway.openai.request import parse_chat, translate_chat
from jeton.gateway.openai.wire import ChatCall
from jeton.gateway.parsing import read_head
from jeton.gateway.relay import run_exchange, send_reply
from jeton.pricing.book import PriceVersion

# The version under which a translated request is read: the latest that takes a temperature.
API_VERSION = "2023-06-01"
_VERSION_HEADER = b"anthropic-version"


async def answer_chat(call: Call) -> None:
    """``POST /v1/chat/completions``, errors included."""
    chat_call = ChatCall(call)
    await guard(chat_call, _answer_chat(chat_call))


async def _answer_chat(call: ChatCall) -> None:
    deps = call.deps
    head = msgspec.structs.replace(read_head(call.headers, call.peer), api_version=API_VERSION)
    caller, _ = await authenticate(head, deps)
    request = parse_chat(await read_body(call, head))
    _, version = find_model(request.model, caller, deps, at=clock.now())
    chat = translate_chat(request, version.max_output_tokens)
    call.wire.expect(chat)
    admission = admit(head, chat.body, request_id=call.request_id, caller=caller, deps=deps)
    deps.checkpoint("request_parsed")
    await call.run(run_exchange(admission, call.wire, deps), is_stream=chat.is_stream)


async def answer_models_of_either(call: AsgiCall) -> None:
    """``GET /v1/models`` in the shape of the dialect that the client speaks."""
    if _speaks_messages(call):
        await answer_models(call)
        return
    chat_call = ChatCall(call)
    await guard(chat_call, _answer_models(chat_call))


async def answer_model_of_either(call: AsgiCall) -> None:
    """``GET /v1/models/{id}`` in the shape of the dialect that the client speaks."""
    if _speaks_messages(call):
        await answer_model(call)
        return
    chat_call = ChatCall(call)
    await guard(chat_call, _answer_model(chat_call, call.scope["path_params"]["model"]))


async def _answer_models(call: ChatCall) -> None:
    await authenticate(read_head(call.headers, call.peer), call.deps)
    versions = call.deps.catalog.list_versions(clock.now(), LIFECYCLES_DEFAULT)
    await _reply(call, {"object": "list", "data": [_render_model(version) for version in versions]})


async def _answer_model(call: ChatCall, model: str) -> None:
    await authenticate(read_head(call.headers, call.peer), call.deps)
    _, version = call.deps.catalog.find(model, clock.now())
    await _reply(call, _render_model(version))


async def _reply(call: ChatCall, content: object) -> None:
    body = msgspec.json.encode(content)
    reply = Reply(200, json_headers(call.request_id, body), body)
    # Written as it is: this is no answer of the Messages API.
    await send_reply(call.plain, reply)


def _speaks_messages(call: AsgiCall) -> bool:
    return any(name == _VERSION_HEADER for name, _ in call.headers)


def _render_model(version: PriceVersion) -> dict[str, object]:
    created = datetime.combine(version.created_on, time(), UTC)
    return {
        "id": version.model,
        "object": "model",
        "created": int(created.timestamp()),
        "owned_by": version.line or "jeton",
    }
