"""Commitments: what an organization has agreed to use at least in a term; what is missing is billed after it.

A commitment that is paid in advance is credit of the kind ``commit`` and is granted, not agreed on here.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from jeton.billing.invoicing.errors import CommitmentError
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.words import Commitment
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.money import NANO_MAX, render_usd
from jeton.pricing.terms import is_quarter

REASON_CHARS_MAX = 500
COMMITMENTS_LISTED_MAX = 1_000

_ADD = """
    INSERT INTO commitments (commitment_id, organization_id, amount_nano, starts_at, ends_at, reason,
                             agreed_at, agreed_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_END = """
    UPDATE commitments SET ended_at = %s
    WHERE commitment_id = %s AND organization_id = %s AND ended_at IS NULL AND ends_at > %s
"""
_LIST = """
    SELECT commitment_id, organization_id, amount_nano, starts_at, ends_at, reason, agreed_by FROM commitments
    WHERE organization_id = %s AND ended_at IS NULL ORDER BY starts_at, commitment_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Agreed:
    """So much net amount (nano) in a term, half-open, at quarters of an hour; and why."""

    amount_nano: int
    starts_at: datetime
    ends_at: datetime
    reason: str


async def agree_commitment(
    connection: Connection, organization_id: UUID, agreed: Agreed, *, by: Actor, at: datetime
) -> Commitment:
    """Note a commitment, in the caller's transaction; CommitmentError, UnknownOrganizationError."""
    if not 0 < agreed.amount_nano <= NANO_MAX:
        raise CommitmentError("A commitment is of more than 0 dollars.")
    if not (is_quarter(agreed.starts_at) and is_quarter(agreed.ends_at)):
        raise CommitmentError("A term begins and ends at a quarter of an hour.")
    if not agreed.starts_at < agreed.ends_at or agreed.ends_at <= at:
        raise CommitmentError("A term ends after it begins, and later than now.")
    if not 0 < len(agreed.reason) <= REASON_CHARS_MAX:
        raise CommitmentError(f"A commitment needs a reason of 1 to {REASON_CHARS_MAX} characters.")
    await get_profile(connection, organization_id)
    commitment_id = new_id("commit")
    values = (agreed.amount_nano, agreed.starts_at, agreed.ends_at, agreed.reason)
    await connection.execute(_ADD, (commitment_id, organization_id, *values, at, by.name))
    commitment = Commitment(commitment_id, organization_id, *values, agreed_by=by.name)
    await _record(connection, by, "commitment.agreed", commitment=commitment, reason=agreed.reason)
    return commitment


async def end_commitment(
    connection: Connection, commitment: Commitment, *, reason: str, by: Actor, at: datetime
) -> None:
    """Let go of a commitment whose term still runs; CommitmentError for one that is over or let go of."""
    values = (at, commitment.commitment_id, commitment.organization_id, at)
    if not (await connection.execute(_END, values)).rowcount:
        raise CommitmentError(f"{commitment.commitment_id} is over, so it can only be credited.")
    await _record(connection, by, "commitment.ended", commitment=commitment, reason=reason)


async def list_commitments(connection: Connection, organization_id: UUID) -> list[Commitment]:
    """Those that count, the oldest first."""
    async with connection.cursor(row_factory=class_row(Commitment)) as cursor:
        await cursor.execute(_LIST, (organization_id, COMMITMENTS_LISTED_MAX))
        return await cursor.fetchall()


async def _record(
    connection: Connection, by: Actor, action: str, *, commitment: Commitment, reason: str
) -> None:
    await record_audit(
        connection,
        by,
        action,
        subject=commitment.commitment_id,
        organization_id=commitment.organization_id,
        details={
            "amount": render_usd(commitment.amount_nano),
            "starts_at": commitment.starts_at.isoformat(),
            "ends_at": commitment.ends_at.isoformat(),
            "reason": reason,
        },
    )
