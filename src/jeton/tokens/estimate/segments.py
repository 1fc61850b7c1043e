"""Segments: a text's bytes cut where the class of character changes, each with a 64-bit hash.

Tokenizers cut a text into words, gaps and numbers first and never join across a word's edge, so
what a segment costs hardly depends on its neighbours: a table of segments is nearly exact where it
knows them. A space before a word belongs to the word. Everything is array arithmetic on
integers: the same text gives the same segments on every machine.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jeton.tokens.estimate.characters import (
    DIGIT,
    GAP,
    LEAD,
    LEAD_OF_FOUR,
    LEAD_OF_THREE,
    LETTER,
    OWN_BYTES,
    PAIR_CLASSES,
    PART,
    PICTURE,
    SINGLE_CLASSES,
    SPACE_KEEPERS,
)

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint32]

# Eight bytes are read from any position, so a text is followed by that many zeros.
PADDING = b"\0" * 8

# What stands before and after a segment's characters: bytes that begin no character.
START = 0x80
END = 0x81
# As many bytes of a segment are read at once.
WORD_BYTES = 8
# A text with more than a MANYth of its bytes outside ASCII is cut by characters rather than by bytes.
MANY = 4
# Fewer characters than a FEWth of the bytes are picked one by one.
FEW = 4

_FIRST_WORD = np.uint8(LETTER)
_WORD_CLASSES = np.uint8(SPACE_KEEPERS - LETTER)
_TAB = 0x09
_NEW_LINE = 0x0A
_RETURN = 0x0D
_SPACE = 0x20
_FIRST = np.uint64(0x9E3779B97F4A7C15)
_LAST = np.uint64(0xC2B2AE3D27D4EB4F)
_MIDDLE = np.uint64(0x165667B19E3779F9)
_LENGTH = np.uint64(0xD6E8FEB86659FD93)
_MIX = np.uint64(0xE7037ED1A0B428DB)
_DIGITS = np.uint64(0x3030303030303030)
_SHIFT = np.uint64(32)
_KEPT = np.array([0, *((1 << 8 * n) - 1 for n in range(1, 9))], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Segments:
    """Where segments start in ``data`` and their lengths in bytes.

    ``spaced`` are words that begin with a space which their hash leaves out; ``numbers`` are digits.
    """

    data: Bytes
    starts: Integers
    lengths: Integers
    spaced: Flags
    numbers: Flags
    is_ascii: bool


def cut(raw: bytes, *, by_space: bool) -> Segments:
    """The segments of at least one byte of UTF-8 (a lone surrogate may be there as three bytes).

    ``by_space`` is how byte-level BPE has it: a word takes the white space before it along, or one
    other mark that stands alone. Else (Claude) it takes one space, but not after a number, an
    ideograph or a picture, where the space is a token.
    """
    data = np.frombuffer(raw + PADDING, dtype=np.uint8)
    size = len(raw)
    is_ascii = raw.isascii()
    # Bytes of longer characters: few in Latin text, most in others.
    foreign = 0 if is_ascii else int(np.count_nonzero(data >= PART))
    if foreign * MANY > size or (foreign and by_space):
        characters = ((data[:size] & LEAD) != PART).nonzero()[0]
        pairs = read_ahead(data, "<u2").take(characters)
        classes = PAIR_CLASSES.take(pairs)
        firsts = _FIND_FIRSTS[by_space](classes, pairs.astype(np.uint8))
        starts = characters.take(firsts)
    else:
        classes = np.frombuffer(raw.translate(SINGLE_CLASSES), dtype=np.uint8)
        if foreign:
            classes = classes.copy()
            _class_foreign(data, classes)
        starts = firsts = _FIND_FIRSTS[by_space](classes, data[:size])
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1] = size - starts[-1]
    lasts = np.empty_like(firsts)
    np.subtract(firsts[1:], 1, out=lasts[:-1])
    lasts[-1] = len(classes) - 1
    kinds = classes.take(lasts)
    if by_space:
        spaced = np.zeros(len(starts), dtype=np.bool_)
    else:
        spaced = data.take(starts) == _SPACE
        spaced &= _are_words(kinds)
    return Segments(data, starts, lengths, spaced, kinds == DIGIT, is_ascii)


def _class_foreign(data: Bytes, classes: Bytes) -> None:
    """Give all bytes of each longer character the character's class."""
    leads = np.flatnonzero(data >= LEAD)
    kinds = PAIR_CLASSES.take(read_ahead(data, "<u2").take(leads))
    first = data.take(leads)
    classes[leads] = kinds
    classes[leads + 1] = kinds
    wide = np.flatnonzero(first >= LEAD_OF_THREE)
    classes[leads.take(wide) + 2] = kinds.take(wide)
    astral = np.flatnonzero(first >= LEAD_OF_FOUR)
    classes[leads.take(astral) + 3] = kinds.take(astral)


def _find_changes(classes: Bytes) -> Flags:
    is_first = np.empty(len(classes), dtype=np.bool_)
    is_first[0] = True
    np.not_equal(classes[1:], classes[:-1], out=is_first[1:])
    return is_first


def _are_words(classes: Bytes) -> Flags:
    """Whether characters are of words that have edges; below them GAP wraps around to the greatest."""
    return (classes - _FIRST_WORD) < _WORD_CLASSES


def _find_spaced_firsts(classes: Bytes, first_bytes: Bytes) -> Integers:
    """Indexes of the characters that start a segment; a word after a space starts at the space."""
    is_first = _find_changes(classes)
    moved = is_first[1:] & (first_bytes[:-1] == _SPACE)
    moved &= _are_words(classes[1:])
    moved[1:] &= classes[:-2] < SPACE_KEEPERS
    is_first[1:] ^= moved
    is_first[:-1] |= moved
    return is_first.nonzero()[0]


def _find_marked_firsts(classes: Bytes, first_bytes: Bytes) -> Integers:
    """As above; a word also starts at any other mark before it, if no mark is before that one."""
    is_first = _find_changes(classes)
    moved = is_first[1:] & (classes[:-1] == GAP)
    moved &= (classes[1:] != DIGIT) & (classes[1:] != PICTURE)
    is_break = (first_bytes == _NEW_LINE) | (first_bytes == _RETURN)
    is_tab = first_bytes == _TAB
    moved &= ~is_break[:-1]
    # What another mark before it would take along, were it not white space.
    alone = (classes[:-2] != GAP) | is_break[:-2] | is_tab[:-2]
    moved[1:] &= alone | is_tab[1:-1] | (first_bytes[1:-1] == _SPACE)
    is_first[1:] ^= moved
    is_first[:-1] |= moved
    return is_first.nonzero()[0]


_FIND_FIRSTS = {False: _find_spaced_firsts, True: _find_marked_firsts}


def hash_segments(segments: Segments) -> Hashes:
    """A 64-bit hash of each segment's bytes (of a number, of its length alone)."""
    starts, lengths = segments.starts, segments.lengths
    inner = starts + segments.spaced
    lengths = lengths - segments.spaced
    # Taken from up to three times; a strided view would be copied each time.
    ahead: Hashes = np.ascontiguousarray(read_ahead(segments.data, "<u8"))
    hashes: Hashes = ahead.take(inner)
    hashes &= _KEPT.take(lengths, mode="clip")
    np.putmask(hashes, segments.numbers, _DIGITS)
    hashes *= _FIRST
    long = (lengths > WORD_BYTES).nonzero()[0]
    if len(long):
        begin, length = inner.take(long), lengths.take(long)
        rest = ahead.take(begin + length - WORD_BYTES) * _LAST
        rest ^= ahead.take(begin + (length - WORD_BYTES) // 2) * _MIDDLE
        rest ^= rest >> _SHIFT
        rest *= _MIX
        rest *= ~segments.numbers.take(long)
        hashes[long] ^= rest
    hashes ^= lengths.view(np.uint64) * _LENGTH
    hashes ^= hashes >> _SHIFT
    hashes *= _MIX
    return hashes


def read_characters(segments: Segments, which: Integers) -> Codes:
    """The characters of segments ``which``, each as its UTF-8 bytes, with START before and END after each."""
    counts = segments.lengths.take(which)
    counts += 2
    offsets = np.cumsum(counts)
    ends = offsets - 1
    offsets -= counts
    at = np.repeat(segments.starts.take(which) - 1 - offsets, counts)
    at += np.arange(len(at))
    # There is nothing before the first byte (where -1 reads the last); it is overwritten.
    first = segments.data.take(at, mode="clip")
    first[offsets] = START
    first[ends] = END
    if segments.is_ascii:
        return first.astype(np.uint32)
    is_part = (first & LEAD) == PART
    is_part[offsets] = False
    is_part[ends] = False
    own = (~is_part).nonzero()[0]
    at = at.take(own)
    first = first.take(own)
    ahead = read_ahead(segments.data, "<u4")
    # To take from a strided view copies it whole, to index it does not but is slower by the item.
    codes: Codes = ahead[at] if len(at) * FEW < len(ahead) else ahead.take(at, mode="clip")
    codes &= OWN_BYTES.take(first)
    # What is left of parts are the marks that were set above.
    np.copyto(codes, first, where=(first & LEAD) == PART)
    return codes


def read_ahead(data: Bytes, width: str) -> npt.NDArray[Any]:
    """The bytes from each position on as one little-endian integer of ``width``."""
    dtype = np.dtype(width)
    # Made directly, since numpy's own way to do this takes longer than to read a short text.
    return np.ndarray((len(data) - 7,), dtype=dtype, buffer=data, strides=(1,))
