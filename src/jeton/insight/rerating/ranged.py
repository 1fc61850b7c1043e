"""Ranged: the charges of a time at another price of their model, one by one; nothing is written.

A charge is rated again from its stored usage, under its own conditions and the terms that were pinned to it,
so the difference is exact, to the nano. One that its own price does not explain to the nano is left alone.
"""

import hashlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.contract.terms import find_pinned, find_terms
from jeton.money import render_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.rating import Conditions, rate
from jeton.pricing.terms import Terms, agree
from jeton.usage import Usage

ROWS_AT_ONCE = 1_000
CHARGES_MAX = 100_000

# Whose charges there may be: from the sums by day, so that no history is read in vain.
_ORGANIZATIONS = """
    SELECT DISTINCT r.organization_id, o.name
    FROM usage_rollups AS r JOIN organizations AS o USING (organization_id)
    WHERE r.model = %(model)s AND r.day_on >= (%(from_at)s::timestamptz AT TIME ZONE 'UTC')::date
      AND r.day_on <= (%(until_at)s::timestamptz AT TIME ZONE 'UTC')::date
      AND (%(organization_id)s::uuid IS NULL OR r.organization_id = %(organization_id)s)
    ORDER BY r.organization_id
"""
_CHARGES = """
    SELECT c.request_id, c.held_at, c.price_version_id, c.net_nano, c.terms_id,
           coalesce(r.amount_nano, -d.amount_nano), e.input_tokens,
           e.cache_creation_5m_input_tokens, e.cache_creation_1h_input_tokens, e.cache_read_input_tokens,
           e.output_tokens, e.web_search_requests, e.service_tier, e.inference_geo, e.speed
    FROM charges AS c JOIN usage_events AS e USING (request_id) LEFT JOIN reversals AS r USING (request_id)
    LEFT JOIN supplemented_charges AS d USING (request_id)
    WHERE c.organization_id = %(organization_id)s AND c.model = %(model)s AND c.state = 'settled'
      AND e.state = 'accepted' AND c.held_at >= %(from_at)s AND c.held_at < %(until_at)s
    ORDER BY c.held_at, c.request_id LIMIT %(limit)s
"""
_VERSIONS = "SELECT price_version_id, content FROM price_versions WHERE price_version_id LIKE %s"

# Lower: something goes back. Unexplained: its own price does not give what was charged.
Outcome = Literal["lower", "higher", "same", "not_sold", "unexplained"]


@dataclass(frozen=True, slots=True)
class Span:
    """Which charges, at which price: of one organization, or (None) of all."""

    model: str
    price_version_id: str
    from_at: datetime
    until_at: datetime
    organization_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Rerated:
    """One charge again; ``rerated_nano`` None where it cannot be.

    ``corrected_nano`` went back before; below zero it was supplemented. Such a charge is left alone.
    """

    organization_id: UUID
    request_id: str
    held_at: datetime
    charged_nano: int
    rerated_nano: int | None
    corrected_nano: int | None
    outcome: Outcome

    @property
    def back_nano(self) -> int:
        """What would go back; nothing where the other price is not lower."""
        return (
            self.charged_nano - self.rerated_nano
            if self.outcome == "lower" and self.rerated_nano is not None
            else 0
        )

    @property
    def more_nano(self) -> int:
        """What was charged too little; nothing where the other price is not higher."""
        return (
            self.rerated_nano - self.charged_nano
            if self.outcome == "higher" and self.rerated_nano is not None
            else 0
        )


@dataclass(slots=True)
class OrganizationRerated:
    """All charges of one organization; nano. What was reversed or supplemented before counts in no sum."""

    organization_id: UUID
    name: str
    requests: int = 0
    charged_nano: int = 0
    rerated_nano: int = 0
    lower: int = 0
    back_nano: int = 0
    higher: int = 0
    higher_nano: int = 0
    left_alone: int = 0

    def add(self, one: Rerated) -> None:
        """Count one charge."""
        self.requests += 1
        if one.corrected_nano is not None or one.rerated_nano is None:
            self.left_alone += 1
            return
        self.charged_nano += one.charged_nano
        self.rerated_nano += one.rerated_nano
        self.lower += one.outcome == "lower"
        self.back_nano += one.back_nano
        self.higher += one.outcome == "higher"
        self.higher_nano += one.more_nano


@dataclass(slots=True)
class DryRun:
    """A span re-rated; ``digest`` is over every charge with both amounts, whatever was reversed meanwhile."""

    organizations: list[OrganizationRerated]
    digest: str
    is_cut_off: bool

    @property
    def lower(self) -> int:
        """How many charges become less."""
        return sum(one.lower for one in self.organizations)

    @property
    def higher(self) -> int:
        """How many charges would become more."""
        return sum(one.higher for one in self.organizations)

    @property
    def back_nano(self) -> int:
        """What goes back in all."""
        return sum(one.back_nano for one in self.organizations)

    @property
    def higher_nano(self) -> int:
        """What was charged too little in all."""
        return sum(one.higher_nano for one in self.organizations)


async def dry_run(connection: Connection, span: Span) -> DryRun:
    """The span at its other price, organization by organization; CHARGES_MAX charges are read at most."""
    rows = await (await connection.execute(_ORGANIZATIONS, _values(span))).fetchall()
    names: dict[UUID, str] = {row[0]: row[1] for row in rows}
    found: dict[UUID, OrganizationRerated] = {}
    digest, count = hashlib.sha256(), 0
    async for one in read_rerated(connection, span, list(names)):
        count += 1
        if count > CHARGES_MAX:
            return DryRun(list(found.values()), f"sha256:{digest.hexdigest()}", is_cut_off=True)
        into = found.setdefault(
            one.organization_id, OrganizationRerated(one.organization_id, names[one.organization_id])
        )
        into.add(one)
        digest.update(f"{one.request_id} {one.charged_nano} {one.rerated_nano}\n".encode())
    return DryRun(list(found.values()), f"sha256:{digest.hexdigest()}", is_cut_off=False)


async def read_rerated(
    connection: Connection, span: Span, organization_ids: list[UUID] | None = None
) -> AsyncGenerator[Rerated, None]:
    """The charges of a span one by one, by organization and time; one more than CHARGES_MAX at most."""
    values = _values(span)
    if organization_ids is None:
        rows = await (await connection.execute(_ORGANIZATIONS, values)).fetchall()
        organization_ids = [row[0] for row in rows]
    versions = await _read_versions(connection, span.model)
    left = CHARGES_MAX + 1
    for organization_id in organization_ids:
        asked = {**values, "organization_id": organization_id, "limit": left}
        async with connection.transaction(), connection.cursor("rerated") as cursor:
            await cursor.execute(_CHARGES, asked)
            while rows := await cursor.fetchmany(ROWS_AT_ONCE):
                terms = await find_terms(connection, {row[4] for row in rows})
                for row in rows:
                    left -= 1
                    yield _rerate(organization_id, row, versions, versions[span.price_version_id], terms)


def _rerate(
    organization_id: UUID,
    row: tuple[Any, ...],
    versions: Mapping[str, PriceVersion],
    version: PriceVersion,
    terms: Mapping[str, Terms],
) -> Rerated:
    request_id, held_at, version_id, charged_nano, terms_id, corrected_nano, *counts = row
    usage, conditions = Usage(*counts[:6]), agree(Conditions(*counts[6:]), find_pinned(terms, terms_id))
    rerated_nano: int | None = None
    outcome: Outcome = "unexplained"
    if rate(usage, versions[version_id], conditions).net_nano == charged_nano:
        try:
            rerated_nano = rate(usage, version, conditions).net_nano
            outcome = (
                "lower"
                if rerated_nano < charged_nano
                else "higher"
                if rerated_nano > charged_nano
                else "same"
            )
        except (NotPricedError, FastBatchError):
            outcome = "not_sold"
    return Rerated(organization_id, request_id, held_at, charged_nano, rerated_nano, corrected_nano, outcome)


async def _read_versions(connection: Connection, model: str) -> dict[str, PriceVersion]:
    pattern = model.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await (await connection.execute(_VERSIONS, (f"{pattern}@%",))).fetchall()
    return {row[0]: PriceVersion.from_content(row[1]) for row in rows}


def _values(span: Span) -> dict[str, object]:
    return {
        "model": span.model,
        "from_at": span.from_at,
        "until_at": span.until_at,
        "organization_id": span.organization_id,
    }


def render_dry_run(found: DryRun) -> dict[str, object]:
    """A dry run as it is kept and as JSON, exact dollars."""
    return {
        "currency": "USD",
        "digest": found.digest,
        "data": [
            {
                "organization_id": str(one.organization_id),
                "organization": one.name,
                "requests": one.requests,
                "charged_amount": render_usd(one.charged_nano),
                "rerated_amount": render_usd(one.rerated_nano),
                "requests_that_become_less": one.lower,
                "goes_back": render_usd(one.back_nano),
                "requests_that_would_become_more": one.higher,
                "would_be_more": render_usd(one.higher_nano),
                "requests_left_alone": one.left_alone,
            }
            for one in found.organizations
        ],
        "requests_that_become_less": found.lower,
        "goes_back": render_usd(found.back_nano),
    }
