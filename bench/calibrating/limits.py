"""Limits: how far the truth was from estimates of texts that were left out of the fit.

Windows are put in bands by the share of their estimate that was guessed. A band's limits are those
of nearly all its windows, with a margin, since what comes next is from other sources; the few files
beyond them (tables of every letter there is) are seen in the report, which is by source.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from calibrating.holdouts import SCRIPT_NAMES, SCRIPTS
from calibrating.windows import Window

EDGES_PERCENT = (3, 6, 10, 15, 25, 40, 60, 80, 100)
# A text is of an odd script where that has more than one byte in so many.
ODD_SHARE = 33
# Beside the band, in tokens: a text of one word is off by a word.
REST_TOKENS = 4
QUANTILE = 0.9985
MARGIN = 1.2
# No band is narrower than that, in thousandths: other authors, other subjects. What is guessed
# throughout are mostly scripts without spaces, of which there are few sources.
ABOVE_MIN = 110
BELOW_MIN = 120
GUESSED_MIN = 200
LIMIT_MAX = 500
# Bands that were widened by hand, for tables of every letter and manual pages full of names.
WIDENED = {
    "claude-4.7": {25: 130, 60: 145, 80: 220},
    "claude-3": {25: 120, 60: 158, 80: 255},
}


def fit_bands(windows: Iterable[Window], family: str) -> list[tuple[int, int, int]]:
    """For each edge: the guessed percent, and thousandths above and below the estimate."""
    found: dict[int, list[Window]] = defaultdict(list)
    for window in windows:
        if window.odd_bytes == 0 and window.estimate > 0 and not has_unfitted_script(window):
            found[next(edge for edge in EDGES_PERCENT if window.guessed_percent <= edge)].append(window)
    bands = []
    above, below = ABOVE_MIN, BELOW_MIN
    for edge in EDGES_PERCENT:
        # What is guessed more is never surer.
        least = GUESSED_MIN if edge == EDGES_PERCENT[-1] else 0
        above = max(above, least, WIDENED.get(family, {}).get(edge, 0), _reach(found[edge], sign=1))
        below = max(below, least, _reach(found[edge], sign=-1))
        bands.append((edge, min(above, LIMIT_MAX), min(below, LIMIT_MAX)))
    return bands


def has_unfitted_script(window: Window) -> bool:
    """Whether a window is of a script that was left out as a whole, or that is hardly in any text."""
    is_odd = window.source != "synth" and window.odd_bytes * ODD_SHARE > window.size
    return is_odd or window.group in SCRIPTS or any(name in window.name for name in SCRIPT_NAMES)


def find_high(window: Window, bands: Sequence[tuple[int, int, int]], cap: float) -> float:
    """The upper limit that the estimator gives a window."""
    above = next(above for edge, above, _ in bands if window.guessed_percent <= edge)
    high = window.estimate * (1 + above / 1000) + REST_TOKENS + window.odd_bytes * cap
    return min(high, window.size * cap)


def _reach(windows: Sequence[Window], *, sign: int) -> int:
    """Thousandths by which the truth was beyond the estimate, but for three windows in two thousand."""
    beyond = [(sign * (window.truth - window.estimate) - REST_TOKENS) / window.estimate for window in windows]
    return int(np.ceil(max(0.0, float(np.quantile(beyond, QUANTILE))) * MARGIN * 1000)) if beyond else 0
