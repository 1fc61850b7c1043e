"""Estimator: tokens of a text in a family whose tokenizer is not at hand, with an interval.

The interval is conditioned on what the calibration knew of the text: words it has met are nearly
exact, guesses by characters are not, and characters of scripts that it never saw, or runs of
letters that are no words, may be anything up to the family's ceiling.
"""

from dataclasses import dataclass, field

from jeton.tokens.count import Count
from jeton.tokens.estimate.calibration import Calibration
from jeton.tokens.estimate.reading import is_plain, read_as_claude
from jeton.tokens.estimate.segments import Integers
from jeton.tokens.estimate.splitting import split_text
from jeton.tokens.estimate.weighing import NOTHING, UNITS, Weight, weigh, weigh_each

# Up to this many characters a text is looked up segment by segment in what was weighed before: array
# arithmetic starts too slowly for a short turn.
SHORT_CHARS = 6_000
REMEMBERED_MAX = 50_000
# Shorter than what counts as a long segment, so that none of those is remembered.
REMEMBERED_CHARS_MAX = 48

# A remembered weight is one integer, so that a sum of them is one call: known eighths, then the
# guess in 256ths (which may be negative), then strange bytes.
_KNOWN_BITS = 20
_GUESS_BITS = 24
_KNOWN_UNITS = UNITS // 8


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates by one calibration; what it remembers only makes it faster."""

    calibration: Calibration
    family_id: str
    _remembered: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def estimate(self, text: str | bytes) -> Count:
        """The tokens of a text without any frame; bytes are read as UTF-8, invalid ones as U+FFFD."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        tables = self.calibration.tables
        if len(text) <= SHORT_CHARS and (tables.by_space or is_plain(text)):
            size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
            return self._judge(self._weigh_short(text), size)
        raw = text.encode("utf-8", "surrogatepass")
        read = raw if tables.by_space else read_as_claude(raw)
        if len(text) <= SHORT_CHARS:
            return self._judge(self._weigh_short(read.decode("utf-8", "surrogatepass")), len(raw))
        return self._judge(weigh(read, tables), len(raw))

    def _weigh_short(self, text: str) -> Weight:
        segments = split_text(text, by_space=self.calibration.tables.by_space)
        try:
            packed = sum(map(self._remembered.__getitem__, segments))
        except KeyError:
            return self._learn(text, segments)
        return _unpack(packed)

    def _learn(self, text: str, segments: list[str]) -> Weight:
        if not text:
            return NOTHING
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.clear()
        weights = weigh_each(text.encode("utf-8", "surrogatepass"), self.calibration.tables)
        packed = zip(segments, _pack(weights).tolist(), strict=True)
        self._remembered.update(
            (segment, weight) for segment, weight in packed if len(segment) <= REMEMBERED_CHARS_MAX
        )
        return Weight(*weights.sum(axis=0).tolist())

    def _judge(self, weight: Weight, size: int) -> Count:
        """The interval around what was weighed, of ``size`` bytes; never over the ceiling."""
        calibration = self.calibration
        ceiling = size * calibration.cap_numerator // calibration.cap_denominator
        units = max(weight.known + weight.guessed, 0)
        value = min((units + UNITS // 2) // UNITS, ceiling)
        odd_bytes = weight.strange_bytes + weight.long_bytes
        guessed_percent = min(100, max(weight.guessed, 0) * 100 // max(units, 1))
        band = next(band for band in calibration.bands if guessed_percent <= band.guessed_percent)
        odd = odd_bytes * calibration.cap_numerator // calibration.cap_denominator
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


def _pack(weights: Integers) -> Integers:
    known, guessed, strange_bytes, _ = weights.T
    packed: Integers = known // _KNOWN_UNITS
    packed += guessed << _KNOWN_BITS
    packed += strange_bytes << _KNOWN_BITS + _GUESS_BITS
    return packed


def _unpack(packed: int) -> Weight:
    known = packed & ((1 << _KNOWN_BITS) - 1)
    packed >>= _KNOWN_BITS
    half = 1 << _GUESS_BITS - 1
    guessed = ((packed + half) & ((1 << _GUESS_BITS) - 1)) - half
    return Weight(known * _KNOWN_UNITS, guessed, (packed - guessed) >> _GUESS_BITS, 0)
