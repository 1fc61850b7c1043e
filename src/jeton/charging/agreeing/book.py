"""The terms of every organization that has any, in memory: one look at a dictionary for a request."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from jeton.pricing.book import PriceVersion
from jeton.pricing.terms import OwnTerms, Terms


class TermsBook:
    """The terms of organizations as a node knows them; who has none costs nothing more."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        """Nobody has agreed on anything."""
        self._kept: dict[UUID, OwnTerms] = {}

    def find(self, organization_id: UUID, version: PriceVersion, at: datetime) -> Terms | None:
        """What applies to a request for a model at an instant; None: the published prices."""
        own = self._kept.get(organization_id)
        return None if own is None else own.find(version, at)

    def set(self, organization_id: UUID, terms: Iterable[Terms]) -> None:
        """Know the terms of one organization, in place of those before."""
        own = OwnTerms(terms)
        if own.terms:
            self._kept[organization_id] = own
        else:
            self._kept.pop(organization_id, None)

    def set_all(self, terms: Mapping[UUID, Iterable[Terms]]) -> None:
        """Know the terms of every organization; others have none."""
        kept = {organization_id: OwnTerms(some) for organization_id, some in terms.items()}
        self._kept = {organization_id: own for organization_id, own in kept.items() if own.terms}
