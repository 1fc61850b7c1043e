"""Debts: what is due on documents and what was done about it, read for dunning."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row

from jeton.billing.receivables.dunning.words import Debt, TakenStep
from jeton.db.pool import Connection

DEBTS_MAX = 10_000

_DEBTS = """
    SELECT d.document_id, d.organization_id, d.number, d.currency, d.due_on, d.zone,
           d.total_minor - d.paid_minor - d.credited_minor - d.written_off_minor AS due_minor,
           (SELECT p.until_on FROM dunning_pauses AS p WHERE p.document_id = d.document_id
            ORDER BY p.pause_id DESC LIMIT 1) AS paused_until
    FROM documents AS d
    WHERE d.state IN ('issued', 'overdue') AND d.kind <> 'credit_note'
        AND d.total_minor > d.paid_minor + d.credited_minor + d.written_off_minor
"""
# All that standing depends on: an organization may have hundreds of open documents, and few are so late.
_LIMITING = f"""
    {_DEBTS} AND d.organization_id = %s
        AND EXISTS (SELECT FROM dunning_steps AS s WHERE s.document_id = d.document_id AND s.kind <> 'mail')
    ORDER BY d.due_on, d.document_id LIMIT {DEBTS_MAX}
"""
_OF_DOCUMENT = f"{_DEBTS} AND d.document_id = %s"
# The day may be over in one zone and not yet in another, so the next day is asked for, too.
_LATE = f"""
    {_DEBTS} AND d.due_on <= (%(at)s::timestamptz AT TIME ZONE 'UTC')::date + 1
    AND (d.due_on, d.document_id) > (%(due_on)s, %(document_id)s)
    ORDER BY d.due_on, d.document_id LIMIT %(limit)s
"""
_STEPS = """
    SELECT document_id, kind, step, taken_at FROM dunning_steps WHERE document_id = ANY (%s) ORDER BY taken_at
"""
_REMITTANCE = "SELECT remittance FROM documents WHERE document_id = %s"


async def list_limiting(connection: Connection, organization_id: UUID) -> list[Debt]:
    """Those debts of an organization for which more than a mail was sent, the longest due first."""
    async with connection.cursor(row_factory=class_row(Debt)) as cursor:
        await cursor.execute(_LIMITING, (organization_id,))
        return await cursor.fetchall()


async def find_debt(connection: Connection, document_id: str) -> Debt | None:
    """What is due on a document; None where nothing is."""
    async with connection.cursor(row_factory=class_row(Debt)) as cursor:
        await cursor.execute(_OF_DOCUMENT, (document_id,))
        return await cursor.fetchone()


async def list_late(connection: Connection, at: datetime, *, after: Debt | None, limit: int) -> list[Debt]:
    """Debts that are late, or soon, by the day that they were due, from the one after another."""
    values: dict[str, Any] = {"at": at, "limit": limit, "due_on": "-infinity", "document_id": ""}
    if after is not None:
        values |= {"due_on": after.due_on, "document_id": after.document_id}
    async with connection.cursor(row_factory=class_row(Debt)) as cursor:
        await cursor.execute(_LATE, values)
        return await cursor.fetchall()


async def list_steps(connection: Connection, document_ids: Sequence[str]) -> dict[str, list[TakenStep]]:
    """What was done about each of these documents, in its order."""
    steps: dict[str, list[TakenStep]] = {document_id: [] for document_id in document_ids}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_STEPS, (list(document_ids),))
        async for row in cursor:
            steps[row["document_id"]].append(TakenStep(row["kind"], row["step"], row["taken_at"]))
    return steps


async def find_remittance(connection: Connection, document_id: str) -> dict[str, str]:
    """Where a transfer for a document goes, as it was at issue."""
    row = await (await connection.execute(_REMITTANCE, (document_id,))).fetchone()
    return {} if row is None else dict(row[0])
