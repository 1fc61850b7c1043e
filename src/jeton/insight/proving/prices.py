"""Prices that stored charges are rated again by: every version and all terms on record."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions, Rating, rate
from jeton.pricing.terms import OwnTerms, Terms, agree
from jeton.usage import Usage

_VERSIONS = "SELECT price_version_id, content FROM price_versions"
_TERMS = """
    SELECT terms_id, content, effective_from, effective_to, organization_id FROM terms ORDER BY terms_id
"""


@dataclass(frozen=True, slots=True)
class Priced:
    """What a charge says it was rated by: a version, terms (None: none), at which instant, for whom."""

    request_id: str
    price_version_id: str
    terms_id: str | None
    organization_id: UUID
    held_at: datetime


class Prices:
    """Versions by id, and the terms of every organization."""

    def __init__(self, versions: dict[str, PriceVersion], terms: dict[UUID, list[Terms]]) -> None:
        """As they are stored."""
        self.versions = versions
        self._known = {one.terms_id: one for some in terms.values() for one in some}
        self._own = {organization_id: OwnTerms(some) for organization_id, some in terms.items()}

    def rate(self, usage: Usage, priced: Priced, conditions: Conditions) -> Rating:
        """Usage by the version, which is known, and by the terms that the charge names."""
        terms = self._known.get(priced.terms_id or "")
        return rate(usage, self.versions[priced.price_version_id], agree(conditions, terms))

    def check_terms(self, proof: Proof, priced: Priced) -> None:
        """The terms that a charge names are those that applied when its hold was taken."""
        own = self._own.get(priced.organization_id)
        applied = own and own.find(self.versions[priced.price_version_id], priced.held_at)
        applied_id = applied.terms_id if applied else None
        if applied_id != priced.terms_id:
            proof.find(
                f"Charge {priced.request_id} was rated under {priced.terms_id or 'no terms'}, and "
                f"{applied_id or 'none'} applied when its hold was taken."
            )


async def read_prices(connection: Connection) -> Prices:
    """All there are."""
    versions = {
        row[0]: PriceVersion.from_content(row[1])
        async for row in read_rows(connection, "versions", _VERSIONS)
    }
    terms: dict[UUID, list[Terms]] = {}
    async for row in read_rows(connection, "terms", _TERMS):
        terms.setdefault(row[4], []).append(Terms.from_row(row))
    return Prices(versions, terms)
