"""Prompt: the part of a Messages request that is counted, as it stands on the wire.

A field that is absent is an empty ``msgspec.Raw`` (false in a condition): the decoder does not
know a union of ``Raw`` and ``None``. A JSON ``null`` is the Raw ``null``.
"""

from typing import Literal

import msgspec

ABSENT = msgspec.Raw()


class Block(msgspec.Struct, omit_defaults=True):
    """A content block; only what counting or answering needs is read, the rest passes by."""

    type: str
    text: str | None = None
    source: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT
    input: msgspec.Raw = ABSENT
    name: str | None = None
    title: str | None = None
    context: str | None = None
    thinking: str | None = None
    citations: msgspec.Raw = ABSENT
    cache_control: msgspec.Raw = ABSENT


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
    tool_choice: msgspec.Raw = ABSENT
