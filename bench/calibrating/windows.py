"""Windows: pieces of labelled texts with what was weighed and what is true, and reports over them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from calibrating.cutting import Cut, cut_text
from calibrating.fitting import Labelled
from calibrating.kinds import KINDS, list_kinds

from jeton.tokens.estimate.pairs import Flags, PairTables
from jeton.tokens.estimate.weighing import (
    LONG_CHARS,
    SEGMENT_UNITS,
    TRIPLE_UNITS,
    WEIGHT_UNITS,
    Weights,
    find_marks,
    find_pair_slots,
    find_slots,
    find_triple_slots,
)

SIZES = (1_000, 10_000)
TOKENS_MIN = 20
# As the estimator measures what is strange.
_STRANGE_BYTES = 3

Totals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a text: tokens as they are, as weighed, how much of that is guessed, and odd bytes.

    ``unknown`` are the units of unknown segments by their kind (see ``kinds``).
    """

    source: str
    group: str
    size: int
    truth: float
    estimate: float
    guessed: float
    odd_bytes: int
    unknown: Totals
    name: str

    @property
    def error(self) -> float:
        """Estimate over truth, less one."""
        return self.estimate / self.truth - 1

    @property
    def guessed_percent(self) -> int:
        """The share of the estimate that is a guess, as the estimator reckons it."""
        return min(100, int(max(self.guessed, 0) * 100 / max(self.estimate, 1e-9)))


def weigh_each(cut: Cut, weights: Weights) -> tuple[Totals, Totals, Totals, Flags]:
    """Per segment: what is known and what is guessed, in tokens, odd bytes, and if it is unknown."""
    size = int(cut.lasts[-1]) + 1
    units, pairs = cut.units[:size], cut.pairs[:size]
    entries = weights.segments[find_slots(cut.hashes)]
    is_unknown = (entries & 0xFF) != find_marks(cut.hashes)
    known = np.where(is_unknown, 0, (entries >> 8) * np.float64(SEGMENT_UNITS / WEIGHT_UNITS))
    each = weights.singles[units] + weights.pairs[find_pair_slots(pairs)].astype(np.float64)
    triples = np.zeros(size)
    triples[1:] = weights.triples[find_triple_slots(pairs[:-1], pairs[1:])]
    triples[cut.firsts] = 0
    guessed = np.add.reduceat(each + triples * TRIPLE_UNITS, cut.firsts) / WEIGHT_UNITS * is_unknown
    lengths = cut.lasts - cut.firsts + 1
    odd = np.add.reduceat(weights.strange[units] * _STRANGE_BYTES, cut.firsts)
    odd = odd + lengths * (is_unknown & (lengths > LONG_CHARS))
    return known, guessed, odd.astype(np.float64), is_unknown


def list_windows(text: Labelled, weights: Weights, tables: PairTables) -> Iterator[Window]:
    """The windows of a text, cut between segments, of each of SIZES bytes."""
    cut = cut_text(text.text, tables)
    known, guessed, odd, is_unknown = weigh_each(cut, weights)
    lengths = cut.lasts - cut.firsts + 1
    kinds = np.where(np.repeat(is_unknown, lengths), list_kinds()[cut.units[: int(lengths.sum())]], KINDS)
    ends = np.concatenate([[0], cut.lasts + 1])
    sums = [_accumulate(values) for values in (known, guessed, odd, text.costs)]
    for size in SIZES:
        edges = np.unique(np.searchsorted(cut.byte_starts, np.arange(0, int(cut.byte_ends[-1]) + 1, size)))
        for first, last in pairwise(edges):
            inside, guess, odd_bytes, tokens = (float(total[last] - total[first]) for total in sums)
            if tokens >= TOKENS_MIN:
                yield Window(
                    source=text.source,
                    group=text.group,
                    size=size,
                    truth=tokens,
                    estimate=max(0.0, inside + guess),
                    guessed=guess,
                    odd_bytes=int(odd_bytes),
                    unknown=np.bincount(kinds[ends[first] : ends[last]], minlength=KINDS + 1)[:KINDS].astype(
                        np.float64
                    ),
                    name=text.name,
                )


def render_report(name: str, windows: Sequence[Window], high: Callable[[Window], float]) -> str:
    """One line of a table: errors in percent, and how often and how far the upper limit is off."""
    errors = np.array([window.error for window in windows]) * 100
    highs = np.array([high(window) for window in windows])
    truths = np.array([window.truth for window in windows])
    broken = 100 * (truths > highs).mean()
    slack = 100 * (highs / truths - 1).mean()
    return (
        f"{name:34s}{len(windows):7d}{np.abs(errors).mean():8.2f}{np.quantile(np.abs(errors), 0.95):8.2f}"
        f"{np.quantile(errors, 0.001):8.1f}{broken:8.2f}{slack:8.1f}"
    )


HEADING = f"{'':34s}{'windows':>7s}{'MAPE':>8s}{'P95':>8s}{'P0.1':>8s}{'over':>8s}{'slack':>8s}"


def _accumulate(values: npt.NDArray[np.floating]) -> Totals:
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
