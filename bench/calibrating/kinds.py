"""Kinds: scripts and classes of characters whose errors are leveled apart."""

from functools import cache

import numpy as np
import numpy.typing as npt

from jeton.tokens.estimate.characters import BREAK, DIGIT, MARK, PICTURE, SPACE, TAB, UNITS, list_classes

# First units of the scripts that are leveled apart.
_SCRIPTS = (
    *(0x0000, 0x00C0, 0x0250, 0x0370, 0x0400, 0x0530, 0x0600, 0x0900, 0x0E00, 0x0F00, 0x1000, 0x10A0),
    *(0x1100, 0x1200, 0x1780, 0x1800, 0x2000, 0x3040, 0x3100, 0x3400, 0xA000, 0xAC00, 0xD800),
)
_SHARED = (DIGIT, PICTURE, SPACE, TAB, BREAK)
_ASCII_MARKS = len(_SCRIPTS) + len(_SHARED)
_MARKS = _ASCII_MARKS + 1
KINDS = _MARKS + 1


@cache
def list_kinds() -> npt.NDArray[np.int64]:
    """The kind of each UTF-16 unit, below KINDS."""
    units = np.arange(UNITS)
    kinds = np.searchsorted(_SCRIPTS, units, "right") - 1
    classes = list_classes(by_space=True)
    for number, kind in enumerate(_SHARED):
        kinds[classes == kind] = len(_SCRIPTS) + number
    kinds[(classes == MARK) & (units < 0x80)] = _ASCII_MARKS
    kinds[(classes == MARK) & (units >= 0x80)] = _MARKS
    return kinds
