"""Cutting: a long text in pieces whose tokens add up to those of the whole.

A tokenizer holds the interpreter, or much memory, while it works, so a long text is counted in
pieces, and others get their turn in between.
"""

import re
from collections.abc import Callable, Iterable, Iterator

PIECE_CHARS = 32_768
# A place to cut is looked for in this much after a piece; where there is none, the piece grows.
SEARCHED_CHARS = 4_096

# o200k and cl100k never join a letter or digit with one of these that follows it, nor an ASCII
# letter with a digit, and they look at nothing before a cut.
_GPT_CUT = re.compile(
    r"(?<=[^\W_])(?=[ \n\r\t.,;:!?\"()\[\]{}<>=+*/\\|-])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])"
)
# Between two English words; where a tokenizer has no token across it, nothing else is either.
_WORD_CUT = re.compile(r"(?<=[A-Za-z])(?= [A-Za-z])")
# A space as the vocabularies write it: plain, as SentencePiece, as byte-level BPE.
_ACROSS = re.compile("[A-Za-z][ ▁Ġ][A-Za-z]")
_PROBE = "The price of 1,000 tokens is what it is: no more, no less. Ask the operator, or count them yourself"


def list_gpt_pieces(text: str) -> Iterator[str]:
    """Pieces for o200k and cl100k; joined they are the text, and so are their tokens."""
    return _list_pieces(text, _GPT_CUT)


def list_word_pieces(text: str) -> Iterator[str]:
    """Pieces for a tokenizer that ``may_cut_words``."""
    return _list_pieces(text, _WORD_CUT)


def may_cut_words(count: Callable[[str], int], vocabulary: Iterable[str]) -> bool:
    """Whether a tokenizer counts a text as it counts its words, each with the space before it.

    Not so where a token spans two words, nor where every text is given a space in front.
    """
    cuts = [cut.start() for cut in _WORD_CUT.finditer(_PROBE)]
    pieces = [_PROBE[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    is_sum = count(_PROBE) == sum(count(piece) for piece in pieces)
    return is_sum and not any(_ACROSS.search(token) for token in vocabulary)


def _list_pieces(text: str, cut_at: re.Pattern[str]) -> Iterator[str]:
    start, reach = 0, PIECE_CHARS
    while len(text) > reach:
        cut = cut_at.search(text, reach, reach + SEARCHED_CHARS)
        if cut is None:
            reach += PIECE_CHARS
            continue
        yield text[start : cut.start()]
        start = cut.start()
        reach = start + PIECE_CHARS
    yield text[start:]
