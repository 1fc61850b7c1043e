"""Account: what an organization was billed and what it paid, with the balance after each.

Purchases of credit are paid when they are made, and their refunds with them, so neither is here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection

ENTRIES_MAX = 1_000

EntryKind = Literal["invoice", "receipt", "credit_note", "payment", "payment_return", "write_off"]

_MOVES = """
    SELECT issued_at AS at, issued_on AS on, kind, document_id AS subject_id, number AS text, currency,
           CASE WHEN kind = 'credit_note' THEN -total_minor ELSE total_minor END AS amount_minor
    FROM documents
    WHERE organization_id = %(organization_id)s AND total_minor <> 0
      AND purpose IN ('period', 'cancellation', 'allowance', 'adjustment')
    UNION ALL
    SELECT recorded_at, received_on, 'payment', payment_id,
           concat_ws(': ', replace(method, '_', ' '), nullif(reference, '')), currency, -amount_minor
    FROM received_payments WHERE organization_id = %(organization_id)s AND method <> 'credit_note'
    UNION ALL
    SELECT r.returned_at, (r.returned_at AT TIME ZONE 'UTC')::date, 'payment_return', r.payment_id,
           CASE r.kind WHEN 'void' THEN 'was not real' ELSE replace(r.kind, '_', ' ') END,
           p.currency, r.amount_minor
    FROM payment_returns AS r JOIN received_payments AS p USING (payment_id)
    WHERE r.organization_id = %(organization_id)s
    UNION ALL
    SELECT w.written_off_at, (w.written_off_at AT TIME ZONE 'UTC')::date, 'write_off', w.document_id,
           d.number, d.currency, -w.amount_minor
    FROM write_offs AS w JOIN documents AS d USING (document_id)
    WHERE w.organization_id = %(organization_id)s
"""
_OPENING = f"""
    SELECT currency, sum(amount_minor)::bigint FROM ({_MOVES}) AS m WHERE m.on < %(from_on)s
    GROUP BY currency ORDER BY currency
"""  # noqa: S608 - text of our own
_ENTRIES = f"""
    SELECT m.*, 0 AS balance_minor FROM ({_MOVES}) AS m WHERE m.on >= %(from_on)s AND m.on < %(until_on)s
    ORDER BY m.at, m.subject_id LIMIT %(limit)s
"""  # noqa: S608 - text of our own


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement; above zero it is owed. ``balance_minor`` is what is owed in its currency after it."""

    at: datetime
    on: date
    kind: EntryKind
    subject_id: str
    text: str
    currency: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Account:
    """Movements from one day up to, not including, another; balances by currency, below zero is credit."""

    from_on: date
    until_on: date
    opening: Mapping[str, int]
    closing: Mapping[str, int]
    entries: tuple[Entry, ...]
    is_cut: bool


async def read_account(
    connection: Connection, organization_id: UUID, *, from_on: date, until_on: date
) -> Account:
    """The statement of account of an organization; the first ENTRIES_MAX movements of the time."""
    values = {"organization_id": organization_id, "from_on": from_on, "until_on": until_on}
    opening: dict[str, int] = dict(await (await connection.execute(_OPENING, values)).fetchall())
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(_ENTRIES, {**values, "limit": ENTRIES_MAX + 1})
        found = await cursor.fetchall()
    closing, entries = dict(opening), []
    for move in found[:ENTRIES_MAX]:
        closing[move.currency] = closing.get(move.currency, 0) + move.amount_minor
        entries.append(replace(move, balance_minor=closing[move.currency]))
    return Account(from_on, until_on, opening, closing, tuple(entries), len(found) > ENTRIES_MAX)
