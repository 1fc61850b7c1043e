"""Fitting: tables of one family from labelled texts.

Two steps. Each segment's mean cost goes into the table of segments, the most frequent one where
two want a slot. Then the weights of the grams are fitted to all segments, common ones too, since
in a language that was never seen those are the unknown ones: ridge regression, a row per distinct
segment, weighted by how often it was met up to a limit, so that no few words rule.

Needs scipy, which is no dependency of Jeton: ``pip install scipy`` beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from jeton.tokens.estimate.characters import GAP, PAIR_CLASSES, PICTURE
from jeton.tokens.estimate.grams import GRAM_BITS, NO_GRAM, list_grams
from jeton.tokens.estimate.segments import END, START, cut, hash_segments, read_characters
from jeton.tokens.estimate.weighing import GRAM_UNITS, UNITS, Tables, find_marks, find_slots

Floats = npt.NDArray[np.float32]

SEGMENT_BITS = 19
COST_STEPS = 8
COST_MAX = 255
# A segment met more often than this weighs no more in the regression, and one that the table knows
# weighs less: it only stands for what languages that were never seen have in its place.
COUNT_MAX = 30
KNOWN_WEIGHT = 0.25
# A segment of more tokens is a sentence without spaces or a long run of one thing: its error grows
# with its length, so that it weighs less.
LONG_TOKENS = 16
ROUNDS = 40
# By order of gram, blocks last: the longer a gram, the less it is believed.
RIDGES = (1.0, 2.0, 4.0, 8.0, 0.5)
# A block of characters is familiar when this many distinct segments have one of it.
FAMILIAR_MIN = 40
# With fewer than that its weight is not used, but what its like cost:
MET_MIN = 3
# a character of so many bytes, in tokens.
UNFAMILIAR = {2: 1.0, 3: 1.5, 4: 3.0}

_BLOCKS = 1 << 16
_FIRSTS = np.cumsum([0, *(1 << bits for bits in GRAM_BITS)])
_COLUMNS = int(_FIRSTS[-1]) + _BLOCKS


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with the tokens of each of its segments, and where it is from."""

    source: str
    group: str
    name: str
    raw: bytes
    costs: Floats


@dataclass(frozen=True, slots=True)
class Fitted:
    """Tables, and the solution they were rounded from, with which another fit can begin."""

    tables: Tables
    solution: npt.NDArray[np.float64]


def fit_tables(texts: Sequence[Labelled], *, by_space: bool, start: npt.NDArray[np.float64] | None) -> Fitted:
    """Fit one family's tables; ``start`` is the solution of a fit on similar texts."""
    hashes = np.concatenate([hash_segments(cut(text.raw, by_space=by_space)) for text in texts])
    costs = np.concatenate([text.costs for text in texts])
    keys, firsts, inverse, counts = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    means = np.bincount(inverse, weights=costs, minlength=len(keys)) / counts
    segments = _fill_segments(keys, counts, means)
    is_known = segments[find_slots(keys, len(segments))] >> 8 == find_marks(keys)
    shares = np.minimum(counts, COUNT_MAX) / np.maximum(means / LONG_TOKENS, 1)
    weights = np.sqrt(np.where(is_known, KNOWN_WEIGHT, 1) * shares).astype(np.float32)
    rows = np.full(len(hashes), -1, dtype=np.int64)
    rows[firsts] = np.arange(len(keys))
    matrix = _build_matrix(texts, rows, weights, by_space=by_space)
    met = np.bincount(matrix.indices, minlength=_COLUMNS)[_FIRSTS[-1] :]
    solution = _solve(matrix, weights * means, start)
    return Fitted(_round(solution, segments, met, by_space=by_space), solution)


def _solve(
    matrix: Any,  # noqa: ANN401 (scipy has no types here)
    target: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64] | None,
) -> npt.NDArray[np.float64]:
    """Ridge regression; columns are scaled to one length, or rare characters would be fitted last."""
    ridges = np.concatenate(
        [np.full(size, ridge) for size, ridge in zip((*np.diff(_FIRSTS), _BLOCKS), RIDGES, strict=True)]
    )
    lengths = np.bincount(matrix.indices, weights=matrix.data.astype(np.float64) ** 2, minlength=_COLUMNS)
    scales = 1 / np.sqrt(lengths + ridges)
    matrix.data *= scales.astype(np.float32)[matrix.indices]
    sparse = import_module("scipy.sparse")
    shrink = sparse.diags(np.sqrt(ridges) * scales, dtype=np.float32)
    scaled = import_module("scipy.sparse.linalg").lsmr(
        sparse.vstack([matrix, shrink]).tocsr(),
        np.concatenate([target, np.zeros(_COLUMNS)]),
        maxiter=ROUNDS,
        x0=None if start is None else start / scales,
        atol=1e-5,
        btol=1e-5,
    )[0]
    weights: npt.NDArray[np.float64] = scaled * scales
    return weights


def _fill_segments(
    keys: npt.NDArray[np.uint64], counts: npt.NDArray[np.int64], means: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint16]:
    table = np.zeros(1 << SEGMENT_BITS, dtype=np.uint16)
    order = np.argsort(counts, kind="stable")
    entries = np.clip(np.rint(means * COST_STEPS), 0, COST_MAX).astype(np.uint16) | (find_marks(keys) << 8)
    # Of several writes to a slot the last one stays, which is the most frequent.
    table[find_slots(keys, len(table))[order]] = entries[order]
    return table


def list_columns(codes: npt.NDArray[np.uint32]) -> list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]]:
    """Per order of gram: which characters have one, and its column; the blocks last."""
    columns = [(grams != NO_GRAM, grams + _FIRSTS[order]) for order, grams in enumerate(list_grams(codes))]
    return [*columns, (codes >= 0x80, (codes & np.uint32(0xFFFF)).astype(np.int64) + _FIRSTS[-1])]


def _build_matrix(
    texts: Sequence[Labelled], rows: npt.NDArray[np.int64], weights: Floats, *, by_space: bool
) -> Any:  # noqa: ANN401 (scipy has no types here)
    """One row per distinct segment, its grams counted, times its weight."""
    at = 0
    found: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []
    for text in texts:
        own = rows[at : at + len(text.costs)]
        at += len(text.costs)
        which = (own >= 0).nonzero()[0]
        if len(which):
            codes = read_characters(cut(text.raw, by_space=by_space), which)
            row = own[which][np.cumsum(codes == START) - 1].astype(np.int32)
            found += [(row[has], column[has].astype(np.int32)) for has, column in list_columns(codes)]
    row_indexes = np.concatenate([row for row, _ in found])
    column_indexes = np.concatenate([column for _, column in found])
    return import_module("scipy.sparse").csr_matrix(
        (weights[row_indexes], (row_indexes, column_indexes)),
        shape=(len(weights), _COLUMNS),
        dtype=np.float32,
    )


def _round(
    weights: npt.NDArray[np.float64],
    segments: npt.NDArray[np.uint16],
    met: npt.NDArray[np.int64],
    *,
    by_space: bool,
) -> Tables:
    """Weights as the integers that the tables hold."""
    steps = [UNITS, UNITS, UNITS // GRAM_UNITS, UNITS // GRAM_UNITS]
    parts = [
        np.rint(part * step) for part, step in zip(np.split(weights, _FIRSTS[1:])[:4], steps, strict=True)
    ]
    blocks = np.rint(weights[_FIRSTS[-1] :] * UNITS)
    familiar = met >= FAMILIAR_MIN
    # ASCII is always familiar, and so are the marks around segments.
    familiar[:0x100] = True
    familiar[[START, END]] = True
    leads = np.arange(_BLOCKS) & 0xFF
    # Of letters a few tell of all in a block; symbols have little in common.
    symbols = np.isin(PAIR_CLASSES, (GAP, PICTURE))
    for width, first, last in ((2, 0xC2, 0xE0), (3, 0xE0, 0xF0), (4, 0xF0, 0xF8)):
        too_few = met < np.where(symbols, FAMILIAR_MIN, MET_MIN)
        blocks[too_few & (leads >= first) & (leads < last)] = UNFAMILIAR[width] * UNITS
    return Tables(
        segments=segments,
        blocks=np.clip(blocks, -(1 << 15), (1 << 15) - 1).astype("<i2"),
        grams=(
            np.clip(parts[0], -(1 << 15), (1 << 15) - 1).astype("<i2"),
            np.clip(parts[1], -(1 << 15), (1 << 15) - 1).astype("<i2"),
            np.clip(parts[2], -127, 127).astype("i1"),
            np.clip(parts[3], -127, 127).astype("i1"),
        ),
        familiar=familiar,
        by_space=by_space,
    )
