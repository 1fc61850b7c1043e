"""Usage: from a chat completion's ``usage`` to the Messages API's. The one conversion of this dialect (P6).

There cached tokens are a subset of ``prompt_tokens``; here the buckets are disjoint, so they are
taken out. What is missing stays missing (None, never zero), and counts that contradict each other
become an object that metering refuses, with what the server said in it.
"""

from typing import Annotated

import msgspec

from jeton.usage import COUNT_MAX

_Count = Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)]
# No count can be negative: whoever reads this knows that there is none.
_NO_COUNT = -1
_NULL = b"null"
Usage = dict[str, object]


class _PromptDetails(msgspec.Struct):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: _Count | None = None


class _Reported(msgspec.Struct):
    prompt_tokens: _Count
    completion_tokens: _Count = 0
    total_tokens: _Count | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


_REPORTED = msgspec.json.Decoder(_Reported)


def translate_usage(raw: bytes) -> Usage | None:
    """The Messages API's usage object; None if none was reported, or one that counts nothing.

    8,000 prompt tokens of which 7,000 were cached are 1,000 ``input_tokens`` and 7,000
    ``cache_read_input_tokens``.
    """
    if not raw or raw == _NULL:
        return None
    try:
        reported = _REPORTED.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _contradiction(raw, str(error).replace("`", ""))
    if not reported.prompt_tokens:
        # A prompt has tokens: who counts none has not counted.
        return None
    prompt, output = reported.prompt_tokens, reported.completion_tokens
    if reported.total_tokens is not None and reported.total_tokens != prompt + output:
        return _contradiction(
            raw, f"total_tokens is {reported.total_tokens}, its parts {prompt} and {output}"
        )
    details = reported.prompt_tokens_details or _PromptDetails()
    read, written = details.cached_tokens or 0, details.cache_write_tokens or 0
    if read + written > prompt:
        return _contradiction(raw, f"prompt_tokens is {prompt}, of which {read} read and {written} written")
    thinking = (reported.completion_tokens_details or _OutputDetails()).reasoning_tokens or 0
    if thinking > output:
        # Some servers leave what was thought out of what they count: then the output is not known.
        return _contradiction(raw, f"completion_tokens is {output}, of which {thinking} reasoning_tokens")
    return {
        "input_tokens": prompt - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": thinking},
        "server_tool_use": None,
        "service_tier": "standard",
        "speed": "standard",
    }


def usage_at_start(usage: Usage | None) -> Usage:
    """What ``message_start`` says: the prompt if it is known by then, else zeros, which count nothing."""
    known = usage or {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {**known, "output_tokens": 0, "service_tier": "standard", "speed": "standard"}


def _contradiction(raw: bytes, sentence: str) -> Usage:
    try:
        reported = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        reported = None
    return {
        "input_tokens": _NO_COUNT,
        "output_tokens": 0,
        "contradiction": sentence,
        "reported": reported,
    }
