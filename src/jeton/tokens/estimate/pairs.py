"""Pairs: two units in a row as one integer, which says where to cut and sums up to a hash.

Tokenizers cut a text into words, gaps and numbers first and never join across a word's edge, so
what a segment costs hardly depends on its neighbours: a table of segments is nearly exact where it
knows them. A segment ends where the class of character changes; a space before a word belongs to
the word. The pair of a unit and the one after it is a mixture of both, or of the first alone where a
segment ends between them; the sum of a segment's pairs, modulo 2**32, is its hash, and so the
difference of two running totals. Everything is arithmetic on integers: the same text gives the same
segments on every machine.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from jeton.tokens.estimate.characters import (
    BREAK,
    CLASSES,
    DIGIT,
    END,
    HAN,
    HANGUL,
    KANA,
    LATIN_1,
    LETTER,
    MARK,
    PICTURE,
    SPACE,
    TAB,
    UNSPACED,
    list_classes,
    list_folded,
)

Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Units = npt.NDArray[np.uint16]

# Bits of a pair: a segment ends between the two; the first of the two keeps a mark after it from
# going with the word that follows; the first goes with the word that begins with the second. To
# Claude a word costs the same with a space before it and without: there all pairs but that of a
# space that goes with a word have the bit STAYS, and that pair is 0.
ENDS = 0x01
KEEPS = 0x02
GOES = STAYS = 0x80
# What may go with a word, unless what is before keeps it.
_MAY_GO = ENDS | GOES
_FLAGS = ENDS | KEEPS | GOES
_GOES_SHIFT = np.uint8(7)

_FIRST = np.uint32(0x9E3779B1)
_SECOND = np.uint32(0x85EBCA6B)
_SHIFT = np.uint32(15)
_HALF = np.uint32(16)
_SECOND_HALF = 0xFFFF0000
_CLASS_SHIFT = np.uint8(4)
_MIXED_BITS = np.uint32(~_FLAGS & 0xFFFFFFFF)
_FLAG_BITS = np.uint32(_FLAGS)

_GAPS = frozenset((MARK, SPACE, TAB, BREAK))
_WORDS = frozenset((LETTER, KANA, UNSPACED))
_WORDS_BY_SPACE = _WORDS | {HAN, HANGUL}
# To Claude a space after one of these is a token, and not part of the next word.
_SPACE_KEEPERS = frozenset((DIGIT, HAN, HANGUL, PICTURE))


@dataclass(frozen=True, slots=True)
class PairTables:
    """How one kind of tokenizer reads units: what each is mixed as, its class, and rules by two classes.

    ``by_space`` is how byte-level BPE has it: a word takes the white space before it along, or one
    other mark that stands alone. Else (Claude) it takes one space, but not after a number, an
    ideograph or a picture, where the space is a token. ``latin`` has every pair of Latin-1 bytes.
    """

    by_space: bool
    mixed: Codes
    classes: Bytes
    rules: Codes
    latin: Codes


@cache
def build_tables(*, by_space: bool) -> PairTables:
    """The tables for texts that are cut in this way, built once."""
    mixed = list_folded(by_space=by_space) * _FIRST
    classes = list_classes(by_space=by_space)
    rules = np.zeros((CLASSES, CLASSES), dtype=np.uint32)
    for first in range(END + 1):
        for second in range(END + 1):
            rules[first, second] = (_rule_by_space if by_space else _rule)(first, second)
    tables = PairTables(by_space, mixed, classes, rules.reshape(-1), mixed)
    # By both bytes as one little-endian integer.
    both = np.arange(LATIN_1 * LATIN_1)
    units = np.stack([both % LATIN_1, both // LATIN_1], axis=1).astype(np.uint16)
    latin = mix_units(units.reshape(-1), tables)[::2].copy()
    return replace(tables, latin=latin)


def _rule(first: int, second: int) -> int:
    """Flags of two classes, and whether the second is mixed in, for Claude's families."""
    if first == SPACE and second in _WORDS:
        return 0
    if not _is_end(first, second):
        return STAYS | _SECOND_HALF
    return STAYS | ENDS | (_SECOND_HALF if first in _SPACE_KEEPERS and second == SPACE else 0)


def _rule_by_space(first: int, second: int) -> int:
    """As above, for byte-level BPE."""
    if second in _WORDS_BY_SPACE and first in {SPACE, TAB}:
        return GOES
    if second in _WORDS_BY_SPACE and first == MARK:
        return _MAY_GO
    if not _is_end(first, second):
        return _SECOND_HALF | (KEEPS if first in {MARK, SPACE} and second == MARK else 0)
    return ENDS


def _is_end(first: int, second: int) -> bool:
    # NUL is read as the end, so every one of them ends something.
    return second == END or (first != second and not (first in _GAPS and second in _GAPS))


def mix_units(units: Units, tables: PairTables) -> Codes:
    """The pair of each unit and the one after it: one less than there are units."""
    where = units.astype(np.intp)
    mixed = tables.mixed.take(where)
    classes = tables.classes.take(where)
    both = classes[:-1] << _CLASS_SHIFT
    both |= classes[1:]
    rules = tables.rules.take(both)
    pairs = mixed[1:] << _HALF
    pairs &= rules
    pairs += mixed[:-1]
    pairs ^= pairs >> _SHIFT
    pairs *= _SECOND
    if not tables.by_space:
        # The hash of a word is the same with a space before it and without.
        pairs *= rules != 0
    pairs &= _MIXED_BITS
    rules &= _FLAG_BITS
    pairs |= rules
    return pairs


def find_bounds(pairs: Codes, *, by_space: bool) -> Integers:
    """Where segments begin, and where the last one ends; the last of ``pairs`` is of no segment."""
    flags = pairs.astype(np.uint8)
    bounds = np.empty(len(flags), dtype=np.bool_)
    bounds[0] = True
    if by_space:
        bounds[1:] = _find_ends_by_space(flags)
        return bounds.nonzero()[0]
    # A segment ends where ENDS says so, and before what goes with a word.
    stays = flags[1:] >> _GOES_SHIFT
    flags &= ENDS
    np.greater_equal(flags[:-1], stays, out=bounds[1:])
    return bounds.nonzero()[0]


def _find_ends_by_space(flags: Bytes) -> Flags:
    flags &= _FLAGS
    may_go = flags == _MAY_GO
    goes = may_go.copy()
    goes[1:] &= (flags[:-1] & KEEPS) == 0
    ends = (flags & ENDS).view(np.bool_)
    ends ^= goes
    goes |= (flags >= GOES) > may_go
    ends[:-1] |= goes[1:]
    return ends[:-1]


def hash_segments(pairs: Codes, bounds: Integers) -> Codes:
    """A 32-bit hash of each segment's units; digits of one script are all alike."""
    # The last pair is of no segment: its place is the total before the first.
    totals = np.empty(len(pairs), dtype=np.uint32)
    totals[0] = 0
    np.add.accumulate(pairs[:-1], out=totals[1:])
    edges = totals.take(bounds)
    return edges[1:] - edges[:-1]
