"""Fitting: the weights of one family from labelled texts.

Three steps. Each segment's mean cost goes into the table of segments, the most frequent one where
two want a slot. Then the weights of units, pairs and triples are fitted to all segments, common ones
too, since in a language that was never seen those are the unknown ones: ridge regression by conjugate
gradients, a row per distinct segment, weighted by how often it was met up to a limit, so that no few
words rule. What is left by kind of character on texts that were held out is taken off (``leveling``).

Needs scipy, which is no dependency of Jeton: ``pip install scipy`` beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from calibrating.cutting import Cut, cut_text

from jeton.tokens.estimate.characters import (
    HAN,
    HANGUL,
    KANA,
    LETTER,
    UNITS,
    UNSPACED,
    list_blocks,
    list_classes,
)
from jeton.tokens.estimate.pairs import Codes, Flags, Integers, PairTables
from jeton.tokens.estimate.weighing import (
    PAIR_BITS,
    SEGMENT_BITS,
    TRIPLE_BITS,
    TRIPLE_UNITS,
    WEIGHT_UNITS,
    Weights,
    find_marks,
    find_pair_slots,
    find_slots,
    find_triple_slots,
)

Floats = npt.NDArray[np.float32]

COST_STEPS = 8
COST_MAX = 255
# What an unknown segment is taken for where its hash is by chance that of an empty slot.
EMPTY_COST = 12
# A segment met more often than this weighs no more in the regression, and one that the table knows
# weighs less: it only stands for what languages that were never seen have in its place.
COUNT_MAX = 30
KNOWN_WEIGHT = 0.25
# A segment of more tokens is a sentence without spaces or a long run of one thing: its error grows
# with its length, so that it weighs less.
LONG_TOKENS = 16
ROUNDS = 26
ROUNDS_MORE = 10
# Of units, pairs and triples: the longer a gram, the less it is believed.
RIDGES = (0.5, 1.5, 5.0)
# A unit met in fewer distinct segments weighs what its block does, if enough of that was met, or else
# what its like cost: in ASCII, with two bytes, with three, and as half of a character of four.
MET_MIN = 3
BLOCK_MET_MIN = 5
UNFAMILIAR = (0.6, 1.3, 2.2, 1.9)
# A block is familiar when units of it were met so often in distinct segments; of letters more are
# needed, as words of a script that nobody writes in are quoted everywhere.
FAMILIAR_MIN = 40
FAMILIAR_LETTERS_MIN = 400
# Alphabets that are familiar whatever was met.
FAMILIAR_UNITS = 0x180

_LETTERS = (LETTER, KANA, UNSPACED, HAN, HANGUL)
_FIRSTS = np.cumsum([0, UNITS, 1 << PAIR_BITS, 1 << TRIPLE_BITS])
_COLUMNS = int(_FIRSTS[-1])


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with the tokens of each of its segments, and where it is from."""

    source: str
    group: str
    name: str
    text: str
    costs: Floats


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights, and the solution they were rounded from, with which another fit can begin."""

    weights: Weights
    solution: Floats


def fit_weights(texts: Sequence[Labelled], tables: PairTables, start: Floats | None) -> Fitted:
    """Fit one family's weights; ``start`` is the solution of a fit on similar texts."""
    cuts = [cut_text(text.text, tables) for text in texts]
    hashes = np.concatenate([cut.hashes for cut in cuts])
    costs = np.concatenate([text.costs for text in texts])
    keys, firsts, inverse, counts = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    means = np.bincount(inverse, weights=costs, minlength=len(keys)) / counts
    segments = _fill_segments(keys, counts, means)
    is_known = (segments[find_slots(keys)] & 0xFF) == find_marks(keys)
    shares = np.minimum(counts, COUNT_MAX) / np.maximum(means / LONG_TOKENS, 1)
    importance = np.sqrt(np.where(is_known, KNOWN_WEIGHT, 1) * shares).astype(np.float32)
    rows = np.full(len(hashes), -1, dtype=np.int64)
    rows[firsts] = np.arange(len(keys))
    matrix = _build_matrix(cuts, rows, importance)
    met = np.bincount(matrix.indices[matrix.indices < UNITS], minlength=UNITS)
    rounds = ROUNDS if start is None else ROUNDS_MORE
    solution = _solve(matrix, (importance * means).astype(np.float32), start, rounds)
    return Fitted(_round(solution, segments, met), solution)


def level(fitted: Fitted, offsets: npt.NDArray[np.float64]) -> Fitted:
    """Add tokens to the weight of each unit."""
    singles = fitted.weights.singles + np.rint(offsets * WEIGHT_UNITS).astype(np.int16)
    return replace(fitted, weights=replace(fitted.weights, singles=singles.astype("<i2")))


def _fill_segments(
    keys: Codes, counts: npt.NDArray[np.int64], means: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint16]:
    table = np.full(1 << SEGMENT_BITS, EMPTY_COST << 8, dtype="<u2")
    order = np.argsort(counts, kind="stable")
    # What costs more than an entry can hold is guessed: it is a sentence without spaces, or junk.
    order = order[np.rint(means[order] * COST_STEPS) <= COST_MAX]
    entries = np.rint(means * COST_STEPS).astype(np.uint16) << 8 | find_marks(keys)
    # Of several writes to a slot the last one stays, which is the most frequent.
    table[find_slots(keys)[order]] = entries[order]
    return table


def _build_matrix(
    cuts: Sequence[Cut],
    rows: Integers,
    importance: Floats,
) -> Any:  # noqa: ANN401 (scipy has no types here)
    """One row per distinct segment, its grams counted, times its weight."""
    at = 0
    found: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []
    for cut in cuts:
        own = rows[at : at + len(cut.hashes)]
        at += len(cut.hashes)
        which = (own >= 0).nonzero()[0]
        if not len(which):
            continue
        lengths = cut.lasts[which] - cut.firsts[which] + 1
        offsets = np.cumsum(lengths) - lengths
        where = np.repeat(cut.firsts[which] - offsets, lengths) + np.arange(int(lengths.sum()))
        row = np.repeat(own[which], lengths).astype(np.int32)
        is_inner = np.ones(len(where), dtype=np.bool_)
        is_inner[offsets] = False
        pairs = cut.pairs.take(where)
        triples = find_triple_slots(cut.pairs.take(where[is_inner] - 1), pairs[is_inner])
        found += [
            (row, cut.units.take(where).astype(np.int32)),
            (row, (find_pair_slots(pairs) + _FIRSTS[1]).astype(np.int32)),
            (row[is_inner], (triples + _FIRSTS[2]).astype(np.int32)),
        ]
    row_indexes = np.concatenate([row for row, _ in found])
    column_indexes = np.concatenate([column for _, column in found])
    return import_module("scipy.sparse").csr_matrix(
        (importance[row_indexes], (row_indexes, column_indexes)),
        shape=(len(importance), _COLUMNS),
        dtype=np.float32,
    )


def _solve(
    matrix: Any,  # noqa: ANN401 (scipy has no types here)
    target: Floats,
    start: Floats | None,
    rounds: int,
) -> Floats:
    """Ridge regression; columns are scaled to one length, or rare characters would be fitted last."""
    ridges = np.repeat(RIDGES, np.diff(_FIRSTS))
    lengths = np.bincount(matrix.indices, weights=matrix.data.astype(np.float64) ** 2, minlength=_COLUMNS)
    scales = (1 / np.sqrt(lengths + ridges)).astype(np.float32)
    matrix.data *= scales[matrix.indices]
    shrink = (np.sqrt(ridges) * scales).astype(np.float32)
    across = matrix.T
    solution = np.zeros(_COLUMNS, np.float32) if start is None else start / scales
    # What is left of the labels, and of the wish for small weights.
    rest, rest_small = target - matrix @ solution, -shrink * solution
    gradient = across @ rest + shrink * rest_small
    direction, norm = gradient, float(gradient @ gradient)
    for _ in range(rounds):
        change, change_small = matrix @ direction, shrink * direction
        step = np.float32(norm / (float(change @ change) + float(change_small @ change_small)))
        solution = solution + step * direction
        rest -= step * change
        rest_small -= step * change_small
        gradient = across @ rest + shrink * rest_small
        before, norm = norm, float(gradient @ gradient)
        direction = gradient + np.float32(norm / before) * direction
    found: Floats = solution * scales
    return found


def _round(solution: Floats, segments: npt.NDArray[np.uint16], met: npt.NDArray[np.int64]) -> Weights:
    """Weights as the integers that a calibration holds."""
    singles, pairs, triples = np.split(solution, _FIRSTS[1:-1])
    blocks = list_blocks()
    classes = list_classes(by_space=True)
    is_letter = np.isin(classes, _LETTERS)
    block_met = np.bincount(blocks, weights=met)[blocks]
    is_alphabet = np.isin(classes, (LETTER, UNSPACED))
    strange: Flags = block_met < np.where(is_alphabet, FAMILIAR_LETTERS_MIN, FAMILIAR_MIN)
    strange[:FAMILIAR_UNITS] = False
    # Of a character beyond the basic plane only the first half tells.
    strange[0xDC00:0xE000] = False
    is_met = met >= MET_MIN
    many = np.bincount(blocks, weights=is_met)[blocks]
    means = np.bincount(blocks, weights=is_met * singles)[blocks] / np.maximum(many, 1)
    units = np.arange(UNITS)
    widths = np.where(units >= 0xE000, 2, np.digitize(units, (0x80, 0x800, 0xD800)))
    likes = np.take(UNFAMILIAR, widths)
    others = np.where(is_letter & (many >= BLOCK_MET_MIN) & ~strange, np.maximum(means, 0), likes)
    singles = np.where(is_met, singles, others)
    return Weights(
        segments=segments,
        singles=np.clip(np.rint(singles * WEIGHT_UNITS), -(1 << 15), (1 << 15) - 1).astype("<i2"),
        pairs=np.clip(np.rint(pairs * WEIGHT_UNITS), -(1 << 15), (1 << 15) - 1).astype("<i2"),
        triples=np.clip(np.rint(triples * (WEIGHT_UNITS // TRIPLE_UNITS)), -127, 127).astype("i1"),
        strange=strange,
    )
