"""Limits: an invoiced organization may owe up to its credit limit; a prepaid one has none."""

from uuid import UUID

from jeton.charging.credits.books import open_desk
from jeton.charging.credits.errors import CreditRequestError
from jeton.charging.credits.granting import GRANT_MAX_NANO
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.money import render_usd

_FIND_ARREARS = "SELECT arrears_number FROM organizations WHERE organization_id = %s AND arrears <> ''"
_SET_KIND = "UPDATE organizations SET kind = %s WHERE organization_id = %s"
_SET_OUTAGE_CAP = "UPDATE organizations SET outage_cap_nano = %s WHERE organization_id = %s"
# The version counts up, so that no node decides on the limit that it remembers.
_SET_LIMIT = """
    UPDATE balances SET credit_limit_nano = %s, version = version + 1 WHERE organization_id = %s
"""


async def set_credit_limit(
    connection: Connection, organization_id: UUID, limit_nano: int, *, by: Actor
) -> None:
    """Invoice the organization from now on, up to a limit (0: prepaid again); in the caller's transaction.

    What is owed already stays owed. Raises NotFoundError, and CreditRequestError, also for a higher limit
    while a document is overdue.
    """
    if not 0 <= limit_nano <= GRANT_MAX_NANO:
        raise CreditRequestError(
            f"A credit limit is from 0 to {render_usd(GRANT_MAX_NANO)} dollars, not {render_usd(limit_nano)}."
        )
    kind = "invoiced" if limit_nano else "prepaid"
    async with connection.transaction():
        async with open_desk(connection, organization_id) as desk:
            before_nano = desk.book.credit_limit_nano
        if limit_nano > before_nano:
            await _refuse_in_arrears(connection, organization_id)
        await connection.execute(_SET_KIND, (kind, organization_id))
        await connection.execute(_SET_LIMIT, (limit_nano, organization_id))
        await record_audit(
            connection,
            by,
            "organization.limit_set",
            subject=str(organization_id),
            organization_id=organization_id,
            details={"kind": kind, "limit": render_usd(limit_nano), "before": render_usd(before_nano)},
        )


async def set_outage_cap(connection: Connection, organization_id: UUID, cap_nano: int, *, by: Actor) -> None:
    """Serve an invoiced organization up to ``cap_nano`` a node while the database is away; 0 stops it then.

    In the caller's transaction. Raises NotFoundError, CreditRequestError.
    """
    if not 0 <= cap_nano <= GRANT_MAX_NANO:
        raise CreditRequestError(
            f"A cap is from 0 to {render_usd(GRANT_MAX_NANO)} dollars, not {render_usd(cap_nano)}."
        )
    async with connection.transaction():
        async with open_desk(connection, organization_id) as desk:
            limit_nano = desk.book.credit_limit_nano
        if cap_nano and not limit_nano:
            raise CreditRequestError(
                "Only an invoiced organization can be served while the database is away: set its credit "
                "limit first, with jeton organizations set-invoiced."
            )
        await connection.execute(_SET_OUTAGE_CAP, (cap_nano, organization_id))
        await record_audit(
            connection,
            by,
            "organization.outage_cap_set",
            subject=str(organization_id),
            organization_id=organization_id,
            details={"cap": render_usd(cap_nano)},
        )


async def _refuse_in_arrears(connection: Connection, organization_id: UUID) -> None:
    row = await (await connection.execute(_FIND_ARREARS, (organization_id,))).fetchone()
    if row is not None:
        raise CreditRequestError(
            f"The credit limit is not raised while {row[0]} is overdue: record its payment, or agree to wait "
            "for it with jeton payments wait."
        )
