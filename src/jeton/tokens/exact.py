"""Exact: o200k tokens of texts and prompts, offline; the vocabulary is inside ``rs-bpe``'s wheel.

``count_prompt`` is the definition of input tokens for everything that the embedded upstream
serves: what that upstream reports is this number. Our frame, chosen once: 3 tokens for a prompt,
4 for each turn and for the system prompt, 16 once when there are tools and 8 for each of them.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Protocol, assert_never

from rs_bpe import openai

from jeton.tokens.content import Fetched, Image, Part, Pdf, Text, list_parts, render_raw
from jeton.tokens.families import O200K, Family
from jeton.tokens.media import image_tokens, pdf_tokens
from jeton.tokens.prompt import Prompt

PROMPT_TOKENS = 3
MESSAGE_TOKENS = 4
TOOLS_TOKENS = 16
TOOL_TOKENS = 8
# The tokenizer holds the interpreter while it works (about 20 MB/s), so a long text is counted
# in pieces, and other threads get their turn in between.
PIECE_CHARS = 32_768

# o200k never joins a letter or digit with one of these that follows it, nor an ASCII letter with
# a digit, and it looks at nothing before a cut: pieces cut here add up to the whole exactly.
_CUT = re.compile(
    r"(?<=[^\W_])(?=[ \n\r\t.,;:!?\"()\[\]{}<>=+*/\\|-])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])"
)


class _Tokenizer(Protocol):
    """What ``rs-bpe``, which has no type stubs, gives; ``decode`` is None inside a character."""

    def count(self, text: str, /) -> int: ...

    def encode(self, text: str, /) -> list[int]: ...

    def decode(self, tokens: list[int], /) -> str | None: ...


@cache
def _tokenizer() -> _Tokenizer:
    tokenizer: _Tokenizer = openai.o200k_base()
    return tokenizer


def count_text(text: str) -> int:
    """The o200k tokens of a text; a lone surrogate counts as a question mark."""
    count = _tokenizer().count
    clean = _encodable(text)
    if len(clean) <= PIECE_CHARS:
        return count(clean)
    return sum(count(piece) for piece in _pieces(clean))


def count_prompt(prompt: Prompt, family: Family = O200K) -> int:
    """The input tokens of a prompt: o200k for its text, ``family``'s rule for its images."""
    tokens = PROMPT_TOKENS + MESSAGE_TOKENS * len(prompt.messages)
    if prompt.system is not None:
        tokens += MESSAGE_TOKENS
        tokens += sum(_count_part(part, family) for part in list_parts(prompt.system))
    if prompt.tools:
        tokens += TOOLS_TOKENS + TOOL_TOKENS * len(prompt.tools)
        tokens += sum(count_text(render_raw(tool)) for tool in prompt.tools)
    for message in prompt.messages:
        tokens += sum(_count_part(part, family) for part in list_parts(message.content))
    return tokens


def cut_text(text: str, tokens_max: int) -> str:
    """The longest beginning of ``text`` that ends on a token's edge and has at most ``tokens_max`` tokens.

    A character that takes several tokens is never split, so the count may stay below the maximum.
    """
    clean = _encodable(text)
    tokens = _tokenizer().encode(clean)
    if len(tokens) <= tokens_max:
        return clean
    for end in range(tokens_max, 0, -1):
        beginning = _tokenizer().decode(tokens[:end])
        # A beginning can tokenize differently from the same bytes inside the whole.
        if beginning is not None and count_text(beginning) <= tokens_max:
            return beginning
    return ""


def split_text(text: str, tokens_each: int) -> list[str]:
    """``text`` in pieces of ``tokens_each`` tokens, never inside a character; joined they are the text."""
    clean = _encodable(text)
    tokens = _tokenizer().encode(clean)
    pieces: list[str] = []
    start, end = 0, tokens_each
    while start < len(tokens):
        piece = _tokenizer().decode(tokens[start:end])
        if piece is None:
            end += 1
            continue
        pieces.append(piece)
        start, end = min(end, len(tokens)), end + tokens_each
    return pieces


def _count_part(part: Part, family: Family) -> int:
    match part:
        case Text(text):
            return count_text(text)
        case Image(data=data):
            return image_tokens(data, family.image_tokens_max)
        case Pdf(data=data):
            return pdf_tokens(data, family.image_tokens_max)
        case Fetched(reference):
            # Nothing in this process fetches: what counts is what was sent.
            return count_text(reference)
        case _:
            assert_never(part)


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > PIECE_CHARS:
        cut = _CUT.search(text, start + PIECE_CHARS)
        if cut is None:
            break
        yield text[start : cut.start()]
        start = cut.start()
    yield text[start:]
