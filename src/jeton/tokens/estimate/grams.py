"""Grams: what characters in a row cost, for the segments that the table does not know.

Each character is weighed by itself and with the one, two and three before it in its segment, whose
start and end count as characters. No gram reaches into another segment, so segments add up. The
weights are integers, so their sum is exact.
"""

import numpy as np
import numpy.typing as npt

from jeton.tokens.estimate.segments import END, START, Hashes, Integers

# Leading bits of a hash that choose the weight, for grams of one to four characters.
GRAM_BITS = (16, 17, 18, 18)
# The weight of what is no gram, as it would reach over a segment's start.
NO_GRAM = 0

_ITSELF = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(0xC2B2AE3D27D4EB4F)
_TWO = np.uint64(0xD6E8FEB86659FD93)
_THREE = np.uint64(0x165667B19E3779F9)
_SHIFTS = tuple(np.uint64(64 - bits) for bits in GRAM_BITS)


def list_grams(codes: npt.NDArray[np.uint32]) -> tuple[Integers, ...]:
    """For grams of one to four, the slot of the gram that ends at each character of segments."""
    # The first segment follows an END like all others, so that none depends on its place.
    points = np.empty(len(codes) + 1, dtype=np.uint64)
    points[0] = END
    points[1:] = codes
    starts = (points == START).nonzero()[0]
    grams = points * _ITSELF
    singles = grams >> _SHIFTS[0]
    grams[1:] ^= points[:-1] * _ONE
    grams *= _THREE
    pairs = grams >> _SHIFTS[1]
    grams[2:] ^= points[:-2] * _TWO
    grams *= _ITSELF
    triples = grams >> _SHIFTS[2]
    grams[3:] ^= points[:-3] * _THREE
    grams *= _ONE
    grams >>= _SHIFTS[3]
    _clear(pairs, starts)
    _clear(triples, starts)
    _clear(grams, starts)
    _clear(grams, starts + 1)
    return tuple(slots[1:].view(np.int64) for slots in (singles, pairs, triples, grams))


def _clear(slots: Hashes, where: Integers) -> None:
    slots[where] = NO_GRAM
