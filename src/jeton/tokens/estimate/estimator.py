"""Estimator: tokens of a text in a family whose tokenizer is not at hand, with an interval.

The interval is conditioned on what the calibration knew of the text: words it has met are nearly
exact, guesses by characters are not, and characters of scripts that it never saw, or runs of
letters that are no words, may be anything up to the family's ceiling.
"""

from dataclasses import dataclass, field

from jeton.tokens.count import Count
from jeton.tokens.estimate.calibration import Calibration
from jeton.tokens.estimate.chunks import get_chunk, list_keys
from jeton.tokens.estimate.reading import is_plain, read_as_claude
from jeton.tokens.estimate.segments import Integers
from jeton.tokens.estimate.weighing import NOTHING, UNITS, Weight, weigh, weigh_parts

# Up to this many characters a text is looked up chunk by chunk in what was weighed before: array
# arithmetic starts too slowly for a short turn.
SHORT_CHARS = 6_000
REMEMBERED_MAX = 50_000
REMEMBERED_CHARS_MAX = 192
# A text whose chunks are longer on average is no text in words: what it holds will not come again.
CHUNK_CHARS_MAX = 24

# A remembered weight is one integer, so that a sum of them is one call: known eighths, then the
# guess in 256ths (which may be negative), then strange and long bytes.
_KNOWN_BITS = 21
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
        if len(text) <= SHORT_CHARS:
            keys = list_keys(text)
            if len(text) <= len(keys) * CHUNK_CHARS_MAX:
                size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
                return self._judge(self._weigh_chunks(text, keys), size)
        raw = text.encode("utf-8", "surrogatepass")
        return self._judge(self._weigh_whole(raw), len(raw))

    def _weigh_whole(self, raw: bytes) -> Weight:
        tables = self.calibration.tables
        return weigh(raw if tables.by_space else read_as_claude(raw), tables)

    def _weigh_chunks(self, text: str, keys: list[str]) -> Weight:
        try:
            return _unpack(sum(map(self._remembered.__getitem__, keys)))
        except KeyError:
            return self._learn(text, keys)

    def _learn(self, text: str, keys: list[str]) -> Weight:
        """Weigh the chunks that are new, and remember those that are not too long."""
        remembered = self._remembered
        if len(remembered) > REMEMBERED_MAX:
            remembered.clear()
        unknown = [key for key in dict.fromkeys(keys) if key not in remembered]
        chunks = list(map(get_chunk, unknown))
        new = "".join(chunks)
        if not new:
            return NOTHING
        if not (self.calibration.tables.by_space or is_plain(new)):
            # What is read is plain, but for some of what is composed; that is not remembered.
            read = read_as_claude(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
            if not is_plain(read):
                return weigh(read.encode("utf-8", "surrogatepass"), self.calibration.tables)
            return self._weigh_chunks(read, list_keys(read))
        raw = new.encode("utf-8", "surrogatepass")
        sizes = (
            list(map(len, chunks))
            if len(raw) == len(new)
            else [len(chunk.encode("utf-8", "surrogatepass")) for chunk in chunks]
        )
        weights = _pack(weigh_parts(raw, sizes, self.calibration.tables)).tolist()
        found = dict(zip(unknown, weights, strict=True))
        packed = sum(found[key] if key in found else remembered[key] for key in keys)
        remembered.update((key, weight) for key, weight in found.items() if len(key) <= REMEMBERED_CHARS_MAX)
        return _unpack(packed)

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
    known, guessed, strange_bytes, long_bytes = weights
    packed: Integers = known // _KNOWN_UNITS
    packed += guessed << _KNOWN_BITS
    packed += (strange_bytes + long_bytes) << _KNOWN_BITS + _GUESS_BITS
    return packed


def _unpack(packed: int) -> Weight:
    known = packed & ((1 << _KNOWN_BITS) - 1)
    packed >>= _KNOWN_BITS
    half = 1 << _GUESS_BITS - 1
    guessed = ((packed + half) & ((1 << _GUESS_BITS) - 1)) - half
    return Weight(known * _KNOWN_UNITS, guessed, (packed - guessed) >> _GUESS_BITS, 0)
