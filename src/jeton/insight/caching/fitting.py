"""Fitting: from how many reads on a cache write pays, and whether writing for an hour would. Pure.

Rates are those of the price book, as the rating engine finds them for a short prompt. A write at 1.25 times
and reads at 0.1 times the input rate pay after 0.25 ÷ 0.9 = 0.28 reads; a write at 2 times after 1.11.
"""

from dataclasses import dataclass
from fractions import Fraction

from jeton.insight.caching.reading import CacheSums
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions, rate
from jeton.pricing.terms import Terms, agree
from jeton.usage import Bucket, Usage

_ONE_OF_EACH = Usage(1, 1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Rates of a model (nano per million tokens), and the reads of a token that pay for its write."""

    model: str
    price_version_id: str
    input_rate: Fraction
    write_5m_rate: Fraction
    write_1h_rate: Fraction
    read_rate: Fraction

    @property
    def reads_5m(self) -> Fraction | None:
        """Reads after which a write for five minutes is cheaper than none; None if it never is."""
        return self._reads(self.write_5m_rate)

    @property
    def reads_1h(self) -> Fraction | None:
        """The same for an hour."""
        return self._reads(self.write_1h_rate)

    @property
    def rewrites(self) -> Fraction:
        """So many writes for five minutes cost what one for an hour costs."""
        return self.write_1h_rate / self.write_5m_rate

    def find_premium(self, tokens: int) -> int:
        """What writing ``tokens`` for an hour would cost more than for five minutes, in whole nano."""
        return round((self.write_1h_rate - self.write_5m_rate) * tokens / 1_000_000)

    def _reads(self, write_rate: Fraction) -> Fraction | None:
        spared = self.input_rate - self.read_rate
        return max(Fraction(0), write_rate - self.input_rate) / spared if spared > 0 else None


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model's writes for five minutes had better been for an hour; amounts in nano."""

    even: BreakEven
    sums: CacheSums
    expired_nano: int
    premium_nano: int

    @property
    def is_1h_better(self) -> bool:
        """Whether the known cost of expired prefixes exceeds what writing all of them for an hour would."""
        return self.expired_nano > self.premium_nano


def find_break_even(version: PriceVersion, terms: Terms | None = None) -> BreakEven | None:
    """The break-even of a price version, under terms; None where it has no price for some cached tokens."""
    conditions = agree(Conditions(), terms)
    rates = {line.bucket: line.rate for line in rate(_ONE_OF_EACH, version, conditions).lines}
    wanted = (Bucket.INPUT, Bucket.CACHE_WRITE_5M, Bucket.CACHE_WRITE_1H, Bucket.CACHE_READ)
    if not all(bucket in rates for bucket in wanted) or not rates[Bucket.CACHE_WRITE_5M]:
        return None
    return BreakEven(version.model, version.price_version_id, *(rates[bucket] for bucket in wanted))


def find_fit(even: BreakEven, sums: CacheSums, expired_nano: int) -> Fit:
    """How a model's writes fit what it costs to write for five minutes and for an hour."""
    return Fit(even, sums, expired_nano, even.find_premium(sums.cache_creation_5m_input_tokens))
