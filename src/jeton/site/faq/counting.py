"""Counting: a text of a visitor, in tokens of every family of the price book, and what it costs as input."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.rating import rate
from jeton.tokens.count import Count
from jeton.tokens.counter.counting import Counter
from jeton.tokens.kinds import find_kind
from jeton.usage import Usage

TEXT_CHARS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class FamilyCount:
    """What one tokenizer makes of the text, and its cost as input of each model that has it, in nano."""

    count: Count
    costs: tuple[tuple[PriceVersion, int], ...]
    characters: int

    @property
    def characters_per_token(self) -> str:
        """With two decimals, half up; empty where there is no token."""
        tokens = self.count.value
        if not tokens:
            return ""
        hundredths = (self.characters * 200 + tokens) // (2 * tokens)
        return f"{hundredths // 100}.{hundredths % 100:02}"


@dataclass(frozen=True, slots=True)
class CountedText:
    """A text as every family counts it."""

    characters: int
    words: int
    kind: str
    families: tuple[FamilyCount, ...]


async def count_for_families(counter: Counter, book: PriceBook, text: str, *, at: datetime) -> CountedText:
    """Count a text of at most TEXT_CHARS_MAX characters, beside the requests and not before them."""
    return await asyncio.to_thread(_count, counter, book, text, at)


def _count(counter: Counter, book: PriceBook, text: str, at: datetime) -> CountedText:
    by_family: dict[str, list[PriceVersion]] = {}
    for model in book.models():
        version = book.find_version(model, at)
        if version is not None and version.lifecycle(at) != "retired":
            by_family.setdefault(version.family, []).append(version)
    families = []
    for family, versions in by_family.items():
        count = counter.count_text(text, family)
        usage = Usage(input_tokens=count.value)
        costs = tuple((version, rate(usage, version).net_nano) for version in versions)
        families.append(FamilyCount(count, costs, len(text)))
    return CountedText(len(text), len(text.split()), find_kind(text), tuple(families))
