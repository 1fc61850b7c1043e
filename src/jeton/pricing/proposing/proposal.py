"""Proposal: a price file against the book in use: what it adds, and every reason why it cannot be added.

A price is a dated fact: what the book has of a model stays as it is, the file adds versions after it, and no
day that has begun gets another price. A model's file is whole, with the versions that it had before; the
first price of a new model begins on a day to come, too, under names that no other model has.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from jeton.errors import ConfigurationError
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.loading import PriceFile, parse_book

# How long before its day a price has to be approved: many times what a server takes to hear of it.
LEAD = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ProposedPrices:
    """A file that may be added: its text, its digest, and the versions that the book does not have yet."""

    name: str
    text: str
    digest: str
    added: tuple[PriceVersion, ...]


def check_proposal(book: PriceBook, file: PriceFile, *, at: datetime) -> ProposedPrices:
    """What a file adds to a book if it is approved at an instant; ConfigurationError with every mistake."""
    proposed = parse_book([file])
    mistakes: list[str] = []
    added: list[PriceVersion] = []
    for model in proposed.models():
        before = {version.price_version_id: version for version in book.timeline(model)}
        after = {version.price_version_id: version for version in proposed.timeline(model)}
        mistakes += _find_taken(book, model, after.values())
        mistakes += [
            f"{version_id} is missing; a price stays on record."
            for version_id in before.keys() - after.keys()
        ]
        added += [version for version_id, version in after.items() if version_id not in before]
        found = (_find_mistake(version, before, at) for version in after.values())
        mistakes += [mistake for mistake in found if mistake]
    if not added and not mistakes:
        mistakes.append("the price book has every version of it already.")
    if mistakes:
        raise ConfigurationError([f"{file.name}: {mistake}" for mistake in sorted(mistakes)])
    digest = f"sha256:{hashlib.sha256(file.content).hexdigest()}"
    return ProposedPrices(file.name, file.content.decode(), digest, tuple(added))


def follow(book: PriceBook, proposed: PriceBook) -> bool:
    """Have a book know what was approved; whether it does, or did so before.

    False where its files have meanwhile gone another way: then the files stay in force.
    """
    timelines = [proposed.timeline(model) for model in proposed.models()]
    if not all(_extends(timeline, book.timeline(timeline[0].model)) for timeline in timelines):
        return all(_extends(book.timeline(timeline[0].model), timeline) for timeline in timelines)
    for timeline in timelines:
        book.adopt(timeline)
    return True


def _extends(timeline: tuple[PriceVersion, ...], before: tuple[PriceVersion, ...]) -> bool:
    """Whether a timeline has every version of another one, at the same prices."""
    digests = {version.price_version_id: version.digest for version in timeline}
    return all(digests.get(version.price_version_id) == version.digest for version in before)


def _find_taken(book: PriceBook, model: str, versions: Iterable[PriceVersion]) -> list[str]:
    """A mistake for each name of a model that is another one's already."""
    names = {model, *(alias for version in versions for alias in version.card.aliases)}
    others = {name: timeline[0].model for name in names if (timeline := book.timeline(name))}
    return [
        f"{model} would be called {name}, which is {other} already."
        for name, other in others.items()
        if other != model
    ]


def _find_mistake(version: PriceVersion, before: Mapping[str, PriceVersion], at: datetime) -> str | None:
    """Why a version cannot stand beside those that the book has of its model, if there is a reason."""
    version_id = version.price_version_id
    known = before.get(version_id)
    if known is None:
        if _is_too_soon(version.from_on, at):
            return f"{version_id} would begin too soon: a new price begins on a day to come."
        return None
    if known.digest != version.digest:
        return f"{version_id} reads otherwise than the price book; add the new price with a later date."
    ends_on = version.until_on
    if ends_on is not None and ends_on != known.until_on and _is_too_soon(ends_on, at):
        return f"{version_id} would end on {ends_on}, which is no day to come."
    return None


def _is_too_soon(on: date, at: datetime) -> bool:
    return datetime.combine(on, time(), UTC) < at + LEAD
