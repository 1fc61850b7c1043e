"""Prices: every change of the price book as news, for the changelog and its feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from jeton.pricing.book import PriceBook, PriceVersion


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A version of a model's price; ``is_first`` is where the model began to be sold."""

    from_on: date
    version: PriceVersion
    is_first: bool

    @property
    def title(self) -> str:
        """What happened, in a line."""
        verb = "is sold" if self.is_first else "has a new price"
        return f"{self.version.display_name} {verb} from {self.from_on} on"

    @property
    def at(self) -> datetime:
        """The instant from which the price is in force."""
        return datetime.combine(self.from_on, time(), UTC)


def list_price_changes(book: PriceBook) -> list[PriceChange]:
    """Every version of every model, the latest first."""
    changes = [
        PriceChange(version.from_on, version, is_first=number == 0)
        for model in book.models()
        for number, version in enumerate(sorted(book.timeline(model), key=lambda version: version.from_on))
    ]
    return sorted(changes, key=lambda change: (change.from_on, change.version.model), reverse=True)


def render_price_changes(changes: Sequence[PriceChange], at: datetime) -> str:
    """The changes as a table in Markdown; what is not in force yet is announced."""
    rows = [
        f"| {change.from_on} | {change.version.display_name} | `{change.version.price_version_id}` "
        f"| {_describe(change, at)} |"
        for change in changes
    ]
    return "\n".join(("| from | model | price version | |", "|---|---|---|---|", *rows))


def _describe(change: PriceChange, at: datetime) -> str:
    what = "first price" if change.is_first else "new price"
    return f"{what}, announced" if change.at > at else what
