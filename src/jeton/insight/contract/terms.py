"""Terms: what an organization has agreed on, as it is shown, and as stored charges are rated again by it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from jeton.db.pool import Connection
from jeton.pricing.terms import OwnTerms, Terms

AgreedState = Literal["coming", "in_force", "over"]

_COLUMNS = "terms_id, content, effective_from, effective_to"
_LIST = f"""
    SELECT {_COLUMNS}, reason, created_at, created_by, approved_by, ended_at, ended_by, end_reason
    FROM terms WHERE organization_id = %s ORDER BY effective_from DESC, terms_id DESC LIMIT %s
"""  # noqa: S608 - the columns are constants
_OWN = f"SELECT {_COLUMNS} FROM terms WHERE organization_id = %s ORDER BY terms_id"  # noqa: S608 - as above
_BY_ID = f"SELECT {_COLUMNS} FROM terms WHERE terms_id = ANY(%s)"  # noqa: S608 - as above
_EVERYBODYS = f"""
    SELECT {_COLUMNS}, organization_id FROM terms WHERE effective_to IS NULL OR effective_to > %s
    ORDER BY terms_id
"""  # noqa: S608 - as above
# More than anybody agrees on; older ones are in the audit log.
LISTED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Agreed:
    """One agreement with its history: why, who entered it, who approved it, who ended it early."""

    terms: Terms
    reason: str
    created_at: datetime
    created_by: str
    approved_by: str
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None

    def state(self, at: datetime) -> AgreedState:
        """Whether it applies at an instant, will, or does no more."""
        if self.terms.is_in_force(at):
            return "in_force"
        return "over" if self.terms.is_void or self.terms.effective_from <= at else "coming"


async def list_agreed(connection: Connection, organization_id: UUID) -> list[Agreed]:
    """All that an organization has agreed on, newest first."""
    rows = await (await connection.execute(_LIST, (organization_id, LISTED_MAX))).fetchall()
    return [Agreed(Terms.from_row(row), *row[4:]) for row in rows]


async def read_own_terms(connection: Connection, organization_id: UUID) -> OwnTerms:
    """The terms of an organization, to be found by model and instant."""
    rows = await (await connection.execute(_OWN, (organization_id,))).fetchall()
    return OwnTerms(Terms.from_row(row) for row in rows)


async def read_everybodys_terms(connection: Connection, at: datetime) -> dict[UUID, OwnTerms]:
    """The terms in force at an instant, or later, of every organization that has any."""
    found: dict[UUID, list[Terms]] = {}
    async for row in await connection.execute(_EVERYBODYS, (at,)):
        found.setdefault(row[4], []).append(Terms.from_row(row))
    return {organization_id: OwnTerms(terms) for organization_id, terms in found.items()}


async def find_terms(connection: Connection, terms_ids: Collection[str | None]) -> dict[str, Terms]:
    """Terms by the ids that charges name; those without one are passed over."""
    wanted = [terms_id for terms_id in terms_ids if terms_id]
    if not wanted:
        return {}
    rows = await (await connection.execute(_BY_ID, (wanted,))).fetchall()
    return {row[0]: Terms.from_row(row) for row in rows}


def find_pinned(known: Mapping[str, Terms], terms_id: str | None) -> Terms | None:
    """The terms that a charge names; None where it names none, or none that is known."""
    return None if terms_id is None else known.get(terms_id)


def render_terms(terms: Terms) -> dict[str, object]:
    """What is agreed, exact: a factor, or rates in dollars a million tokens (searches: a thousand)."""
    content = terms.content()
    return {
        "id": terms.terms_id,
        "scope": content["scope"],
        "factor": content["factor"],
        "rates": content["rates"],
        "effective_from": terms.effective_from.isoformat(),
        "effective_to": _render_time(terms.effective_to),
    }


def render_agreed(agreed: Agreed, at: datetime) -> dict[str, object]:
    """An agreement with its history, as pages and the API give it."""
    return {
        "type": "terms",
        **render_terms(agreed.terms),
        "state": agreed.state(at),
        "reason": agreed.reason,
        "created_at": agreed.created_at.isoformat(),
        "created_by": agreed.created_by,
        "approved_by": agreed.approved_by,
        "ended_at": _render_time(agreed.ended_at),
        "ended_by": agreed.ended_by,
        "end_reason": agreed.end_reason,
    }


def _render_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
