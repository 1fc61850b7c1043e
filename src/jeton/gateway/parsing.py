"""Parsing: from a request's head and bytes to a validated ``MessagesRequest``, or one sentence why not.

Messages name the field the way the Messages API does: ``messages.0.content: ...``. What only a
model can judge (which blocks, tools or betas it knows) is left to the upstream. Sources of the
rules: claude-api sections 0.3, 1.2 and 3.9. The work is linear in the bytes of the body.
"""

from collections.abc import Collection
from typing import TypeVar

import msgspec

from jeton.gateway.errors import InvalidRequestError, RequestTooLargeError
from jeton.pricing.book import PriceVersion
from jeton.tokens.prompt import ABSENT, Block, Message
from jeton.upstreams.interface import MessagesRequest

BODY_BYTES_MAX = 33_554_432
MESSAGES_MAX = 100_000
TOOLS_MAX = 100_000
STOP_SEQUENCES_MAX = 10_000
SENTENCE_CHARACTERS_MAX = 500
NUMBER_CHARACTERS_MAX = 40
THINKING_TOKENS_MIN = 1024
NO_SAMPLING_VERSION = "2026-10-21"
BEARER = b"bearer "
JSON_SPACES = b" \t\r\n"
API_VERSIONS = ("2023-01-01", "2023-06-01", NO_SAMPLING_VERSION)


_Part = TypeVar("_Part")


class _Body(MessagesRequest):
    temperature: msgspec.Raw = ABSENT
    top_p: msgspec.Raw = ABSENT
    top_k: msgspec.Raw = ABSENT
    output_config: msgspec.Raw = ABSENT
    fallbacks: msgspec.Raw = ABSENT


class _CountBody(_Body, kw_only=True):
    # A count has no output; one token stands in, so that both bodies have one type.
    max_tokens: int = 1


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None


class _ToolChoice(msgspec.Struct):
    type: str


class _OutputConfig(msgspec.Struct):
    format: msgspec.Raw = ABSENT


class _Inner(msgspec.Struct):
    type: str = ""
    citations: msgspec.Raw = ABSENT


_Decoded = TypeVar("_Decoded")

_MESSAGES = msgspec.json.Decoder(_Body)
_COUNT = msgspec.json.Decoder(_CountBody)
_THINKING = msgspec.json.Decoder(_Thinking | None)
_TOOL_CHOICE = msgspec.json.Decoder(_ToolChoice | None)
_OUTPUT_CONFIG = msgspec.json.Decoder(_OutputConfig | None)
_INNER = msgspec.json.Decoder(list[_Inner])
_CITATIONS = msgspec.json.Decoder(list[msgspec.Raw] | None)


class Head(msgspec.Struct, frozen=True):
    """What the gateway reads of a request's headers; absent ones are empty."""

    secret: str
    api_version: str
    beta: str
    workspace_id: str
    content_length: int
    address: str = ""
    tag: str = ""


def read_head(pairs: Collection[tuple[bytes, bytes]], peer: str = "") -> Head:
    """Read the headers (names in lower case); ``x-api-key`` goes before ``authorization``.

    ``peer`` is the address that it comes from, as the wire found it.
    """
    found = dict(pairs)
    secret = found.get(b"x-api-key", b"")
    if not secret:
        bearer = found.get(b"authorization", b"")
        if bearer[: len(BEARER)].lower() == BEARER:
            secret = bearer[len(BEARER) :].strip()
    beta = b""
    if b"anthropic-beta" in found:
        # The one header that may be repeated.
        beta = b",".join(value for name, value in pairs if name == b"anthropic-beta")
    length = found.get(b"content-length", b"")
    return Head(
        secret=secret.decode("latin-1"),
        api_version=found.get(b"anthropic-version", b"").decode("latin-1"),
        beta=beta.decode("latin-1"),
        workspace_id=found.get(b"anthropic-workspace-id", b"").decode("latin-1"),
        content_length=int(length) if length.isdigit() else 0,
        address=peer,
        tag=found.get(b"jeton-tag", b"").decode("latin-1"),
    )


def require_version(head: Head) -> str:
    """The API version asked for; InvalidRequestError unless it is one of API_VERSIONS."""
    version = head.api_version
    if version not in API_VERSIONS:
        if not version:
            raise InvalidRequestError("anthropic-version: header is required")
        known = ", ".join(API_VERSIONS)
        raise InvalidRequestError(f'anthropic-version: "{version[:40]}" is not a valid version; use {known}')
    return version


def require_size(body_bytes: int) -> None:
    """Raise RequestTooLargeError for a body (or an announced one) over BODY_BYTES_MAX."""
    if body_bytes > BODY_BYTES_MAX:
        raise RequestTooLargeError(BODY_BYTES_MAX)


def parse_messages(body: bytes, api_version: str) -> MessagesRequest:
    """The body of ``POST /v1/messages``; InvalidRequestError with the field and the reason."""
    request = decode_body(_MESSAGES, body)
    _check(request, api_version)
    if request.max_tokens <= 0:
        _check_prewarming(request)
    if request.thinking:
        _check_thinking(request)
    if request.fallbacks:
        _refuse_fallbacks(request.fallbacks)
    return request


def parse_count(body: bytes, api_version: str) -> MessagesRequest:
    """The body of ``POST /v1/messages/count_tokens``; its ``max_tokens`` means nothing."""
    request = decode_body(_COUNT, body)
    _check(request, api_version)
    return request


def require_fitting(request: MessagesRequest, version: PriceVersion) -> None:
    """Raise InvalidRequestError when ``max_tokens`` is more than the model can write."""
    if request.max_tokens > version.max_output_tokens:
        raise InvalidRequestError(
            f"max_tokens: {_short(request.max_tokens)} > {version.max_output_tokens}, which is the maximum"
            f" allowed number of output tokens for {request.model}"
        )


def _short(number: int) -> str:
    text = str(number)
    return text if len(text) <= NUMBER_CHARACTERS_MAX else f"{text[:NUMBER_CHARACTERS_MAX]}…"


def decode_body(decoder: "msgspec.json.Decoder[_Decoded]", body: bytes) -> _Decoded:
    """What a body says; InvalidRequestError with the field and the reason."""
    try:
        if not body.isascii():
            # The decoder does not look into the strings that it skips.
            body.decode()
        return decoder.decode(body)
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"The request body is not valid UTF-8 at byte {error.start}.") from None
    except RecursionError:
        raise InvalidRequestError("The request body is nested too deeply.") from None
    except msgspec.ValidationError as error:
        raise InvalidRequestError(_name_field(str(error))) from None
    except msgspec.DecodeError as error:
        raise InvalidRequestError(f"The request body is not valid JSON: {error}") from None


def _name_field(sentence: str) -> str:
    """Turn "Expected `int`, got `str` - at `$.max_tokens`" into "max_tokens: Expected ..."."""
    problem, _, path = sentence.rpartition(" - at `$")
    if not problem:
        problem, path = sentence, ""
    field = path.rstrip("`").replace("[", ".").replace("]", "").strip(".")
    prefix, _, missing = problem.partition("Object missing required field ")
    if missing and not prefix:
        field = f"{field}.{missing.strip('`')}".strip(".")
        problem = "Field required"
    text = f"{field}: {problem}" if field else f"The request body is not a request: {problem}"
    return text[:SENTENCE_CHARACTERS_MAX]


def _check(request: _Body, api_version: str) -> None:
    if not request.model:
        raise InvalidRequestError("model: String should have at least 1 character")
    if not request.messages:
        raise InvalidRequestError("messages: at least one message is required")
    _check_length("messages", len(request.messages), MESSAGES_MAX)
    _check_length("tools", len(request.tools or ()), TOOLS_MAX)
    if request.stop_sequences:
        _check_length("stop_sequences", len(request.stop_sequences), STOP_SEQUENCES_MAX)
        if any(not sequence.strip() for sequence in request.stop_sequences):
            raise InvalidRequestError("stop_sequences: each stop sequence must contain non-whitespace")
    _check_turns(request.messages)
    if isinstance(request.system, list):
        _check_texts("system", request.system)
    if api_version == NO_SAMPLING_VERSION:
        _check_2026_10_21(request)


def _check_length(field: str, length: int, length_max: int) -> None:
    if length > length_max:
        raise InvalidRequestError(f"{field}: at most {length_max} items are allowed, got {length}")


def _check_turns(messages: list[Message]) -> None:
    last = len(messages) - 1
    for index, message in enumerate(messages):
        content = message.content
        if not content and (index != last or message.role != "assistant"):
            raise InvalidRequestError(
                f"messages.{index}: all messages must have non-empty content"
                " except for the optional final assistant message"
            )
        if isinstance(content, list):
            _check_texts(f"messages.{index}.content", content)


def _check_texts(path: str, blocks: list[Block]) -> None:
    for index, block in enumerate(blocks):
        if block.type != "text":
            continue
        if block.text is None:
            raise InvalidRequestError(f"{path}.{index}.text.text: Field required")
        if not block.text:
            raise InvalidRequestError(f"{path}.{index}.text.text: text content blocks must be non-empty")


def _check_prewarming(request: _Body) -> None:
    """``max_tokens: 0`` fills the cache and writes nothing; so some things contradict it."""
    if request.max_tokens < 0:
        raise InvalidRequestError(
            f"max_tokens: must be greater than or equal to 0, got {_short(request.max_tokens)}"
        )
    if request.stream:
        raise InvalidRequestError("max_tokens: 0 is not allowed with stream")
    choice = _part(_TOOL_CHOICE, "tool_choice", request.tool_choice) if request.tool_choice else None
    if choice is not None and choice.type in {"any", "tool"}:
        raise InvalidRequestError("max_tokens: 0 is not allowed with tool_choice any or tool")
    config = _part(_OUTPUT_CONFIG, "output_config", request.output_config) if request.output_config else None
    if config is not None and config.format:
        raise InvalidRequestError("max_tokens: 0 is not allowed with output_config.format")


def _check_thinking(request: _Body) -> None:
    thinking = _part(_THINKING, "thinking", request.thinking)
    if thinking is None or thinking.type != "enabled":
        return
    budget = thinking.budget_tokens
    if budget is None:
        raise InvalidRequestError("thinking.enabled.budget_tokens: Field required")
    if budget < THINKING_TOKENS_MIN:
        raise InvalidRequestError(
            f"thinking.enabled.budget_tokens: must be at least {THINKING_TOKENS_MIN}, got {_short(budget)}"
        )
    if request.max_tokens <= budget:
        raise InvalidRequestError(
            f"max_tokens: {request.max_tokens} must be greater than thinking.budget_tokens, {_short(budget)}"
        )


def _refuse_fallbacks(raw: msgspec.Raw) -> None:
    """Upstreams bill each attempt at the price of the model that made it (claude-api 1.4)."""
    if bytes(raw).translate(None, JSON_SPACES) not in {b"null", b"[]"}:
        raise InvalidRequestError(
            "fallbacks: not supported here, since each attempt would be billed at another model's price,"
            " which this version cannot charge; leave the field out"
        )


def _check_2026_10_21(request: _Body) -> None:
    """What API version 2026-10-21 no longer takes (claude-api 0.3)."""
    for name in ("temperature", "top_p", "top_k"):
        if getattr(request, name):
            raise InvalidRequestError(f"{name}: not supported in API version {NO_SAMPLING_VERSION}")
    for index, message in enumerate(request.messages):
        if isinstance(message.content, list):
            _check_blocks_2026_10_21(f"messages.{index}.content", message.role, message.content)


def _check_blocks_2026_10_21(path: str, role: str, blocks: list[Block]) -> None:
    for index, block in enumerate(blocks):
        here = f"{path}.{index}"
        if role == "assistant" and block.type == "document":
            raise InvalidRequestError(f"{here}: an assistant message may not contain a document block")
        if role != "user":
            continue
        inner = []
        if block.type == "text":
            inner = [_Inner("text", block.citations)]
        elif block.type == "search_result" and block.content:
            inner = _part(_INNER, f"{here}.content", block.content)
        for part in inner:
            if part.type == "text" and part.citations and _part(_CITATIONS, here, part.citations):
                raise InvalidRequestError(f"{here}.citations: must be empty in a user message")


def _part(decoder: "msgspec.json.Decoder[_Part]", field: str, raw: msgspec.Raw) -> _Part:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        problem, _, _ = str(error).partition(" - at ")
        raise InvalidRequestError(f"{field}: {problem}"[:SENTENCE_CHARACTERS_MAX]) from None
