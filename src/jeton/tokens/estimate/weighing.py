"""Weighing: what a text comes to in a calibration's tables, and how much of it they knew.

Each segment is looked up in a table by its hash. What the table does not know is guessed by its
characters: each by itself, with the one after it, and with those on both sides. Sums are of integers
in 64 bits: the same text weighs the same on every machine.

A short text costs what the calls cost, and not what they do: there are about forty, in place where
they can be.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jeton.tokens.estimate.characters import UNITS
from jeton.tokens.estimate.pairs import (
    Codes,
    Flags,
    Integers,
    PairTables,
    Units,
    build_tables,
    find_bounds,
    hash_segments,
    mix_units,
)

# All weights are in units of a 256th token; a segment's cost is kept in eighths, a triple's in
# 32nds, in one byte each.
WEIGHT_UNITS = 256
SEGMENT_UNITS = WEIGHT_UNITS // 8
TRIPLE_UNITS = WEIGHT_UNITS // 32

# Leading bits of a hash that choose the slot; of a segment's hash the next eight tell it from others.
SEGMENT_BITS = 20
PAIR_BITS = 17
TRIPLE_BITS = 18

# Texts are weighed in pieces of this many characters: memory stays small and in the cache.
PIECE_CHARS = 1 << 16
# A segment longer than this is no word, whatever it is: little like it was fitted.
LONG_CHARS = 96
# Less than one character in this many is picked out to be guessed; of more, all are.
SPARSE = 5

# Runs of one blank or of a ruler's character are fitted by rule; of those that are longer little is known.
_RUN = re.compile(r"([ \t\n=*#~.+/_-])\1{7,}")
RUN_CHARS_MAX = 3_000
_SLOT_SHIFT = np.uint32(32 - SEGMENT_BITS)
_MARK_SHIFT = np.uint32(4)
_PAIR_SHIFT = np.uint32(32 - PAIR_BITS)
_TRIPLE_SHIFT = np.uint32(32 - TRIPLE_BITS)
_TRIPLE = np.uint32(0xC2B2AE35)
_COST_SHIFT = np.uint16(8)
_ENDS_UTF_16 = b"\0\0\0\0"
_ENDS_LATIN_1 = b"\0\0"


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one family, as a calibration has them.

    ``segments`` holds, by the leading bits of a hash, other eight bits of it under the cost in
    eighths; ``singles`` weighs a UTF-16 unit, ``pairs`` and ``triples`` the units in a row.
    ``strange`` says of which units nothing like them was fitted.
    """

    segments: npt.NDArray[np.uint16]
    singles: npt.NDArray[np.int16]
    pairs: npt.NDArray[np.int16]
    triples: npt.NDArray[np.int8]
    strange: Flags


@dataclass(frozen=True, slots=True)
class Tables:
    """Weights, how texts are cut for them, and the weight of each pair of Latin-1 bytes."""

    weights: Weights
    cutting: PairTables
    latin_weights: npt.NDArray[np.int16]


class Weight(NamedTuple):
    """What was weighed: ``known`` by segments and ``guessed``, in 256ths of a token.

    ``strange_bytes`` are of characters unlike any that were fitted, ``long_bytes`` of unknown
    segments that are too long to be words.
    """

    known: int
    guessed: int
    strange_bytes: int
    long_bytes: int


NOTHING = Weight(0, 0, 0, 0)


def make_tables(weights: Weights, *, by_space: bool) -> Tables:
    """Weights made ready to be looked up."""
    cutting = build_tables(by_space=by_space)
    firsts = np.arange(UNITS) & 0xFF
    latin = weights.singles.take(firsts).astype(np.int32) + weights.pairs.take(find_pair_slots(cutting.latin))
    limits = np.iinfo(np.int16)
    return Tables(weights, cutting, np.clip(latin, limits.min, limits.max).astype(np.int16))


def weigh(text: str, tables: Tables, *, sparse: int = SPARSE) -> Weight:
    """Weigh a text (lone surrogates and all); ``sparse`` decides how long that takes, and nothing else."""
    if len(text) <= PIECE_CHARS:
        return _weigh_piece(text, tables, sparse) if text else NOTHING
    pieces = (text[start : start + PIECE_CHARS] for start in range(0, len(text), PIECE_CHARS))
    return Weight(*map(sum, zip(*(_weigh_piece(piece, tables, sparse) for piece in pieces), strict=True)))


class Read(NamedTuple):
    """A text's pairs, one more than it has units, and what weighs them.

    ``where`` are its units, or the places of its pairs of Latin-1 bytes.
    """

    pairs: Codes
    where: Units | Integers
    is_latin: bool


def read_text(text: str, tables: PairTables) -> Read:
    """The pairs of a text of at least one character."""
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        raw = text.encode("utf-16-le", "surrogatepass") + _ENDS_UTF_16
        units = np.frombuffer(raw, dtype="<u2")
        return Read(mix_units(units, tables), units, is_latin=False)
    # Every two neighbouring bytes as one integer, made directly: numpy's own way takes longer than
    # to read a short text.
    both = np.ndarray((len(raw) + 1,), dtype="<u2", buffer=raw + _ENDS_LATIN_1, strides=(1,))
    where = both.astype(np.intp)
    return Read(tables.latin.take(where), where, is_latin=True)


def _weigh_piece(piece: str, tables: Tables, sparse: int) -> Weight:
    cutting, weights = tables.cutting, tables.weights
    read = read_text(piece, cutting)
    bounds = find_bounds(read.pairs, by_space=cutting.by_space)
    hashes = hash_segments(read.pairs, bounds)
    costs = weights.segments.take(find_slots(hashes))
    misses = costs.view(np.uint8)[::2] != find_marks(hashes)
    is_long = bounds[1:] - bounds[:-1] > LONG_CHARS
    has_long = is_long.any()
    if has_long:
        # None was fitted, so that what looks known is one of the few hashes that fall together.
        misses |= is_long
    unknown = misses.nonzero()[0]
    costs >>= _COST_SHIFT
    strange = 0 if read.is_latin else _measure_strange(read.where, weights.strange)
    if not len(unknown):
        return Weight(_sum(costs) * SEGMENT_UNITS, 0, strange, 0)
    costs[unknown] = 0
    known = _sum(costs) * SEGMENT_UNITS
    starts = bounds.take(unknown)
    unknown += 1
    ends = bounds.take(unknown)
    lengths = ends - starts
    offsets = np.add.accumulate(lengths)
    chars = int(offsets[-1])
    long = _measure_long(piece, starts, lengths, is_latin=read.is_latin) if has_long else 0
    if chars * sparse < len(read.pairs):
        offsets -= lengths
        starts -= offsets
        chosen = starts.repeat(lengths)
        chosen += np.arange(chars)
        return Weight(known, _guess_chosen(read, tables, chosen, offsets), strange, long)
    return Weight(known, _guess_all(read, tables, starts, ends), strange, long)


def _measure_long(piece: str, starts: Integers, lengths: Integers, *, is_latin: bool) -> int:
    """How many units are of segments that are too long to be words even without their runs."""
    units = piece if is_latin else piece.encode("utf-16-le", "surrogatepass")
    total = 0
    for number in (lengths > LONG_CHARS).nonzero()[0]:
        start, length = int(starts[number]), int(lengths[number])
        if isinstance(units, str):
            segment = units[start : start + length]
        else:
            segment = units[2 * start : 2 * (start + length)].decode("utf-16-le", "surrogatepass")
        runs = (run.end() - run.start() for run in _RUN.finditer(segment))
        rest = length - sum(chars for chars in runs if chars <= RUN_CHARS_MAX)
        total += rest if rest > LONG_CHARS else 0
    return total


def _guess_chosen(read: Read, tables: Tables, chosen: Integers, firsts: Integers) -> int:
    """The weight of ``chosen`` units of some segments; at ``firsts`` of them a segment begins."""
    pairs = read.pairs.take(chosen)
    triples = _weigh_triples(pairs, tables)
    # What is before a segment's first unit here is not before it in the text.
    triples[firsts] = 0
    where = read.where.take(chosen)
    total = _sum(triples) * TRIPLE_UNITS
    if read.is_latin:
        return total + _sum(tables.latin_weights.take(where))
    total += _sum(tables.weights.singles.take(where))
    return total + _sum(tables.weights.pairs.take(find_pair_slots(pairs)))


def _guess_all(read: Read, tables: Tables, starts: Integers, ends: Integers) -> int:
    """The weight of the units of some segments, as differences of running totals over all."""
    pairs = read.pairs[:-1]
    where = read.where[: len(pairs)]
    triples = _weigh_triples(pairs, tables)
    triples[starts] = 0
    totals = np.zeros(len(read.pairs), dtype=np.int64)
    weights = totals[1:]
    np.multiply(triples, TRIPLE_UNITS, out=weights, dtype=np.int64)
    if read.is_latin:
        weights += tables.latin_weights.take(where)
    else:
        weights += tables.weights.singles.take(where)
        weights += tables.weights.pairs.take(find_pair_slots(pairs))
    np.add.accumulate(weights, out=weights)
    return _sum(totals.take(ends)) - _sum(totals.take(starts))


def _weigh_triples(pairs: Codes, tables: Tables) -> npt.NDArray[np.int8]:
    """The weight of each pair with the one before it, in 32nds; the first has none."""
    hashes = pairs.copy()
    hashes[1:] += pairs[:-1] * _TRIPLE
    hashes >>= _TRIPLE_SHIFT
    return tables.weights.triples.take(hashes)


def find_slots(hashes: Codes) -> Codes:
    """Where in the table of segments each hash belongs."""
    return hashes >> _SLOT_SHIFT


def find_marks(hashes: Codes) -> npt.NDArray[np.uint8]:
    """Eight bits of each hash that tell it from most others with the same slot."""
    return (hashes >> _MARK_SHIFT).astype(np.uint8)


def find_pair_slots(pairs: Codes) -> Codes:
    """Where the weight of each pair is."""
    return pairs >> _PAIR_SHIFT


def find_triple_slots(before: Codes, pairs: Codes) -> Codes:
    """Where the weight of each pair with the one before it is."""
    return (pairs + before * _TRIPLE) >> _TRIPLE_SHIFT


def _measure_strange(units: Units | Integers, strange: Flags) -> int:
    """The UTF-8 bytes of strange units, three each: too many below U+0800."""
    return 3 * int(np.count_nonzero(strange.take(units)))


def _sum(numbers: npt.NDArray[np.integer]) -> int:
    return int(np.add.reduce(numbers, dtype=np.int64))
