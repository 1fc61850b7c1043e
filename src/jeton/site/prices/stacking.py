"""Stacking: the worked example of how discounts combine, rated by the engine when the page is read."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.rating import STANDARD, Conditions, Rating, rate
from jeton.pricing.terms import Terms, agree
from jeton.usage import Usage

REQUESTS = 1_000
SHARED_TOKENS = 9_000
OWN_TOKENS = 1_000
OUTPUT_TOKENS = 500
SAMPLE = Usage(input_tokens=2_000, cache_read_input_tokens=100_000, output_tokens=1_500)
PREFERRED_MODELS = ("claude-sonnet-4-6", "claude-sonnet-5", "claude-sonnet-5-5")


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests whose prompts have a shared and an own part; tokens of each request."""

    requests: int = REQUESTS
    shared_tokens: int = SHARED_TOKENS
    own_tokens: int = OWN_TOKENS
    output_tokens: int = OUTPUT_TOKENS

    @property
    def prompt_tokens(self) -> int:
        """The length of one prompt."""
        return self.shared_tokens + self.own_tokens


DEFAULT_WORKLOAD = Workload()


@dataclass(frozen=True, slots=True)
class Example:
    """One workload at one price version, in four ways; amounts in nano."""

    version: PriceVersion
    workload: Workload
    standard_nano: int
    cached_nano: int
    batch_nano: int
    both_nano: int

    @property
    def saved_percent(self) -> str:
        """What both together save of the standard amount, in percent with one decimal."""
        if not self.standard_nano:
            return "0.0"
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


def work_example(
    version: PriceVersion, workload: Workload = DEFAULT_WORKLOAD, terms: Terms | None = None
) -> Example:
    """A workload; by default 1,000 requests of 10,000 prompt tokens, 9,000 shared, and 500 of output."""
    plain = Usage(
        input_tokens=workload.prompt_tokens,
        output_tokens=workload.output_tokens,
    )
    standard, batch = agree(STANDARD, terms), agree(Conditions(service_tier="batch"), terms)
    return Example(
        version=version,
        workload=workload,
        standard_nano=workload.requests * rate(plain, version, standard).net_nano,
        cached_nano=_cached_nano(version, standard, workload),
        batch_nano=workload.requests * rate(plain, version, batch).net_nano,
        both_nano=_cached_nano(version, batch, workload),
    )


def _cached_nano(version: PriceVersion, conditions: Conditions, workload: Workload) -> int:
    """The first request writes the shared part to the cache; every other one reads it."""
    first = Usage(
        input_tokens=workload.own_tokens,
        cache_creation_5m_input_tokens=workload.shared_tokens,
        output_tokens=workload.output_tokens,
    )
    later = Usage(
        input_tokens=workload.own_tokens,
        cache_read_input_tokens=workload.shared_tokens,
        output_tokens=workload.output_tokens,
    )
    later_nano = rate(later, version, conditions).net_nano
    return rate(first, version, conditions).net_nano + (workload.requests - 1) * later_nano
