"""Cutting: a long text in pieces whose tokens add up to those of the whole.

A tokenizer holds the interpreter while it works, so a long text is counted in pieces, and other
threads get their turn in between.
"""

import re
from collections.abc import Iterator

PIECE_CHARS = 32_768
# A place to cut is looked for in this much after a piece; where there is none, the piece grows.
SEARCHED_CHARS = 4_096

# o200k and cl100k never join a letter or digit with one of these that follows it, nor an ASCII
# letter with a digit, and they look at nothing before a cut.
_CUT = re.compile(
    r"(?<=[^\W_])(?=[ \n\r\t.,;:!?\"()\[\]{}<>=+*/\\|-])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])"
)


def list_pieces(text: str) -> Iterator[str]:
    """Pieces of about ``PIECE_CHARS``; joined they are the text, and so are their tokens."""
    start, reach = 0, PIECE_CHARS
    while len(text) > reach:
        cut = _CUT.search(text, reach, reach + SEARCHED_CHARS)
        if cut is None:
            reach += PIECE_CHARS
            continue
        yield text[start : cut.start()]
        start = cut.start()
        reach = start + PIECE_CHARS
    yield text[start:]
