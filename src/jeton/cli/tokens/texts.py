"""Texts: a file's bytes as pieces of text whose tokens add up, in bounded memory.

Bytes that are not UTF-8 become U+FFFD, each one, and are counted. A piece ends between two words,
where no tokenizer joins anything; where a file has no such place for millions of characters it is
cut all the same, and that is counted too.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 1_048_576
PIECE_CHARS = 1_048_576
# A piece without a place to cut grows to this, and is then cut anywhere.
PIECE_CHARS_MAX = 4_194_304
SEARCHED_CHARS = 65_536

_BETWEEN_WORDS = re.compile(r"(?<=[^\W\d_]) (?=[^\W\d_])")
# What the decoder makes of a byte that is not UTF-8.
_ESCAPED = re.compile("[\udc80-\udcff]")


@dataclass(slots=True)
class Measures:
    """What was seen of a text so far; ``first_invalid`` is a byte's offset, counted from 0."""

    bytes_read: int = 0
    chars: int = 0
    words: int = 0
    invalid_bytes: int = 0
    first_invalid: int | None = None
    rough_cuts: int = 0


def read_pieces(
    head: bytes, file: BinaryIO, measures: Measures, *, note_bytes: Callable[[int], None]
) -> Iterator[str]:
    """The text of ``head`` and of what is left of ``file``, in pieces; ``measures`` grow on the way."""
    held = ""
    in_word = False
    for text in _decode(head, file, measures, note_bytes=note_bytes):
        words, in_word = _count_words(text, in_word=in_word)
        measures.words += words
        measures.chars += len(text)
        held += text
        while len(held) >= PIECE_CHARS:
            cut = _find_cut(held)
            if cut is None:
                if len(held) < PIECE_CHARS_MAX:
                    break
                cut = PIECE_CHARS_MAX
                measures.rough_cuts += 1
            yield held[:cut]
            held = held[cut:]
    if held:
        yield held


def _decode(
    head: bytes, file: BinaryIO, measures: Measures, *, note_bytes: Callable[[int], None]
) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    chunk = head
    while chunk:
        note_bytes(len(chunk))
        yield _mend(decoder.decode(chunk), measures)
        chunk = file.read(CHUNK_BYTES)
    yield _mend(decoder.decode(b"", final=True), measures)


def _mend(text: str, measures: Measures) -> str:
    """``text`` without what is not UTF-8."""
    if text.isascii():
        measures.bytes_read += len(text)
        return text
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        if measures.first_invalid is None:
            measures.first_invalid = measures.bytes_read + len(text[: error.start].encode())
        size = len(text.encode("utf-8", "surrogateescape"))
        text, invalid = _ESCAPED.subn("\ufffd", text)
        measures.invalid_bytes += invalid
    measures.bytes_read += size
    return text


def _count_words(text: str, *, in_word: bool) -> tuple[int, bool]:
    """Words that begin in ``text``, and whether it ends inside one; ``in_word`` if what came before did."""
    if not text:
        return 0, in_word
    words = len(text.split())
    if in_word and not text[0].isspace():
        words -= 1
    return words, not text[-1].isspace()


def _find_cut(text: str) -> int | None:
    start = max(0, len(text) - SEARCHED_CHARS)
    cut = None
    for match in _BETWEEN_WORDS.finditer(text, start):
        cut = match.start()
    return cut
