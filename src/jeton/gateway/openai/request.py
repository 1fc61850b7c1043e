"""Request: from a chat completion to a Messages request. Pure.

What is only advice is left out (``seed``, penalties, ``store``, …: the table is in the docs);
what a client would miss in the answer is refused, naming the field.
"""

from dataclasses import dataclass

import msgspec

from jeton.gateway.errors import InvalidRequestError
from jeton.gateway.openai.content import Wire, translate_messages
from jeton.gateway.openai.words import ChatRequest, NamedTool, Tool
from jeton.gateway.parsing import decode_body

# A chat completion need not say how long it may get, but a hold must know.
MAX_TOKENS_DEFAULT = 8_192
_NULLS = frozenset({b"", b"null"})
_EFFORTS = {"minimal": "low"}
_NO_EFFORT = "none"
_REQUEST = msgspec.json.Decoder(ChatRequest)


@dataclass(frozen=True, slots=True)
class Chat:
    """What has to be known of a request to answer it in its own dialect."""

    model: str
    body: bytes
    is_stream: bool
    includes_usage: bool


def parse_chat(body: bytes) -> ChatRequest:
    """The body of ``POST /v1/chat/completions``; InvalidRequestError with the field and the reason."""
    request = decode_body(_REQUEST, body)
    _refuse_what_would_be_missed(request)
    return request


def translate_chat(request: ChatRequest, output_tokens_max: int) -> Chat:
    """The Messages request that asks the same; InvalidRequestError.

    ``output_tokens_max`` is the model's, and what is asked for if the request does not say.
    """
    system, turns = translate_messages(request.messages)
    asked = request.max_completion_tokens
    if asked is None:
        asked = request.max_tokens
    wire: Wire = {
        "model": request.model,
        "max_tokens": min(MAX_TOKENS_DEFAULT, output_tokens_max) if asked is None else asked,
        "messages": turns,
    }
    if system:
        wire["system"] = system
    if request.stream:
        wire["stream"] = True
    if request.stop:
        wire["stop_sequences"] = [request.stop] if isinstance(request.stop, str) else request.stop
    for name in ("temperature", "top_p"):
        value = getattr(request, name)
        if bytes(value) not in _NULLS:
            wire[name] = value
    user = request.safety_identifier or request.user
    if user:
        wire["metadata"] = {"user_id": user}
    wire |= _render_tools(request) | _render_output(request)
    options = request.stream_options
    return Chat(
        request.model,
        msgspec.json.encode(wire),
        bool(request.stream),
        bool(options and options.include_usage),
    )


def _render_tools(request: ChatRequest) -> Wire:
    wire: Wire = {}
    if request.tools:
        wire["tools"] = [_render_tool(tool, index) for index, tool in enumerate(request.tools)]
    match request.tool_choice:
        case None:
            choice: Wire = {}
        case "auto" | "none":
            choice = {"type": request.tool_choice}
        case "required":
            choice = {"type": "any"}
        case NamedTool(function=function) if function is not None:
            choice = {"type": "tool", "name": function.name}
        case _:
            raise InvalidRequestError("tool_choice: must be auto, none, required or a function")
    if request.parallel_tool_calls is False and request.tools:
        choice = {"type": "auto", **choice}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    if choice and request.tools:
        wire["tool_choice"] = choice
    return wire


def _render_tool(tool: Tool, index: int) -> Wire:
    function = tool.function
    if tool.type != "function" or function is None:
        raise InvalidRequestError(f"tools.{index}: only tools of type function are served here")
    wire: Wire = {"name": function.name, "input_schema": function.parameters or {"type": "object"}}
    if function.description is not None:
        wire["description"] = function.description
    if function.strict is not None:
        wire["strict"] = function.strict
    if tool.cache_control:
        wire["cache_control"] = tool.cache_control
    return wire


def _render_output(request: ChatRequest) -> Wire:
    config: Wire = {}
    effort = request.reasoning_effort
    if effort and effort != _NO_EFFORT:
        config["effort"] = _EFFORTS.get(effort, effort)
    form = request.response_format
    if form is not None and form.type != "text":
        if form.type != "json_schema" or form.json_schema is None or not form.json_schema.schema:
            raise InvalidRequestError(
                f"response_format: {form.type[:100]} is not served here; use json_schema, or ask in words"
            )
        config["format"] = {"type": "json_schema", "schema": form.json_schema.schema}
    return {"output_config": config} if config else {}


def _refuse_what_would_be_missed(request: ChatRequest) -> None:
    if request.n not in {None, 1}:
        raise InvalidRequestError("n: one answer at a time is served here")
    if request.logprobs:
        raise InvalidRequestError("logprobs: not served here")
    if request.modalities not in (None, ["text"]):
        raise InvalidRequestError("modalities: only text is served here")
    if bytes(request.functions) not in _NULLS:
        raise InvalidRequestError("functions: use tools")
    if bytes(request.web_search_options) not in _NULLS:
        raise InvalidRequestError("web_search_options: not served here")
