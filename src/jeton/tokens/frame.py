"""Frame: the tokens that a provider puts around a prompt's texts: turns, system, tools.

Exact where a provider publishes it or where we are the provider; else a range. The texts
themselves (a tool's JSON too) are counted by whoever asks for the frame.
"""

from functools import lru_cache

import msgspec

from jeton.tokens.families import Frame, Span, find_frame, load_facts
from jeton.tokens.prompt import Prompt

MODELS_KEPT_MAX = 256


class _Tool(msgspec.Struct):
    type: str | None = None


class _Choice(msgspec.Struct):
    type: str = "auto"


_TOOL = msgspec.json.Decoder(_Tool)
_CHOICE = msgspec.json.Decoder(_Choice | None)
_find_frame = lru_cache(maxsize=MODELS_KEPT_MAX)(find_frame)


def frame_tokens(prompt: Prompt, family_id: str) -> Span:
    """Everything of a prompt that is neither text nor image, for a family and ``prompt.model``.

    "Hello" to Claude Opus 4.7 has a frame of 11 tokens, to Claude Haiku 4.5 one of 7.
    """
    frame = _find_frame(family_id, prompt.model)
    tokens = frame.first + frame.turn * (len(prompt.messages) - 1)
    if prompt.system is not None:
        tokens += frame.system
    if prompt.tools:
        tokens += _tools_tokens(prompt, frame, family_id)
    return tokens


def _tools_tokens(prompt: Prompt, frame: Frame, family_id: str) -> Span:
    tokens = frame.tools_any if _is_forced(prompt.tool_choice) else frame.tools_auto
    tokens += frame.tool * len(prompt.tools)
    for raw in prompt.tools:
        kind = _kind(raw)
        if kind is not None and kind != "custom":
            tokens += _toolset_tokens(kind, family_id) or frame.server_tool
    return tokens


def _is_forced(choice: msgspec.Raw) -> bool:
    if not choice:
        return False
    try:
        decoded = _CHOICE.decode(choice)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return decoded is not None and decoded.type in {"any", "tool"}


def _kind(raw: msgspec.Raw) -> str | None:
    try:
        return _TOOL.decode(raw).type
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _toolset_tokens(kind: str, family_id: str) -> Span | None:
    """What the upstream says of a tool that the caller runs, by the beginning of its type."""
    for prefix, spans in load_facts().toolsets.items():
        if kind.startswith(prefix):
            return spans.get(family_id)
    return None
