"""Count: a number of tokens that says how it was found and how far it may be off."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# From the most to the least that is known: the provider's own number, the same tokenizer as the
# provider's, a rebuilt one, a calibrated guess with an interval, a ceiling alone.
Method = Literal["upstream", "exact", "reconstructed", "estimated", "bounded"]
METHODS: tuple[Method, ...] = ("upstream", "exact", "reconstructed", "estimated", "bounded")


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens: ``low <= value <= high``; ``calibration`` names the data of an estimate, else is empty.

    ``high`` of an estimate is its 99.9 % upper limit; a bounded count's is never exceeded.
    """

    value: int
    low: int
    high: int
    method: Method
    family: str
    calibration: str


def exact_count(value: int, family: str, method: Method = "exact") -> Count:
    """A count without an interval."""
    return Count(value, value, value, method, family, "")


def add_counts(counts: Iterable[Count], family: str) -> Count:
    """The sum of the parts of one prompt: as sure as its least sure part; no parts are 0, exact.

    Limits are added as they are: parts of one prompt are off in the same direction together.
    """
    value = low = high = 0
    worst = METHODS.index("exact")
    calibration = ""
    for count in counts:
        value += count.value
        low += count.low
        high += count.high
        worst = max(worst, METHODS.index(count.method))
        calibration = calibration or count.calibration
    return Count(value, low, high, METHODS[worst], family, calibration)
