"""Prices: every change of the price book as news: for the changelog, its feed, and above the pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from jeton.pricing.book import PriceBook, PriceVersion

ChangeKind = Literal["first", "price", "deprecation", "retirement"]
# How long before its day a change stands above the pages.
ANNOUNCED_AHEAD = timedelta(days=60)
ANNOUNCED_MAX = 3
_TITLES: dict[ChangeKind, str] = {
    "first": "{} is sold from {} on",
    "price": "{} has a new price from {} on",
    "deprecation": "{} is deprecated from {} on",
    "retirement": "{} is retired on {}",
}
# What may be sold beside the standard prices, as fields of a band.
_WAYS = {"batch": "in batches", "fast": "in fast mode", "us": "with US-only inference"}
_WORDS: dict[ChangeKind, str] = {
    "first": "first price",
    "price": "new price",
    "deprecation": "deprecated",
    "retirement": "retired: requests for it are refused",
}


@dataclass(frozen=True, slots=True)
class PriceChange:
    """What happens to a model on a day; ``version`` is the price it has from then on, or has last.

    ``ways`` says in words what it is sold in from then on, or no longer, where every listed price stays.
    """

    from_on: date
    version: PriceVersion
    kind: ChangeKind
    ways: str = ""

    @property
    def title(self) -> str:
        """What happened, in a line."""
        if self.ways:
            return f"{self.version.display_name} is {self.ways} from {self.from_on} on, at the same prices"
        return _TITLES[self.kind].format(self.version.display_name, self.from_on)

    @property
    def at(self) -> datetime:
        """The instant from which it is so."""
        return datetime.combine(self.from_on, time(), UTC)

    @property
    def change_id(self) -> str:
        """Its own id, for ever: the price version's, or that with what became of the model."""
        version_id = self.version.price_version_id
        return version_id if self.kind in {"first", "price"} else f"{version_id}-{self.kind}"


def list_price_changes(book: PriceBook) -> list[PriceChange]:
    """Every version of every model, its deprecation and its retirement, the latest first."""
    changes = [change for model in book.models() for change in _list_changes(book, model)]
    return sorted(changes, key=lambda change: (change.from_on, change.version.model), reverse=True)


def list_announced(changes: Sequence[PriceChange], at: datetime) -> list[PriceChange]:
    """The changes of models that are sold already, in the next days, the soonest first."""
    ahead = [change for change in changes if at < change.at <= at + ANNOUNCED_AHEAD]
    return sorted((c for c in ahead if c.kind != "first"), key=lambda c: (c.from_on, c.version.model))


def render_price_changes(changes: Sequence[PriceChange], at: datetime) -> str:
    """The changes as a table in Markdown; what is not so yet is announced."""
    rows = [
        f"| {change.from_on} | {change.version.display_name} | `{change.version.price_version_id}` "
        f"| {_describe(change, at)} |"
        for change in changes
    ]
    head = f"As of {at:%Y-%m-%d %H:%M} UTC."
    return "\n".join((head, "", "| from | model | price version | |", "|---|---|---|---|", *rows))


def _list_changes(book: PriceBook, model: str) -> Iterator[PriceChange]:
    versions = sorted(book.timeline(model), key=lambda version: version.from_on)
    for number, version in enumerate(versions):
        ways = _compare_ways(versions[number - 1], version) if number else ""
        yield PriceChange(version.from_on, version, "price" if number else "first", ways)
    last = versions[-1]
    if last.card.deprecated_on is not None:
        yield PriceChange(last.card.deprecated_on, last, "deprecation")
    if last.retires_on is not None:
        yield PriceChange(last.retires_on, last, "retirement")


def _compare_ways(before: PriceVersion, after: PriceVersion) -> str:
    """What is sold anew or no longer, if no price that both versions list differs; "" if one does."""
    had, has = _list_ways(before), _list_ways(after)
    if _list_prices(before, had & has) != _list_prices(after, had & has):
        return ""
    gone = [words for way, words in _WAYS.items() if way in had - has]
    new = [words for way, words in _WAYS.items() if way in has - had]
    parts = [f"no longer sold {' or '.join(gone)}"] if gone else []
    return " and ".join([*parts, f"sold {' and '.join(new)}"] if new else parts)


def _list_ways(version: PriceVersion) -> set[str]:
    return {way for way in _WAYS if any(getattr(band, way) is not None for band in version.bands)}


def _list_prices(version: PriceVersion, ways: set[str]) -> tuple[object, ...]:
    """The bands as they are with those ways alone, and what a web search costs."""
    bands = (
        replace(
            band,
            batch=band.batch if "batch" in ways else None,
            fast=band.fast if "fast" in ways else None,
            us=band.us if "us" in ways else None,
        )
        for band in version.bands
    )
    return (version.web_search_per_1000, *bands)


def _describe(change: PriceChange, at: datetime) -> str:
    what = f"{change.ways}, same prices" if change.ways else _WORDS[change.kind]
    return f"{what}, announced" if change.at > at else what
