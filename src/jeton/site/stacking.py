"""Stacking: the worked example of how discounts combine, rated by the engine when the page is read."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.rating import STANDARD, Conditions, Rating, rate
from jeton.usage import Usage

REQUESTS = 1_000
SHARED_TOKENS = 9_000
OWN_TOKENS = 1_000
OUTPUT_TOKENS = 500
SAMPLE = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)
PREFERRED_MODELS = ("claude-sonnet-4-6", "claude-sonnet-5", "claude-sonnet-5-5")


@dataclass(frozen=True, slots=True)
class Example:
    """One workload at one price version, in four ways; amounts in nano."""

    version: PriceVersion
    standard_nano: int
    cached_nano: int
    batch_nano: int
    both_nano: int

    @property
    def saved_percent(self) -> str:
        """What both together save of the standard amount, in percent with one decimal."""
        tenths = round(Fraction(1000 * (self.standard_nano - self.both_nano), self.standard_nano))
        return f"{tenths // 10}.{tenths % 10}"


def find_example(book: PriceBook, at: datetime) -> Example | None:
    """The example for a model of this book that is sold in batches; None if there is none."""
    versions = [book.find_version(model, at) for model in (*PREFERRED_MODELS, *book.models())]
    sold = (version for version in versions if version is not None and version.has_batch)
    version = next(sold, None)
    return None if version is None else work_example(version)


def find_sample(book: PriceBook, at: datetime) -> tuple[PriceVersion, Rating] | None:
    """A request with a cached prompt, as a receipt would show it; None if no model has a price."""
    versions = [book.find_version(model, at) for model in (*reversed(PREFERRED_MODELS), *book.models())]
    version = next((version for version in versions if version is not None), None)
    return None if version is None else (version, rate(SAMPLE, version))


def work_example(version: PriceVersion) -> Example:
    """1,000 requests of 10,000 prompt tokens, 9,000 of them shared, with 500 output tokens each."""
    plain = Usage(input_tokens=SHARED_TOKENS + OWN_TOKENS, output_tokens=OUTPUT_TOKENS)
    batch = Conditions(service_tier="batch")
    return Example(
        version=version,
        standard_nano=REQUESTS * rate(plain, version, STANDARD).net_nano,
        cached_nano=_cached_nano(version, STANDARD),
        batch_nano=REQUESTS * rate(plain, version, batch).net_nano,
        both_nano=_cached_nano(version, batch),
    )


def _cached_nano(version: PriceVersion, conditions: Conditions) -> int:
    """The first request writes the shared part to the cache; every other one reads it."""
    first = Usage(
        input_tokens=OWN_TOKENS,
        cache_creation_5m_input_tokens=SHARED_TOKENS,
        output_tokens=OUTPUT_TOKENS,
    )
    later = Usage(input_tokens=OWN_TOKENS, cache_read_input_tokens=SHARED_TOKENS, output_tokens=OUTPUT_TOKENS)
    later_nano = rate(later, version, conditions).net_nano
    return rate(first, version, conditions).net_nano + (REQUESTS - 1) * later_nano
