"""Windows: pieces of labelled texts with what was weighed and what is true, and reports over them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from calibrating.fitting import Labelled

from jeton.tokens.estimate.segments import cut
from jeton.tokens.estimate.weighing import UNITS, Tables, weigh_each

SIZES = (1_000, 10_000)
TOKENS_MIN = 20


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a text: tokens as they are, as weighed, how much of that is guessed, and odd bytes."""

    source: str
    group: str
    size: int
    truth: float
    estimate: float
    guessed: float
    odd_bytes: int
    name: str

    @property
    def error(self) -> float:
        """Estimate over truth, less one."""
        return self.estimate / self.truth - 1

    @property
    def guessed_percent(self) -> int:
        """The share of the estimate that is a guess, as the estimator reckons it."""
        return min(100, int(max(self.guessed, 0) * 100 / max(self.estimate, 1e-9)))


def list_windows(text: Labelled, tables: Tables) -> Iterator[Window]:
    """The windows of a text, cut between segments, of each of SIZES bytes."""
    weights = weigh_each(text.raw, tables)
    starts = cut(text.raw, by_space=tables.by_space).starts
    known = _accumulate(weights[:, 0]) / UNITS
    guessed = _accumulate(weights[:, 1]) / UNITS
    odd = _accumulate(weights[:, 2] + weights[:, 3])
    truth = _accumulate(text.costs)
    for size in SIZES:
        edges = np.unique(np.searchsorted(starts, np.arange(0, len(text.raw) + 1, size)))
        for first, last in pairwise(edges):
            tokens = float(truth[last] - truth[first])
            if tokens >= TOKENS_MIN:
                guess = float(guessed[last] - guessed[first])
                yield Window(
                    source=text.source,
                    group=text.group,
                    size=size,
                    truth=tokens,
                    estimate=max(0.0, float(known[last] - known[first]) + guess),
                    guessed=guess,
                    odd_bytes=int(odd[last] - odd[first]),
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


def _accumulate(values: npt.NDArray[np.int64] | npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(np.asarray(values, dtype=np.float64))])
