"""Estimator: tokens of a text in a family whose tokenizer is not at hand, with an interval.

The interval is conditioned on what the calibration knew of the text: words it has met are nearly
exact, guesses by characters are not, and characters of scripts that it never saw, or runs of
letters that are no words, may be anything up to the family's ceiling.
"""

from dataclasses import dataclass

from jeton.tokens.count import Count
from jeton.tokens.estimate.calibration import Calibration
from jeton.tokens.estimate.reading import read_as_claude
from jeton.tokens.estimate.weighing import WEIGHT_UNITS, Weight, weigh


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates by one calibration; it remembers nothing."""

    calibration: Calibration
    family_id: str

    def estimate(self, text: str | bytes) -> Count:
        """The tokens of a text without any frame; bytes are read as UTF-8, invalid ones as U+FFFD."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        raw = text.encode("utf-8", "surrogatepass")
        tables = self.calibration.tables
        if not tables.cutting.by_space:
            read = read_as_claude(raw)
            if read is not raw:
                text = read.decode("utf-8", "surrogatepass")
        return self._judge(weigh(text, tables), len(raw))

    def _judge(self, weight: Weight, size: int) -> Count:
        """The interval around what was weighed, of ``size`` bytes; never over the ceiling."""
        calibration = self.calibration
        ceiling = size * calibration.cap_numerator // calibration.cap_denominator
        known, guessed, strange_bytes, long_bytes = weight
        units = max(known + guessed, 0)
        value = min((units + WEIGHT_UNITS // 2) // WEIGHT_UNITS, ceiling)
        band = calibration.find_band(min(100, max(guessed, 0) * 100 // max(units, 1)))
        odd = (strange_bytes + long_bytes) * calibration.cap_numerator // calibration.cap_denominator
        # Rounded away from the value on both sides.
        high = value - (-value * band.above // 1000) + odd
        low = value + (-value * band.below // 1000) - odd
        rest = calibration.rest if size else 0
        return Count(
            value=value,
            low=max(0, low - rest),
            high=max(value, min(high + rest, ceiling)),
            method="estimated",
            family=self.family_id,
            calibration=calibration.calibration_id,
        )
