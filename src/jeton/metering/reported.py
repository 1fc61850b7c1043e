"""Reported usage: from the ``usage`` object of the Messages dialect to disjoint buckets. Pure.

This is the one conversion of this dialect (P6). Counts that contradict each other are not
repaired and not priced: the request is quarantined with a sentence that says why.
"""

from dataclasses import astuple
from operator import add
from typing import Annotated, Literal

import msgspec

from jeton.errors import UsageError
from jeton.usage import COUNT_MAX, Usage

REPORTED_BYTES_MAX = 65_536
_NUL_ESCAPE = "\\u0000"
# To find exponents, which come after a digit: searching for two fixed bytes takes a tenth of the time
# that a regular expression takes.
_ANY_DIGIT = bytes.maketrans(b"123456789E", b"000000000e")
_EXPONENT = b"0e"

_Count = Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)]

Fields = dict[str, msgspec.Raw]


class Reported(msgspec.Struct, frozen=True):
    """What the upstream says was used.

    ``usage`` None means that nothing may be priced, and ``problem`` says why; ``is_missing``
    tells "nothing was reported" from "what was reported contradicts itself". The three
    conditions are None where the upstream did not name them. ``text`` is its JSON, to be kept.
    """

    usage: Usage | None
    problem: str | None = None
    is_missing: bool = False
    service_tier: Literal["standard", "batch"] | None = None
    inference_geo: Literal["global", "us"] | None = None
    speed: Literal["standard", "fast"] | None = None
    text: str | None = None


class _Split(msgspec.Struct):
    ephemeral_5m_input_tokens: _Count
    ephemeral_1h_input_tokens: _Count


class _OutputDetails(msgspec.Struct):
    thinking_tokens: _Count | None = None


class _Searches(msgspec.Struct):
    web_search_requests: _Count = 0


class _Counts(msgspec.Struct):
    input_tokens: _Count
    output_tokens: _Count
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation: _Split | None = None
    output_tokens_details: _OutputDetails | None = None


class _Iteration(_Counts, kw_only=True):
    type: str
    input_tokens: _Count = 0
    output_tokens: _Count = 0


class _Object(_Counts):
    server_tool_use: _Searches | None = None
    service_tier: str | None = None
    inference_geo: str | None = None
    speed: str | None = None
    iterations: list[_Iteration] | None = None


_OBJECT = msgspec.json.Decoder(_Object)
_FIELDS = msgspec.json.Decoder(Fields)
_ANY = msgspec.json.Decoder()
_SPLIT = msgspec.json.Decoder(_Split)
_COUNT = msgspec.json.Decoder(int | None)
_MISSING = Reported(None, "The upstream reported no usage.", is_missing=True)


class _ContradictionError(ValueError):
    """Counts that cannot all be true; the message is the sentence of the quarantine."""


def merge_reported(earlier: bytes, later: bytes) -> bytes:
    """The usage object of a stream after a ``message_delta``; an empty one is none at all.

    Counts are running totals, so the later ones win; what is omitted or null keeps its earlier
    value. The cache split is only in ``message_start``: what the total has grown by since then
    was written for five minutes (claude-api: server tools).
    """
    if not earlier or not later:
        return later or earlier
    try:
        fields, news = _FIELDS.decode(earlier), _FIELDS.decode(later)
        growth = _growth(fields, news)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Kept as it came; the conversion below says what is wrong with it.
        return later
    fields.update((name, raw) for name, raw in news.items() if bytes(raw) != b"null")
    if growth is not None:
        fields["cache_creation"] = msgspec.Raw(msgspec.json.encode(growth))
    return msgspec.json.encode(fields)


def _growth(fields: Fields, news: Fields) -> _Split | None:
    total, split = news.get("cache_creation_input_tokens"), fields.get("cache_creation")
    if total is None or split is None or "cache_creation" in news:
        return None
    if bytes(total) == b"null" or bytes(split) == b"null":
        return None
    count, known = _COUNT.decode(total), _SPLIT.decode(split)
    grown = (count or 0) - known.ephemeral_5m_input_tokens - known.ephemeral_1h_input_tokens
    if grown <= 0:
        return None
    return _Split(known.ephemeral_5m_input_tokens + grown, known.ephemeral_1h_input_tokens)


def read_reported(raw: bytes) -> Reported:
    """Convert a usage object; never raises: what cannot be priced has a ``problem``."""
    if not raw or raw == b"null":
        return _MISSING
    if len(raw) > REPORTED_BYTES_MAX:
        return Reported(None, f"The upstream's usage is larger than {REPORTED_BYTES_MAX} bytes.")
    try:
        reported = _OBJECT.decode(raw)
        usage = _usage(reported)
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
        UsageError,
        _ContradictionError,
    ) as error:
        problem, _, field = str(error).replace("`", "").partition(" - at $.")
        sentence = f"The upstream's usage cannot be priced: {field or 'it'}: {problem}"
        return Reported(None, sentence, text=_kept_text(raw, is_sound=False))
    text = _kept_text(raw, is_sound=True)
    if text is None:
        return Reported(None, "The upstream's usage holds characters that cannot be stored.")
    if not (usage.input_tokens or usage.prompt_tokens):
        # Some servers say zero for what they did not count, and every prompt has tokens (P8).
        return Reported(None, "The upstream reported a prompt of no tokens.", is_missing=True, text=text)
    return Reported(
        usage,
        service_tier=_tier(reported.service_tier),
        inference_geo=_geography(reported.inference_geo),
        speed=_speed(reported.speed),
        text=text,
    )


def _kept_text(raw: bytes, *, is_sound: bool) -> str | None:
    """The JSON text to keep; None if jsonb would not take it, for it must never stop a settlement."""
    try:
        # Escapes and exponents are the two kinds of valid JSON that PostgreSQL's jsonb may refuse.
        if is_sound and b"\\" not in raw and _EXPONENT not in raw.translate(_ANY_DIGIT):
            return raw.decode()
        text = msgspec.json.encode(_ANY.decode(raw)).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if _NUL_ESCAPE in text else text


def _usage(reported: _Object) -> Usage:
    searches = reported.server_tool_use
    usage = _buckets(reported, 0 if searches is None else searches.web_search_requests)
    for step in _added(reported):
        usage = Usage(*map(add, astuple(usage), astuple(_buckets(step, 0))))
    return usage


def _buckets(part: _Counts, searches: int) -> Usage:
    five_minutes, one_hour = _writes(part)
    read = part.cache_read_input_tokens or 0
    return Usage(
        part.input_tokens, five_minutes, one_hour, read, part.output_tokens, searches, _thinking(part)
    )


def _thinking(part: _Counts) -> int:
    """How much of the output was thinking; more than all of it says that the output is not all of it."""
    details = part.output_tokens_details
    thinking = 0 if details is None else details.thinking_tokens or 0
    if thinking > part.output_tokens:
        raise _ContradictionError(
            f"thinking_tokens is {thinking}, but output_tokens, of which they are, is {part.output_tokens}."
        )
    return thinking


def _added(reported: _Object) -> list[_Iteration]:
    # The top level leaves compactions out, although they are billed like everything else.
    iterations = reported.iterations or []
    for step in iterations:
        if step.type not in {"message", "compaction"} and (step.input_tokens or step.output_tokens):
            raise _ContradictionError(f"an iteration of type {step.type} ran on a model of its own.")
    return [step for step in iterations if step.type == "compaction"]


def _writes(part: _Counts) -> tuple[int, int]:
    total, split = part.cache_creation_input_tokens, part.cache_creation
    if split is None:
        return total or 0, 0
    five_minutes, one_hour = split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens
    if total is not None and five_minutes + one_hour != total:
        raise _ContradictionError(
            f"cache_creation_input_tokens is {total}, but its parts are"
            f" {five_minutes} (5m) and {one_hour} (1h)."
        )
    return five_minutes, one_hour


def _tier(name: str | None) -> Literal["standard", "batch"] | None:
    # Every other tier (priority, flex) is sold at the standard price.
    match name:
        case None:
            return None
        case "batch":
            return "batch"
        case _:
            return "standard"


def _geography(name: str | None) -> Literal["global", "us"] | None:
    match name:
        case None:
            return None
        case "us":
            return "us"
        case _:
            return "global"


def _speed(name: str | None) -> Literal["standard", "fast"] | None:
    match name:
        case "standard" | "fast":
            return name
        case _:
            return None
