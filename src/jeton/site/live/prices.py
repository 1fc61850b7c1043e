"""Prices: every change of the price book as news: for the changelog, its feed, and above the pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
_WORDS: dict[ChangeKind, str] = {
    "first": "first price",
    "price": "new price",
    "deprecation": "deprecated",
    "retirement": "retired: requests for it are refused",
}


@dataclass(frozen=True, slots=True)
class PriceChange:
    """What happens to a model on a day; ``version`` is the price it has from then on, or has last."""

    from_on: date
    version: PriceVersion
    kind: ChangeKind

    @property
    def title(self) -> str:
        """What happened, in a line."""
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
        yield PriceChange(version.from_on, version, "price" if number else "first")
    last = versions[-1]
    if last.card.deprecated_on is not None:
        yield PriceChange(last.card.deprecated_on, last, "deprecation")
    if last.retires_on is not None:
        yield PriceChange(last.retires_on, last, "retirement")


def _describe(change: PriceChange, at: datetime) -> str:
    what = _WORDS[change.kind]
    return f"{what}, announced" if change.at > at else what
