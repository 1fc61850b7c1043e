"""Packaged: o200k and cl100k, whose vocabularies are inside ``rs-bpe``'s wheel.

The same tokens as OpenAI's tiktoken, which would fetch its vocabulary when it first runs.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, Protocol

from rs_bpe import openai

from jeton.tokens.engines.cutting import list_gpt_pieces
from jeton.tokens.engines.interface import encodable

O200K_ID = "o200k"
CL100K_ID = "cl100k"

# A run of one of these is made of very long tokens, which rs-bpe finds at 1 MB/s or less.
RULERS = "-=*/#"
# Of a ruler all but this many characters are counted by arithmetic. Its ends may tokenize in
# many ways, but hardly over a quarter of this.
RULER_CHARS = 4_096
# In both vocabularies the middle of a ruler is made of tokens of this length and no others.
RULER_TOKEN_CHARS = 64

_RULERS = {char: re.compile(f"{re.escape(char)}{{{RULER_CHARS + RULER_TOKEN_CHARS},}}") for char in RULERS}


class Vocabulary(Protocol):
    """What ``rs-bpe``, which has no type stubs, gives; ``decode`` is None inside a character."""

    def count(self, text: str, /) -> int:
        """The number of tokens."""
        ...

    def encode(self, text: str, /) -> list[int]:
        """The tokens."""
        ...

    def decode(self, tokens: list[int], /) -> str | None:
        """The text of tokens."""
        ...


@cache
def o200k() -> Vocabulary:
    """The vocabulary of GPT-4o and later."""
    vocabulary: Vocabulary = openai.o200k_base()
    return vocabulary


@cache
def cl100k() -> Vocabulary:
    """The vocabulary of GPT-4 and GPT-3.5."""
    vocabulary: Vocabulary = openai.cl100k_base()
    return vocabulary


@dataclass(frozen=True, slots=True)
class PackagedEngine:
    """One of the two packaged vocabularies."""

    family_id: str
    vocabulary: Vocabulary = field(repr=False)
    method: Literal["exact"] = "exact"

    def count_text(self, text: str) -> int:
        """Tokens of a text of any length; a lone surrogate counts as a question mark."""
        return count_with(self.vocabulary, text)


def count_with(vocabulary: Vocabulary, text: str) -> int:
    """Tokens of a text, in time that grows with its length and no faster."""
    try:
        return _count(vocabulary, text)
    except UnicodeEncodeError:
        # Rare enough to find out like this: looking for surrogates first costs 5 % of all counting.
        return _count(vocabulary, encodable(text))


def _count(vocabulary: Vocabulary, text: str) -> int:
    if len(text) <= RULER_CHARS:
        return vocabulary.count(text)
    text, tokens = shorten_rulers(text)
    return tokens + sum(vocabulary.count(piece) for piece in list_gpt_pieces(text))


def shorten_rulers(text: str) -> tuple[str, int]:
    """``text`` with its long rulers shortened, and the tokens that went with what was left out.

    A sequence of tokens is what byte-pair encoding makes if each neighbouring two of it are. Where
    two tokens of 64 dashes stand side by side, further ones fit between them and nothing else changes.
    """
    tokens = 0

    def shorten(ruler: re.Match[str]) -> str:
        nonlocal tokens
        spare = (len(ruler[0]) - RULER_CHARS) // RULER_TOKEN_CHARS
        tokens += spare
        return ruler[0][spare * RULER_TOKEN_CHARS :]

    for char, ruler in _RULERS.items():
        if _has_ruler(text, char):
            text = ruler.sub(shorten, text)
    return text, tokens


def _has_ruler(text: str, char: str) -> bool:
    """Whether there may be a run of more than ``RULER_CHARS``: it covers one of its halves at a step."""
    half = RULER_CHARS // 2
    if char not in text[::half]:
        return False
    return any(text.startswith(char * half, start) for start in range(0, len(text), half))


def packaged_engines() -> tuple[PackagedEngine, PackagedEngine]:
    """The engines that are always there."""
    return PackagedEngine(O200K_ID, o200k()), PackagedEngine(CL100K_ID, cl100k())
