"""Difference: what one price book says and another does not, version by version, rate by rate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from jeton.pricing.book import PriceBook, PriceVersion


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``changed`` names the place and both values.

    A version whose prices changed in place contradicts what installations have on record (P10):
    ``is_price`` tells it from a changed name, limit or end.
    """

    kind: Literal["added", "removed", "changed"]
    price_version_id: str
    place: str = ""
    old: str = ""
    new: str = ""
    is_price: bool = True


def list_differences(old: PriceBook, new: PriceBook) -> tuple[Difference, ...]:
    """Every difference from ``old`` to ``new``, by version and place."""
    before = {version.price_version_id: version for version in old.versions}
    after = {version.price_version_id: version for version in new.versions}
    found: list[Difference] = []
    for version_id in sorted(before.keys() | after.keys()):
        if version_id not in before:
            found.append(Difference("added", version_id))
        elif version_id not in after:
            found.append(Difference("removed", version_id))
        else:
            found.extend(_changes(before[version_id], after[version_id]))
    return tuple(found)


def _changes(old: PriceVersion, new: PriceVersion) -> Iterator[Difference]:
    before, after = dict(_flatten(old.content(), "")), dict(_flatten(new.content(), ""))
    for place in sorted(before.keys() | after.keys()):
        was, becomes = before.get(place, "none"), after.get(place, "none")
        if was != becomes:
            is_price = place.startswith("price.")
            yield Difference("changed", old.price_version_id, place, was, becomes, is_price)


def _flatten(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Every leaf of a version's content with its place: ``price.bands.0.standard.input``."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _flatten(item, f"{place}.{position}")
    elif value is not None:
        yield place, str(value)
