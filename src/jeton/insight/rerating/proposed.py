"""Proposed: what past usage would have cost under terms that are not agreed on; nothing is written.

Every settled charge of the time is rated again from its stored usage, at the price version that was in force
then; so the amount is that of real requests, each rounded by itself, and never an estimate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from jeton.db.pool import Connection
from jeton.money import render_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions, rate
from jeton.pricing.terms import OwnTerms, Terms, agree
from jeton.usage import Usage

ROWS_AT_ONCE = 2_000

# By the instant of the hold, as reports count usage; ids begin with the milliseconds of their making.
_CHARGES = """
    SELECT c.model, c.price_version_id, c.net_nano, c.list_nano, e.input_tokens,
           e.cache_creation_5m_input_tokens, e.cache_creation_1h_input_tokens, e.cache_read_input_tokens,
           e.output_tokens, e.web_search_requests, e.service_tier, e.inference_geo, e.speed
    FROM charges AS c JOIN usage_events AS e USING (request_id)
    WHERE c.organization_id = %(organization_id)s AND c.state = 'settled' AND e.state = 'accepted'
      AND c.held_at >= %(from_at)s AND c.held_at < %(until_at)s
"""
_VERSIONS = "SELECT price_version_id, content FROM price_versions"


@dataclass(slots=True)
class ProposedModel:
    """One model's requests in the time: at list, as charged and under the proposed terms (nano)."""

    model: str
    requests: int = 0
    list_nano: int = 0
    charged_nano: int = 0
    proposed_nano: int = 0


@dataclass(slots=True)
class Proposal:
    """A time under proposed terms; ``charged_nano`` is before reversals."""

    from_at: datetime
    until_at: datetime
    models: dict[str, ProposedModel] = field(default_factory=dict)

    @property
    def total(self) -> ProposedModel:
        """All models together."""
        found = self.models.values()
        return ProposedModel(
            "",
            sum(one.requests for one in found),
            sum(one.list_nano for one in found),
            sum(one.charged_nano for one in found),
            sum(one.proposed_nano for one in found),
        )


async def propose(
    connection: Connection, organization_id: UUID, terms: OwnTerms, *, from_at: datetime, until_at: datetime
) -> Proposal:
    """The charges of a time under terms as if they had applied all of it, whatever their dates say."""
    rows = await (await connection.execute(_VERSIONS)).fetchall()
    versions = {row[0]: PriceVersion.from_content(row[1]) for row in rows}
    proposal = Proposal(from_at, until_at)
    values = {"organization_id": organization_id, "from_at": from_at, "until_at": until_at}
    async with connection.transaction(), connection.cursor("proposed") as cursor:
        await cursor.execute(_CHARGES, values)
        while rows := await cursor.fetchmany(ROWS_AT_ONCE):
            for row in rows:
                _add(proposal, row, versions, terms)
    return proposal


def _add(
    proposal: Proposal, row: tuple[Any, ...], versions: Mapping[str, PriceVersion], terms: OwnTerms
) -> None:
    version = versions[row[1]]
    into = proposal.models.setdefault(row[0], ProposedModel(row[0]))
    conditions = agree(Conditions(*row[10:13]), find_proposed(terms, version))
    into.requests += 1
    into.charged_nano += row[2]
    into.list_nano += row[3]
    into.proposed_nano += rate(Usage(*row[4:10]), version, conditions).net_nano


def find_proposed(terms: OwnTerms, version: PriceVersion) -> Terms | None:
    """What would apply to a model: of the proposed terms the most specific, the first of those."""
    covering = [one for one in terms.terms if one.scope.covers(version)]
    order = {"model": 0, "line": 1, "all": 2}
    return min(covering, key=lambda one: order[one.scope.kind], default=None)


def render_proposal(proposal: Proposal) -> dict[str, object]:
    """A proposal as JSON, exact dollars; below zero the organization would have paid less."""
    return {
        "type": "proposed_terms",
        "is_charge": False,
        "from": proposal.from_at.isoformat(),
        "until": proposal.until_at.isoformat(),
        "currency": "USD",
        "data": [_render_model(one) for one in proposal.models.values()],
        "total": _render_model(proposal.total),
    }


def _render_model(one: ProposedModel) -> dict[str, object]:
    return {
        "model": one.model,
        "requests": one.requests,
        "list_amount": render_usd(one.list_nano),
        "charged_amount": render_usd(one.charged_nano),
        "proposed_amount": render_usd(one.proposed_nano),
        "difference": render_usd(one.proposed_nano - one.charged_nano),
    }
