"""Prompt: the part of a Messages request that is counted, as it stands on the wire."""

from typing import Literal

import msgspec


class Block(msgspec.Struct, omit_defaults=True):
    """A content block; only what counting or answering needs is read, the rest passes by."""

    type: str
    text: str | None = None
    source: msgspec.Raw | None = None
    content: msgspec.Raw | None = None
    input: msgspec.Raw | None = None
    name: str | None = None
    thinking: str | None = None
    citations: msgspec.Raw | None = None
    cache_control: msgspec.Raw | None = None


class Message(msgspec.Struct):
    """A turn; ``system`` turns are allowed by newer models."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class Prompt(msgspec.Struct):
    """What the model reads: system, tools (each as its JSON text) and turns."""

    model: str
    messages: list[Message]
    system: str | list[Block] | None = None
    tools: list[msgspec.Raw] = []
    tool_choice: msgspec.Raw | None = None
