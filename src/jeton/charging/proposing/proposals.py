"""Proposals: price files that one operator proposed, and the word of another on each.

What is approved is known to every process a moment later (``following``) and in force from its day on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jeton import clock
from jeton.charging.proposing.errors import (
    PriceProposalDecidedError,
    PriceProposalNotFoundError,
    PriceProposalRefusedError,
    SecondPersonError,
)
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.pricing.loading import PriceFile
from jeton.pricing.proposing.proposal import ProposedPrices

PROPOSALS_LISTED_MAX = 50
OPEN_MAX = 20
REASON_CHARS_MAX = 500
FILE_NAME_CHARS_MAX = 200

ProposalState = Literal["open", "approved", "declined"]

_COLUMNS = (
    "proposal_id, file_name, content, digest, price_versions, reason, simulation, proposed_by, proposed_at,"
    " state, decided_by, decided_at, decided_reason"
)
_LIST = f"SELECT {_COLUMNS} FROM price_proposals ORDER BY proposal_id DESC LIMIT %s"  # noqa: S608 - made of constants
_GET = f"SELECT {_COLUMNS} FROM price_proposals WHERE proposal_id = %s FOR UPDATE"  # noqa: S608 - made of constants
_INSERT = """
    INSERT INTO price_proposals (proposal_id, file_name, content, digest, price_versions, reason, simulation,
                                 proposed_by, proposed_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_DECIDE = """
    UPDATE price_proposals SET state = %s, decided_by = %s, decided_at = %s, decided_reason = %s
    WHERE proposal_id = %s
"""

_APPROVED = """
    SELECT proposal_id, file_name, content FROM price_proposals
    WHERE state = 'approved' AND proposal_id <> ALL (%s) ORDER BY decided_at, proposal_id
"""


@dataclass(frozen=True, slots=True)
class PriceProposal:
    """A proposed file; ``price_versions`` has the digest of each version that it adds, by id."""

    proposal_id: str
    file_name: str
    content: str
    digest: str
    price_versions: dict[str, str]
    reason: str
    simulation: dict[str, Any]
    proposed_by: str
    proposed_at: datetime
    state: ProposalState
    decided_by: str
    decided_at: datetime | None
    decided_reason: str


async def propose_prices(
    connection: Connection,
    prices: ProposedPrices,
    *,
    reason: str,
    simulation: Mapping[str, object],
    by: Actor,
) -> str:
    """Keep a file that may be added as proposed; return the proposal's id. PriceProposalRefusedError."""
    _check_reason(reason)
    name = prices.name[:FILE_NAME_CHARS_MAX]
    waiting = [one for one in await list_proposals(connection) if one.state == "open"]
    if len(waiting) >= OPEN_MAX:
        raise PriceProposalRefusedError([f"{OPEN_MAX} proposed prices wait for a word already."])
    proposal_id = new_id("prp")
    digests = {version.price_version_id: version.digest for version in prices.added}
    await connection.execute(
        _INSERT,
        (
            proposal_id,
            name,
            prices.text,
            prices.digest,
            Jsonb(digests),
            reason,
            Jsonb(dict(simulation)),
            by.name,
            clock.now(),
        ),
    )
    details = {"file": name, "digest": prices.digest, "price_versions": [*digests], "reason": reason}
    await record_audit(connection, by, "prices.proposed", subject=proposal_id, details=details)
    return proposal_id


async def decide_proposal(
    connection: Connection,
    proposal_id: str,
    state: Literal["approved", "declined"],
    *,
    reason: str,
    by: Actor,
) -> PriceProposal:
    """Approve a proposal, which whoever proposed cannot, or decline it; in the caller's transaction.

    Raises PriceProposalNotFoundError, PriceProposalDecidedError, SecondPersonError and
    PriceProposalRefusedError.
    """
    proposal = await get_proposal(connection, proposal_id)
    if proposal.state != "open":
        raise PriceProposalDecidedError(proposal_id, proposal.state)
    if state == "approved" and by.name == proposal.proposed_by:
        raise SecondPersonError(proposal.proposed_by)
    if state == "declined":
        _check_reason(reason)
    if len(reason) > REASON_CHARS_MAX:
        _check_reason(reason)
    await connection.execute(_DECIDE, (state, by.name, clock.now(), reason, proposal_id))
    details = {"digest": proposal.digest, "proposed_by": proposal.proposed_by, "reason": reason}
    await record_audit(connection, by, f"prices.{state}", subject=proposal_id, details=details)
    return await get_proposal(connection, proposal_id)


async def get_proposal(connection: Connection, proposal_id: str) -> PriceProposal:
    """A proposal, locked against other decisions in this transaction; PriceProposalNotFoundError."""
    proposal = None
    if proposal_id.isprintable():
        async with connection.cursor(row_factory=class_row(PriceProposal)) as cursor:
            await cursor.execute(_GET, (proposal_id,))
            proposal = await cursor.fetchone()
    if proposal is None:
        raise PriceProposalNotFoundError(proposal_id)
    return proposal


async def list_approved(connection: Connection, known: Collection[str]) -> list[tuple[str, PriceFile]]:
    """The approved files but those that are known, by id, in the order of their approval."""
    rows = await (await connection.execute(_APPROVED, ([*known],))).fetchall()
    return [(proposal_id, PriceFile(name, text.encode())) for proposal_id, name, text in rows]


async def list_proposals(connection: Connection) -> list[PriceProposal]:
    """The newest proposals, PROPOSALS_LISTED_MAX at most."""
    async with connection.cursor(row_factory=class_row(PriceProposal)) as cursor:
        await cursor.execute(_LIST, (PROPOSALS_LISTED_MAX,))
        return await cursor.fetchall()


def render_proposal(proposal: PriceProposal) -> dict[str, object]:
    """A proposal as the page's twin has it, without the file's text."""
    return {
        "id": proposal.proposal_id,
        "type": "price_proposal",
        "state": proposal.state,
        "file_name": proposal.file_name,
        "digest": proposal.digest,
        "price_versions": proposal.price_versions,
        "reason": proposal.reason,
        "simulation": proposal.simulation,
        "proposed_by": proposal.proposed_by,
        "proposed_at": proposal.proposed_at.isoformat(),
        "decided_by": proposal.decided_by or None,
        "decided_at": None if proposal.decided_at is None else proposal.decided_at.isoformat(),
        "decided_reason": proposal.decided_reason or None,
    }


def _check_reason(reason: str) -> None:
    if not 0 < len(reason) <= REASON_CHARS_MAX or not reason.isprintable():
        raise PriceProposalRefusedError(
            [f"It needs a reason of 1 to {REASON_CHARS_MAX} printable characters."]
        )
