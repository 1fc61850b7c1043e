"""Request: from a Messages request to the body of a chat completion. Pure.

What is only advice (``cache_control``, ``thinking``, ``diagnostics``) is left out; what would
change the answer or its price and has no counterpart is refused, naming the field.
"""

from dataclasses import dataclass

import msgspec

from jeton.tokens.prompt import ABSENT
from jeton.upstreams.openai_compatible.content import (
    Part,
    Turn,
    UntranslatableError,
    Wire,
    join_texts,
    translate_turn,
)

_NULLS = frozenset({b"", b"null"})
_EMPTIES = frozenset({b"", b"null", b"[]", b"{}"})
# Fields of the Messages API that ask for what only its own servers have.
_SERVERS_OWN = ("mcp_servers", "container", "context_management", "compaction")
_SCHEMA_NAME = "answer"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one server wants to be asked.

    ``model_names``: its own names of models, by those of the price book. ``max_tokens_field``:
    ``max_tokens``, or ``max_completion_tokens`` where only that is taken.
    """

    model_names: tuple[tuple[str, str], ...] = ()
    max_tokens_field: str = "max_tokens"

    def find_name(self, model: str) -> str:
        """The server's name of a model."""
        return dict(self.model_names).get(model, model)


class _Tool(msgspec.Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = ABSENT
    strict: bool | None = None


class _Choice(msgspec.Struct):
    type: str
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = ABSENT


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _Format | None = None


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Thinking(msgspec.Struct):
    type: str = ""


class _Request(msgspec.Struct):
    model: str
    max_tokens: int
    messages: list[Turn]
    system: str | list[Part] | None = None
    stream: bool = False
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    metadata: _Metadata | None = None
    temperature: msgspec.Raw = ABSENT
    top_p: msgspec.Raw = ABSENT
    top_k: msgspec.Raw = ABSENT
    inference_geo: str | None = None
    speed: str | None = None
    mcp_servers: msgspec.Raw = ABSENT
    container: msgspec.Raw = ABSENT
    context_management: msgspec.Raw = ABSENT
    compaction: msgspec.Raw = ABSENT


_REQUEST = msgspec.json.Decoder(_Request)


@dataclass(frozen=True, slots=True)
class Asked:
    """A translated request, and what its answer has to be translated by."""

    body: bytes
    model: str
    shows_thinking: bool
    is_prewarming: bool


def translate_request(body: bytes, dialect: Dialect) -> Asked:
    """The chat completion that asks the same; UntranslatableError says why there is none."""
    try:
        request = _REQUEST.decode(body)
        _refuse_what_is_not_theirs(request)
        wire = _render(request, dialect)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).replace("`", "").partition(" - at $.")
        raise UntranslatableError(f"{path or 'The request body'}: {problem}") from None
    except RecursionError:
        raise UntranslatableError("The request body is nested too deeply.") from None
    thinking = request.thinking is not None and request.thinking.type in {"enabled", "adaptive"}
    return Asked(msgspec.json.encode(wire), request.model, thinking, request.max_tokens == 0)


def _render(request: _Request, dialect: Dialect) -> Wire:
    messages: list[Wire] = []
    if request.system:
        system = request.system
        text = system if isinstance(system, str) else join_texts(system, "system")
        messages.append({"role": "system", "content": text})
    for index, turn in enumerate(request.messages):
        messages += translate_turn(turn, f"messages.{index}.content")
    # To fill a cache without an answer is not possible there, so it is the shortest one.
    wire: Wire = {
        "model": dialect.find_name(request.model),
        "messages": messages,
        dialect.max_tokens_field: max(1, request.max_tokens),
    }
    if request.stream:
        # Without this there is no usage in a stream.
        wire |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.stop_sequences:
        wire["stop"] = request.stop_sequences
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(request, name)
        if bytes(value) not in _NULLS:
            wire[name] = value
    return wire | _render_tools(request) | _render_output(request)


def _render_tools(request: _Request) -> Wire:
    wire: Wire = {}
    if request.tools:
        wire["tools"] = [_render_tool(tool, index) for index, tool in enumerate(request.tools)]
    choice = request.tool_choice
    if choice is None or not request.tools:
        return wire
    match choice.type:
        case "auto" | "none":
            wire["tool_choice"] = choice.type
        case "any":
            wire["tool_choice"] = "required"
        case "tool":
            wire["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        case _:
            raise UntranslatableError(f"tool_choice.type: {choice.type[:100]} is not known to this upstream")
    if choice.disable_parallel_tool_use:
        wire["parallel_tool_calls"] = False
    return wire


def _render_tool(tool: _Tool, index: int) -> Wire:
    if tool.type not in {None, "custom"}:
        raise UntranslatableError(
            f"tools.{index}: {str(tool.type)[:100]} is a tool of the Messages API's own servers,"
            " which this upstream does not have"
        )
    function: Wire = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.input_schema:
        function["parameters"] = tool.input_schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _render_output(request: _Request) -> Wire:
    wire: Wire = {}
    config = request.output_config or _OutputConfig()
    if config.effort is not None:
        wire["reasoning_effort"] = config.effort
    if config.format is not None:
        if config.format.type != "json_schema" or not config.format.schema:
            raise UntranslatableError("output_config.format: this upstream knows json_schema only")
        schema = {"name": _SCHEMA_NAME, "schema": config.format.schema, "strict": True}
        wire["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.metadata is not None and request.metadata.user_id:
        wire["user"] = request.metadata.user_id
    return wire


def _refuse_what_is_not_theirs(request: _Request) -> None:
    for name in _SERVERS_OWN:
        if bytes(getattr(request, name)) not in _EMPTIES:
            raise UntranslatableError(f"{name}: not known to this upstream, which speaks chat completions")
    # Both would be charged for, and nobody would have delivered them.
    if request.inference_geo not in {None, "global"}:
        raise UntranslatableError("inference_geo: this upstream does not say where it runs")
    if request.speed not in {None, "standard"}:
        raise UntranslatableError("speed: this upstream has one speed")
