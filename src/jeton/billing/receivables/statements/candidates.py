"""Candidates: the documents that a movement on the bank's account may be about, found by index."""

from psycopg.rows import class_row

from jeton.billing.receivables.statements.matching import Candidate, list_references
from jeton.billing.receivables.statements.words import StatementLine
from jeton.db.pool import Connection

# Of those that only fit by amount or name, more are no help to a person.
FOUND_MAX = 50

_CANDIDATE = """
    SELECT document_id, organization_id, number, buyer ->> 'name' AS buyer, currency,
           CASE WHEN state IN ('issued', 'overdue')
                THEN total_minor - paid_minor - credited_minor - written_off_minor ELSE 0 END AS due_minor
    FROM documents WHERE kind <> 'credit_note'
"""
_NAMED = f"""
    {_CANDIDATE} AND plain_number(number) = ANY (%(references)s)
    ORDER BY due_on, document_id LIMIT {FOUND_MAX}
"""
_FITTING = f"""
    ({_CANDIDATE} AND state IN ('issued', 'overdue') AND currency = %(currency)s
        AND total_minor - paid_minor - credited_minor - written_off_minor = %(amount)s
        ORDER BY due_on, document_id LIMIT {FOUND_MAX})
    UNION
    ({_CANDIDATE} AND state IN ('issued', 'overdue') AND currency = %(currency)s
        AND lower(buyer ->> 'name') = lower(%(payer)s) AND %(payer)s <> ''
        ORDER BY due_on, document_id LIMIT {FOUND_MAX})
"""


async def list_candidates(connection: Connection, line: StatementLine) -> list[Candidate]:
    """Documents whose number the line names; where it names none, those that fit by amount or payer."""
    values = {
        "references": sorted(list_references(line)),
        "currency": line.currency,
        "amount": line.amount_minor,
        "payer": line.payer,
    }
    async with connection.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(_NAMED, values)
        named = await cursor.fetchall()
        if named:
            return named
        await cursor.execute(_FITTING, values)
        return sorted(await cursor.fetchall(), key=lambda one: one.document_id)
