"""Leveling: what is left of the error of guesses, by kind of character, on texts that were held out.

Ridge regression makes weights too small, most of all those of scripts of which there is little. By
how much per unit is found on held-out windows, and added to each unit's weight.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from calibrating.kinds import list_kinds
from calibrating.windows import Window

Offsets = npt.NDArray[np.float64]

# No kind is leveled by more tokens a unit, nor by an error beyond a window's share.
OFFSET_MAX = 0.06
ERROR_MAX = 0.15
DAMPING = 1e-4


def find_offsets(windows: Sequence[Window]) -> Offsets:
    """What is to be added to the weight of each unit, in tokens."""
    truths = np.array([window.truth for window in windows])
    unknown = np.array([window.unknown for window in windows]) / truths[:, None]
    errors = np.array([(window.truth - window.estimate) / window.truth for window in windows])
    errors = np.clip(errors, -ERROR_MAX, ERROR_MAX)
    normal = unknown.T @ unknown
    normal += np.diag(DAMPING * np.diag(normal) + DAMPING)
    offsets = np.linalg.solve(normal, unknown.T @ errors)
    found: Offsets = np.clip(offsets, -OFFSET_MAX, OFFSET_MAX)[list_kinds()]
    return found
