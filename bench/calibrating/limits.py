"""Limits: how far the truth was from estimates of texts that were left out of the fit.

Windows are put in bands by the share of their estimate that was guessed. A band's limits hold for
each source of windows in it, not only for all of them together, and have a margin, since what
comes next is from none of these sources.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from calibrating.windows import Window

EDGES_PERCENT = (3, 6, 10, 15, 25, 40, 60, 80, 100)
# Beside the band, in tokens: a text of one word is off by a word.
REST_TOKENS = 4
QUANTILE = 0.999
MARGIN = 1.15
# No band is narrower than that, in thousandths: other authors, other subjects.
LIMIT_MIN = 100
LIMIT_MAX = 400
SOURCE_WINDOWS_MIN = 30


def fit_bands(windows: Iterable[Window]) -> list[tuple[int, int, int]]:
    """For each edge: the guessed percent, and thousandths above and below the estimate."""
    sources: dict[tuple[int, str], list[Window]] = defaultdict(list)
    for window in windows:
        if window.odd_bytes == 0 and window.estimate > 0:
            edge = next(edge for edge in EDGES_PERCENT if window.guessed_percent <= edge)
            sources[edge, window.source].append(window)
    bands = []
    above = below = LIMIT_MIN
    for edge in EDGES_PERCENT:
        found = [
            source
            for (band, _), source in sources.items()
            if band == edge and len(source) >= SOURCE_WINDOWS_MIN
        ]
        # What is guessed more is never surer.
        above = max([above, *(_reach(source, sign=1) for source in found)])
        below = max([below, *(_reach(source, sign=-1) for source in found)])
        bands.append((edge, min(above, LIMIT_MAX), min(below, LIMIT_MAX)))
    return bands


def find_high(window: Window, bands: Sequence[tuple[int, int, int]], cap: float) -> float:
    """The upper limit that the estimator gives a window."""
    above = next(above for edge, above, _ in bands if window.guessed_percent <= edge)
    high = window.estimate * (1 + above / 1000) + REST_TOKENS + window.odd_bytes * cap
    return min(high, window.size * cap)


def _reach(windows: Sequence[Window], *, sign: int) -> int:
    """Thousandths by which the truth was beyond the estimate, but for one window in a thousand."""
    beyond = [(sign * (window.truth - window.estimate) - REST_TOKENS) / window.estimate for window in windows]
    return int(np.ceil(max(0.0, float(np.quantile(beyond, QUANTILE))) * MARGIN * 1000))
