"""Credit: what organizations have over goes to what they have to pay, by itself, after documents were issued.

Payments on a document that was cancelled are freed, and what a credit note is worth beyond what was due on
the document it corrects is credit, too.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from jeton.billing.receivables.applying import Act, free_payments, pour_credit
from jeton.billing.receivables.dunning.standing import settle_standing
from jeton.billing.receivables.storage import insert_row
from jeton.billing.receivables.words import ReceivedPayment
from jeton.charging.credits.books import open_desk
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import SYSTEM
from jeton.ids import new_id

ORGANIZATIONS_MAX = 10_000

# Credit notes that are yet to be looked at: goodwill is set off against its document as far as that is due
# (``credited_minor`` of both), and an adjustment of late usage is for no document at all.
_NOTES = """
    FROM documents AS n
    WHERE n.kind = 'credit_note' AND n.purpose IN ('adjustment', 'allowance')
        AND n.total_minor > n.credited_minor
        AND NOT EXISTS (SELECT FROM received_payments AS r
                        WHERE r.method = 'credit_note' AND r.external_id = n.document_id)
"""
_NOTES_OF = f"""
    SELECT n.document_id, n.number, n.currency, n.issued_on, n.total_minor - n.credited_minor AS left_minor,
           (n.total_nano - round(n.total_nano::numeric * n.credited_minor / n.total_minor))::bigint
               AS left_nano
    {_NOTES} AND n.organization_id = %s ORDER BY n.document_id
"""
_CANCELLED = """
    SELECT document_id FROM documents WHERE organization_id = %s AND state = 'void' AND paid_minor > 0
    ORDER BY document_id
"""
_ORGANIZATIONS = f"""
    SELECT r.organization_id FROM received_payments AS r JOIN documents AS d
        ON d.organization_id = r.organization_id AND d.currency = r.currency
    WHERE r.unapplied_minor > 0 AND r.is_automatic AND d.state IN ('issued', 'overdue')
        AND d.kind <> 'credit_note' AND d.total_minor > d.paid_minor + d.credited_minor + d.written_off_minor
    UNION SELECT organization_id FROM documents
    WHERE state = 'void' AND paid_minor > 0 AND kind <> 'credit_note' AND purpose = 'period'
    UNION SELECT n.organization_id {_NOTES}
    LIMIT %s
"""  # noqa: S608 - text of our own


async def put_all_credit(pool: Pool, at: datetime) -> Mapping[str, int]:
    """Do so for every organization that has something over; a second time changes nothing."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_ORGANIZATIONS, (ORGANIZATIONS_MAX,))
        organizations = sorted([row[0] async for row in cursor])
    counts = {"organizations": 0, "applied": 0}
    for organization_id in organizations:
        async with pool.connection() as connection:
            applied = await put_credit(connection, organization_id, at=at)
        counts["organizations"] += 1
        counts["applied"] += applied
    return counts


async def put_credit(connection: Connection, organization_id: UUID, *, at: datetime) -> int:
    """Put an organization's credit on what it has to pay, the longest due first, in the caller's transaction.

    How many parts of payments went to documents. NotFoundError for an unknown organization.
    """
    act = Act(SYSTEM, at, "by itself")
    async with connection.transaction():
        async with open_desk(connection, organization_id, at=at) as desk:
            cursor = await connection.execute(_CANCELLED, (organization_id,))
            for (document_id,) in await cursor.fetchall():
                await free_payments(connection, desk, document_id, act=act)
            await _take_notes(connection, organization_id, at=at)
            applied = await pour_credit(connection, desk, act=act)
        await settle_standing(connection, organization_id, at=at)
    return len(applied)


async def _take_notes(connection: Connection, organization_id: UUID, *, at: datetime) -> None:
    """What is left of credit notes is there to be applied; they have posted it themselves."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_NOTES_OF, (organization_id,))
        found = await cursor.fetchall()
    for note in found:
        await insert_row(connection, "received_payments", _make_payment(organization_id, note, at))


def _make_payment(organization_id: UUID, note: Mapping[str, Any], at: datetime) -> ReceivedPayment:
    left_minor: int = note["left_minor"]
    left_nano: int = note["left_nano"]
    issued_on: date = note["issued_on"]
    return ReceivedPayment(
        payment_id=new_id("rcvd"),
        organization_id=organization_id,
        method="credit_note",
        external_id=note["document_id"],
        currency=note["currency"],
        amount_minor=left_minor,
        amount_nano=left_nano,
        unapplied_minor=left_minor,
        unapplied_nano=left_nano,
        returned_minor=0,
        is_automatic=True,
        received_on=issued_on,
        payer="",
        reference=note["number"],
        reason=f"what {note['number']} leaves",
        recorded_at=at,
        recorded_by=SYSTEM.name,
        transaction_id="",
        voided_at=None,
    )
