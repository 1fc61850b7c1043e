"""Bound: the most input tokens a prompt can have, without tokenizing it.

A promise stands on it (P1, no overspend): the number is never below what the upstream counts,
for any bytes. It is made of facts only: a text has at least as many bytes in the JSON body as in
UTF-8 (an escaped letter is six bytes for two or three), and a family makes at most its ceiling of
tokens out of each byte. So the text itself is never walked. README.md proves the ceilings.
"""

from collections.abc import Callable, Iterator

import msgspec

from jeton.tokens.content import Fetched, Image, Pdf, Text, list_parts
from jeton.tokens.count import Count
from jeton.tokens.families import Family, find_family
from jeton.tokens.prompt import Block, Prompt


class _Tool(msgspec.Struct):
    type: str | None = None


_tool_decoder = msgspec.json.Decoder(_Tool)

# Tools that the caller runs, whose description the upstream brings along. The largest published
# is the browser toolset with about 6,600 tokens.
CALLER_RUN_TOOLS = ("bash_", "text_editor_", "computer_", "memory_", "browser_")
CALLER_RUN_TOOL_TOKENS_MAX = 8192
# Two texts that are put side by side may tokenize differently where they meet: 5 at the most, measured.
JOIN_TOKENS_MAX = 8


def bound_prompt(prompt: Prompt, *, body_bytes: int, family: str, context_window: int) -> int:
    """The most input tokens of a prompt that came in a body of ``body_bytes``.

    An upstream refuses what is longer than ``context_window``, so that is the most in any case;
    it is the bound where a length cannot be known: an unknown family, a document that is fetched
    by URL or file id, a PDF (compressed text), and tools that the upstream runs (their results
    enter the prompt).
    """
    known = find_family(family)
    if known is None:
        return context_window
    tools = _bound_tools(prompt.tools, known)
    media = _bound_media(prompt, known)
    if tools is None or media is None:
        return context_window
    media_bytes, media_tokens = media
    text_bytes = max(0, body_bytes - media_bytes)
    turns = len(prompt.messages) + (prompt.system is not None)
    tokens = (
        _bound_text(text_bytes, known)
        + known.prompt_tokens_max
        + known.message_tokens_max * turns
        + tools
        + media_tokens
    )
    return min(tokens, context_window)


def bound_counted(
    prompt: Prompt, *, body_bytes: int, family: str, count_text: Callable[[str], Count]
) -> int | None:
    """The same bound with the prompt's prose counted, not its bytes; None when there is no telling.

    ``count_text`` must be exact. JSON is still taken by its bytes, since nobody knows how it is
    written out for the model, and so is everything around the texts.
    """
    known = find_family(family)
    if known is None:
        return None
    tools = _bound_tools(prompt.tools, known)
    media = _bound_media(prompt, known)
    if tools is None or media is None:
        return None
    media_bytes, media_tokens = media
    counted = prose_bytes = 0
    for text in _list_prose(prompt):
        prose_bytes += len(text.encode("utf-8", "replace"))
        counted += count_text(text).high + JOIN_TOKENS_MAX
    turns = len(prompt.messages) + (prompt.system is not None)
    return (
        _bound_text(max(0, body_bytes - media_bytes - prose_bytes), known)
        + counted
        + known.prompt_tokens_max
        + known.message_tokens_max * turns
        + tools
        + media_tokens
    )


def _list_prose(prompt: Prompt) -> Iterator[str]:
    contents = [message.content for message in prompt.messages]
    if prompt.system is not None:
        contents.append(prompt.system)
    for content in contents:
        for part in list_parts(content):
            if isinstance(part, Text) and part.is_prose:
                yield part.text


def _bound_tools(tools: list[msgspec.Raw], family: Family) -> int | None:
    """Tokens that tools add beside their JSON text; None when there is no telling."""
    if not tools:
        return 0
    tokens = family.tools_tokens_max + family.tool_tokens_max * len(tools)
    for tool in tools:
        try:
            kind = _tool_decoder.decode(tool).type
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if kind is None or kind == "custom":
            continue
        if not kind.startswith(CALLER_RUN_TOOLS):
            return None
        tokens += CALLER_RUN_TOOL_TOKENS_MAX
    return tokens


def _bound_media(prompt: Prompt, family: Family) -> tuple[int, int] | None:
    """Bytes of the body that are images, and the tokens of these; None when there is no telling."""
    contents = [message.content for message in prompt.messages]
    if prompt.system is not None:
        contents.append(prompt.system)
    media_bytes = media_tokens = 0
    for content in contents:
        if _is_text_only(content):
            continue
        for part in list_parts(content):
            if isinstance(part, Pdf | Fetched):
                return None
            if isinstance(part, Image):
                media_bytes += part.wire_bytes
                if family.image_tier is None:
                    return None
                media_tokens += family.image_tier.tokens_max
    return media_bytes, media_tokens


def _is_text_only(content: str | list[Block]) -> bool:
    return isinstance(content, str) or not any(block.source or block.content for block in content)


def _bound_text(text_bytes: int, family: Family) -> int:
    """Bytes times the family's ceiling, rounded up, without making a fraction for each request."""
    ceiling = family.tokens_per_byte
    return -(-text_bytes * ceiling.numerator // ceiling.denominator)
