"""Ranks: byte-pair encoding from a list of ranks: Mistral's tekken.json and OpenAI's .tiktoken files.

A tekken.json brings the pattern by which a text is split before it is encoded. A rank file does
not, so only those are read whose pattern is known by the number of their ranks.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from jeton.tokens.engines.cutting import list_word_pieces
from jeton.tokens.engines.interface import encodable, find_module

# Past this much without a place to cut, tiktoken's stack may not hold (it broke at 1,000,000
# spaces before a letter, and held at 300,000).
WHOLE_CHARS_MAX = 200_000
RANKS_MAX = 2_000_000

_R50K = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_ENDING}|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_ENDING}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# By the number of ranks in the published file of that name.
PATTERNS: Mapping[int, str] = {
    50_256: _R50K,  # r50k_base, and gpt2
    100_256: _CL100K,  # cl100k_base
    199_998: _O200K,  # o200k_base
}


class _TekkenConfig(msgspec.Struct):
    pattern: str
    default_vocab_size: int
    default_num_special_tokens: int


class _TekkenToken(msgspec.Struct):
    rank: int
    token_bytes: str


class _Tekken(msgspec.Struct):
    config: _TekkenConfig
    vocab: list[_TekkenToken]


@dataclass(frozen=True, slots=True)
class RanksEngine:
    """A vocabulary that ``tiktoken`` was given; its patterns begin a word with the space before it."""

    family_id: str
    encoding: Any = field(repr=False)
    method: Literal["exact"] = "exact"

    def count_text(self, text: str) -> int | None:
        """Tokens of a text; None for 200,000 characters without two words in a row."""
        tokens = 0
        for piece in list_word_pieces(encodable(text)):
            if len(piece) > WHOLE_CHARS_MAX:
                return None
            tokens += len(self.encoding.encode_ordinary(piece))
        return tokens


def read_tekken(content: bytes, family_id: str) -> RanksEngine:
    """The engine of a tekken.json; raises ValueError with what is wrong with it."""
    try:
        tekken = msgspec.json.decode(content, type=_Tekken)
        count = tekken.config.default_vocab_size - tekken.config.default_num_special_tokens
        ranks = {base64.b64decode(token.token_bytes): token.rank for token in tekken.vocab[:count]}
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error) as error:
        raise ValueError(f"is no tekken.json: {error}") from None
    return RanksEngine(family_id, _open_encoding(family_id, tekken.config.pattern, ranks))


def read_rank_file(content: bytes, family_id: str) -> RanksEngine:
    """The engine of a .tiktoken file; raises ValueError with what is wrong with it."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(content.splitlines(), 1):
        token, _, rank = line.partition(b" ")
        try:
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error):
            raise ValueError(f"is no .tiktoken file: line {number} is not a token and its rank") from None
    pattern = PATTERNS.get(len(ranks))
    if pattern is None:
        known = ", ".join(f"{count:,}" for count in PATTERNS)
        raise ValueError(
            f"has {len(ranks):,} ranks, and the pattern that goes with them is not in the file; it is known "
            f"for {known} ranks, so give the tokenizer.json of this vocabulary instead"
        )
    return RanksEngine(family_id, _open_encoding(family_id, pattern, ranks))


def _open_encoding(family_id: str, pattern: str, ranks: dict[bytes, int]) -> Any:  # noqa: ANN401 - tiktoken may be missing, and its type with it
    tiktoken = find_module("tiktoken")
    if tiktoken is None:
        raise ValueError("needs the package tiktoken, which the extra jeton[tokenizers] brings")
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing or sorted(ranks.values()) != list(range(len(ranks))):
        raise ValueError("does not have a rank for each byte and each rank once, so it is cut off or damaged")
    try:
        return tiktoken.Encoding(family_id, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    except ValueError as error:
        raise ValueError(f"has a pattern that cannot be used: {error}") from None
