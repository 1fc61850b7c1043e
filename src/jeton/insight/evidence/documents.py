"""Documents: the invoice that bills a request, for the step from a receipt up to it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection

# A period is closed once, so an instant is in at most one; what was canceled is billed by what replaces it.
_READ = """
    SELECT document_id, number, state FROM documents
    WHERE organization_id = %s AND purpose = 'period' AND period_from <= %s AND period_to > %s
      AND state <> 'void'
    ORDER BY document_id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class BillingDocument:
    """A document by its id and its number."""

    document_id: str
    number: str
    state: str


async def find_billing_document(
    connection: Connection, organization_id: UUID, held_at: datetime
) -> BillingDocument | None:
    """The invoice of the period that a request was made in; None before there is one."""
    cursor = await connection.execute(_READ, (organization_id, held_at, held_at))
    row = await cursor.fetchone()
    return None if row is None else BillingDocument(*row)
