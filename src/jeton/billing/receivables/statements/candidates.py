"""Candidates: the documents that a movement on the bank's account may be about, found by index."""

from collections.abc import Sequence

from psycopg.rows import class_row

from jeton.billing.receivables.statements.matching import Candidate, list_references, plain_number
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


_NAMED_OF_MANY = f"""
    {_CANDIDATE} AND plain_number(number) = ANY (%(references)s) ORDER BY due_on, document_id
"""


async def list_named(connection: Connection, lines: Sequence[StatementLine]) -> dict[int, list[Candidate]]:
    """Of lines, by their place among them, the documents whose numbers they name; the others are left out."""
    references = [list_references(line) for line in lines]
    wanted = sorted(frozenset().union(*references))
    async with connection.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(_NAMED_OF_MANY, {"references": wanted})
        found = await cursor.fetchall()
    named: dict[int, list[Candidate]] = {}
    for place, texts in enumerate(references):
        some = [one for one in found if plain_number(one.number) in texts][:FOUND_MAX]
        if some:
            named[place] = some
    return named


async def list_candidates(connection: Connection, line: StatementLine) -> list[Candidate]:
    """Documents whose number the line names; where it names none, those that fit by amount or payer."""
    async with connection.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(_NAMED, {"references": sorted(list_references(line))})
        named = await cursor.fetchall()
    return named or await list_fitting(connection, line)


async def list_fitting(connection: Connection, line: StatementLine) -> list[Candidate]:
    """Documents that fit a line by amount or payer only."""
    values = {"currency": line.currency, "amount": line.amount_minor, "payer": line.payer}
    async with connection.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(_FITTING, values)
        return sorted(await cursor.fetchall(), key=lambda one: one.document_id)
