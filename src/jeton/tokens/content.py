"""Content: a prompt's turns taken apart into texts, images, PDFs and what is fetched.

Counting, bounding and answering all read a prompt through here, so that none of them sees a
text that another misses. No part overlaps another on the wire: the bytes of all parts together
are never more than the bytes of the body.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from jeton.tokens.prompt import Block

# tool_result > document > content blocks is the deepest nesting the Messages API has.
CONTENT_DEPTH_MAX = 8


@dataclass(frozen=True, slots=True)
class Text:
    """Text for the model; ``is_prose`` is False for JSON that only stands for itself."""

    text: str
    is_prose: bool = True


@dataclass(frozen=True, slots=True)
class Image:
    """An image; ``wire_bytes`` of the body hold its source, ``data`` is its base64 if inline."""

    wire_bytes: int
    data: str | None


@dataclass(frozen=True, slots=True)
class Pdf:
    """A PDF given inline as base64."""

    wire_bytes: int
    data: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document that the upstream fetches by URL or file id; its length is unknown here."""

    reference: str


Part = Text | Image | Pdf | Fetched


class _Source(msgspec.Struct):
    """Where an image or document comes from."""

    type: str
    media_type: str | None = None
    data: str | None = None
    content: msgspec.Raw = msgspec.Raw()


_content_decoder = msgspec.json.Decoder(str | list[Block])
_source_decoder = msgspec.json.Decoder(_Source)


def list_parts(content: str | list[Block], depth: int = 0) -> Iterator[Part]:
    """Every part of a turn's content, in order."""
    if isinstance(content, str):
        yield Text(content)
        return
    for block in content:
        yield from _block_parts(block, depth)


def render_raw(raw: msgspec.Raw) -> str:
    """A Raw's JSON text; bytes that are not UTF-8 count for nothing rather than for three."""
    return bytes(raw).decode("utf-8", "ignore")


def _block_parts(block: Block, depth: int) -> Iterator[Part]:
    for text in (block.title, block.context, block.name, block.text, block.thinking):
        if text:
            yield Text(text)
    if block.input:
        yield Text(render_raw(block.input), is_prose=False)
    if block.source:
        yield from _source_parts(block, depth)
    if block.content:
        yield from _raw_parts(block.content, depth)


def _raw_parts(raw: msgspec.Raw, depth: int) -> Iterator[Part]:
    """Content blocks or a string where that is what stands there; any other JSON as its text."""
    if depth < CONTENT_DEPTH_MAX:
        try:
            content = _content_decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            yield from list_parts(content, depth + 1)
            return
    yield Text(render_raw(raw), is_prose=False)


def _source_parts(block: Block, depth: int) -> Iterator[Part]:
    raw = block.source
    try:
        source = _source_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # A search result's source is a plain string.
        yield Text(render_raw(raw), is_prose=False)
        return
    if block.type == "image":
        yield Image(len(bytes(raw)), source.data if source.type == "base64" else None)
    elif source.type == "text" and source.data is not None:
        yield Text(source.data)
    elif source.type == "content" and source.content:
        yield from _raw_parts(source.content, depth)
    elif source.type == "base64" and source.data is not None:
        yield Pdf(len(bytes(raw)), source.data)
    else:
        yield Fetched(render_raw(raw))
