"""Suspensions: the operator stops an organization's new requests, and lets them go on.

Every node forgets the organization's keys when the row changes (``NOTIFY jeton_keys``), so that the next
request of each is refused. What runs finishes and is settled; accepted batches are worked off.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.errors import UnknownOrganizationError
from jeton.identity.standing.errors import NotSuspendedError, SuspendedAlreadyError, SuspensionReasonError

REASON_CHARS_MAX = 500

_FIND = "SELECT suspended_at, suspended_reason FROM organizations WHERE organization_id = %s"
_SET = "UPDATE organizations SET suspended_at = %s, suspended_reason = %s WHERE organization_id = %s"


@dataclass(frozen=True, slots=True)
class Suspension:
    """Since when an organization is suspended, and why."""

    suspended_at: datetime
    reason: str


async def find_suspension(connection: Connection, organization_id: UUID) -> Suspension | None:
    """The organization's suspension; None where it is not suspended. UnknownOrganizationError."""
    return await _find(connection, organization_id, _FIND)


async def suspend(connection: Connection, organization_id: UUID, *, reason: str, by: Actor) -> None:
    """Refuse the organization's new requests from now on, in the caller's transaction.

    Raises SuspensionReasonError, UnknownOrganizationError and SuspendedAlreadyError.
    """
    said = reason.strip()
    if not 0 < len(said) <= REASON_CHARS_MAX or not said.isprintable():
        raise SuspensionReasonError(REASON_CHARS_MAX)
    async with connection.transaction():
        if await _find(connection, organization_id, f"{_FIND} FOR NO KEY UPDATE") is not None:
            raise SuspendedAlreadyError(organization_id)
        await connection.execute(_SET, (clock.now(), said, organization_id))
        await _record(connection, organization_id, "organization.suspended", by=by, reason=said)


async def resume(connection: Connection, organization_id: UUID, *, by: Actor) -> None:
    """Let the organization's requests through again, in the caller's transaction.

    Raises UnknownOrganizationError and NotSuspendedError.
    """
    async with connection.transaction():
        found = await _find(connection, organization_id, f"{_FIND} FOR NO KEY UPDATE")
        if found is None:
            raise NotSuspendedError(organization_id)
        await connection.execute(_SET, (None, "", organization_id))
        await _record(connection, organization_id, "organization.resumed", by=by, reason=found.reason)


async def _find(connection: Connection, organization_id: UUID, query: str) -> Suspension | None:
    row = await (await connection.execute(query, (organization_id,))).fetchone()
    if row is None:
        raise UnknownOrganizationError(organization_id)
    return None if row[0] is None else Suspension(row[0], row[1])


async def _record(
    connection: Connection, organization_id: UUID, action: str, *, by: Actor, reason: str
) -> None:
    await record_audit(
        connection,
        by,
        action,
        subject=str(organization_id),
        organization_id=organization_id,
        details={"reason": reason},
    )
