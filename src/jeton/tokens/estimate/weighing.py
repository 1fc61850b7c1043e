"""Weighing: what a text's bytes come to in a calibration's tables, and how much of it they knew.

Sums are of integers in 64 bits: the same text weighs the same on every machine.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jeton.tokens.estimate.characters import LEAD, LEAD_OF_FOUR, LEAD_OF_THREE, PART
from jeton.tokens.estimate.grams import list_grams
from jeton.tokens.estimate.segments import (
    START,
    Codes,
    Flags,
    Hashes,
    Integers,
    Segments,
    cut,
    hash_segments,
    read_characters,
)

# All weights are in units of a 256th token; a segment's cost is kept in eighths, a longer gram's in
# 32nds, in one byte each.
UNITS = 256
SEGMENT_UNITS = UNITS // 8
GRAM_UNITS = UNITS // 32

# Texts are weighed in pieces of about this many bytes: memory stays small and in the cache.
PIECE_BYTES = 1 << 17
# A segment longer than this is no word, whatever it is: little like it was fitted.
LONG_BYTES = 96

_BLOCK = np.uint32(0xFFFF)
_MARK_SHIFT = np.uint64(16)
_MARK = np.uint64(0xFF)
_FIRST_BYTE = np.uint32(0xFF)


@dataclass(frozen=True, slots=True)
class Tables:
    """The weights of one family.

    ``segments`` holds, by the leading bits of a hash, eight other bits of it (never 0) over the
    cost in eighths. ``blocks`` weighs a character by its first two bytes, ``grams`` by those before
    it; ``familiar`` says of which blocks enough was fitted.
    """

    segments: npt.NDArray[np.uint16]
    blocks: npt.NDArray[np.int16]
    grams: tuple[npt.NDArray[np.int16], npt.NDArray[np.int16], npt.NDArray[np.int8], npt.NDArray[np.int8]]
    familiar: Flags
    by_space: bool


@dataclass(frozen=True, slots=True)
class Weight:
    """What was weighed: ``known`` by segments and ``guessed`` by grams, in 256ths of a token.

    ``strange_bytes`` are of characters from blocks that were never fitted, ``long_bytes`` of
    unknown segments that are too long to be words.
    """

    known: int
    guessed: int
    strange_bytes: int
    long_bytes: int

    def __add__(self, other: "Weight") -> "Weight":
        """Of two pieces together."""
        return Weight(
            self.known + other.known,
            self.guessed + other.guessed,
            self.strange_bytes + other.strange_bytes,
            self.long_bytes + other.long_bytes,
        )


NOTHING = Weight(0, 0, 0, 0)


def weigh(raw: bytes, tables: Tables) -> Weight:
    """Weigh UTF-8 bytes (valid but for lone surrogates)."""
    total = NOTHING
    start = 0
    while start < len(raw):
        end = start + PIECE_BYTES
        # Never inside a character: at most three bytes back.
        while end < len(raw) and raw[end] & LEAD == PART:
            end -= 1
        total += _weigh_piece(raw[start:end], tables)
        start = end
    return total


def weigh_each(raw: bytes, tables: Tables) -> Integers:
    """The weight of each segment of at least one byte: a column for each number of a Weight."""
    return _weigh_segments(cut(raw, by_space=tables.by_space), tables).T


def weigh_parts(raw: bytes, sizes: list[int], tables: Tables) -> Integers:
    """The weight of each part of ``raw``: a row for each number of a Weight.

    ``sizes`` are the parts' bytes, at least one each; a segment starts where a part does.
    """
    segments = cut(raw, by_space=tables.by_space)
    starts = np.array(sizes)
    starts = starts.cumsum() - starts
    parts = segments.starts.searchsorted(starts)
    return np.add.reduceat(_weigh_segments(segments, tables), parts, axis=1)


def _weigh_segments(segments: Segments, tables: Tables) -> Integers:
    is_known, costs = _find_known(segments, tables)
    weights = np.zeros((4, len(costs)), dtype=np.int64)
    np.multiply(costs, SEGMENT_UNITS, out=weights[0], dtype=np.int64)
    unknown = (~is_known).nonzero()[0]
    if len(unknown):
        codes = read_characters(segments, unknown)
        firsts = (codes == START).nonzero()[0]
        lengths = segments.lengths.take(unknown)
        weights[1, unknown] = np.add.reduceat(_weigh_characters(codes, tables), firsts)
        if not segments.is_ascii:
            strange = _measure(codes) * _find_strange(codes, tables)
            weights[2, unknown] = np.add.reduceat(strange, firsts)
        if lengths.max() > LONG_BYTES:
            weights[3, unknown] = lengths * _is_long(segments, unknown, lengths)
    return weights


def _weigh_piece(piece: bytes, tables: Tables) -> Weight:
    segments = cut(piece, by_space=tables.by_space)
    is_known, costs = _find_known(segments, tables)
    known = int(costs.sum(dtype=np.int64)) * SEGMENT_UNITS
    unknown = (~is_known).nonzero()[0]
    if not len(unknown):
        return Weight(known, 0, 0, 0)
    codes = read_characters(segments, unknown)
    guessed = int(_weigh_characters(codes, tables).sum())
    strange = 0 if segments.is_ascii else int(_measure(codes[_find_strange(codes, tables)]).sum())
    lengths = segments.lengths.take(unknown)
    long = 0
    if lengths.max() > LONG_BYTES:
        long = int(lengths.sum(where=_is_long(segments, unknown, lengths)))
    return Weight(known, guessed, strange, long)


def _is_long(segments: Segments, which: Integers, lengths: Integers) -> Flags:
    """Whether segments are too long for words, numbers or punctuation that is written with ASCII."""
    lasts = segments.data.take(segments.starts.take(which) + lengths - 1)
    return (lengths > LONG_BYTES) & (lasts < PART)


def _find_known(segments: Segments, tables: Tables) -> tuple[Flags, npt.NDArray[np.uint16]]:
    """Which segments are in the table, and their costs in eighths (0 for the others)."""
    hashes = hash_segments(segments)
    entries = tables.segments.take(find_slots(hashes, len(tables.segments)))
    is_known = (entries >> 8) == find_marks(hashes)
    entries &= 0xFF
    entries *= is_known
    return is_known, entries


def find_slots(hashes: Hashes, size: int) -> Integers:
    """Where in a table of ``size`` entries (a power of two) each hash belongs."""
    return (hashes >> np.uint64(65 - size.bit_length())).view(np.int64)


def find_marks(hashes: Hashes) -> npt.NDArray[np.uint16]:
    """Eight bits of each hash, never 0, that tell it from most others with the same slot."""
    marks = ((hashes >> _MARK_SHIFT) & _MARK).astype(np.uint16)
    marks |= marks == 0
    return marks


def _weigh_characters(codes: Codes, tables: Tables) -> Integers:
    """The weight of each character of segments, START and END included."""
    singles, pairs, triples, fours = list_grams(codes)
    weights = tables.grams[2].take(triples).astype(np.int64)
    weights += tables.grams[3].take(fours)
    weights *= GRAM_UNITS
    weights += tables.grams[0].take(singles)
    weights += tables.grams[1].take(pairs)
    weights += tables.blocks.take(codes & _BLOCK)
    return weights


def _find_strange(codes: Codes, tables: Tables) -> Flags:
    """Which characters are from blocks that were never fitted."""
    return ~tables.familiar.take(codes & _BLOCK)


def _measure(codes: Codes) -> Integers:
    """The bytes of each character."""
    lead = codes & _FIRST_BYTE
    return 1 + (lead >= LEAD).astype(np.int64) + (lead >= LEAD_OF_THREE) + (lead >= LEAD_OF_FOUR)
