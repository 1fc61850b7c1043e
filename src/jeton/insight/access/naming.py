"""Naming: the models that somebody wants a key restricted to, by their ids in the price book."""

from collections.abc import Sequence

from jeton.identity.restricting.restrictions import Restriction, RestrictionError, parse_restriction
from jeton.pricing.book import PriceBook


def name_restriction(book: PriceBook, models: Sequence[str], *, networks: Sequence[str]) -> Restriction:
    """The restriction with every model by its id, also where an alias was named.

    RestrictionError for a model that has no price: it could not be asked anyway.
    """
    ids = []
    for name in (name.strip() for name in models):
        timeline = book.timeline(name) if name else ()
        if name and not timeline:
            raise RestrictionError(f"{name[:60]!a} is no model of the price book.")
        ids += [version.model for version in timeline[-1:]]
    return parse_restriction(ids, networks)
