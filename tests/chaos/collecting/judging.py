"""Judging: what two databases have come to, by names that both share, and whether it is the same."""

from jeton.db.pool import Pool
from jeton.insight.verify import verify

_QUESTIONS = {
    "balances": """
        SELECT o.name, to_jsonb(b) - 'organization_id' - 'version' - 'chain_digest' - 'chain_length'
        FROM balances AS b JOIN organizations AS o USING (organization_id)
    """,
    "documents": """
        SELECT o.name, d.kind, d.purpose, d.state, total_minor, paid_minor, credited_minor, written_off_minor
        FROM documents AS d JOIN organizations AS o USING (organization_id)
    """,
    "payments": """
        SELECT o.name, method, amount_minor, unapplied_minor, unapplied_nano, returned_minor,
               voided_at IS NULL
        FROM received_payments JOIN organizations AS o USING (organization_id)
    """,
    "on documents": """
        SELECT o.name, a.amount_minor, a.amount_nano, a.undoes IS NULL
        FROM payment_applications AS a JOIN organizations AS o USING (organization_id)
    """,
    "lines of banks": """
        SELECT bank_reference, amount_minor, state, verdict, payment_id IS NULL, same_as IS NULL
        FROM bank_lines
    """,
    "steps": """
        SELECT o.name, s.kind, s.step FROM dunning_steps AS s JOIN organizations AS o USING (organization_id)
    """,
    "standing": "SELECT name, arrears FROM organizations",
    "told": """
        SELECT coalesce(o.name, ''), e.type, count(*)
        FROM events AS e LEFT JOIN organizations AS o USING (organization_id) GROUP BY 1, 2
    """,
    "recorded": """
        SELECT action, count(*) FROM audit_entries WHERE action <> 'statement.imported' GROUP BY action
    """,
    "numbers": "SELECT series, sequence FROM documents",
    "posted": "SELECT movement, count(*) FROM transactions GROUP BY movement",
}


async def find_differences(model: Pool, mortal: Pool) -> list[str]:
    """Every question to which the two do not answer alike, and what the proof finds in the second."""
    differences = []
    for name, question in _QUESTIONS.items():
        expected, found = await _ask(model, question), await _ask(mortal, question)
        if expected != found:
            missing = [row for row in expected if row not in found][:3]
            surplus = [row for row in found if row not in expected][:3]
            differences.append(f"{name}: missing {missing}, surplus {surplus}")
    async with mortal.connection() as connection:
        differences += [str(one) for one in (await verify(connection)).findings]
    return differences


async def _ask(pool: Pool, question: str) -> list[str]:
    async with pool.connection() as connection:
        return sorted([repr(row) async for row in await connection.execute(question)])
