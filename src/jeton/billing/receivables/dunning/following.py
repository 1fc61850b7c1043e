"""Following: the job that takes the steps of dunning, one transaction each.

Whoever dies between two steps has lost nothing: what is next follows from what is stored. Whatever is paid
meanwhile is seen, because each step looks at the debt again under the organization's lock.
"""

from collections.abc import Mapping
from datetime import datetime

from jeton.billing.receivables.dunning.debts import find_debt, find_remittance, list_late, list_steps
from jeton.billing.receivables.dunning.deciding import decide
from jeton.billing.receivables.dunning.standing import lock_standing, settle_standing
from jeton.billing.receivables.dunning.wording import tell_overdue
from jeton.billing.receivables.dunning.words import Debt, DunningTerms, Step
from jeton.db.pool import Connection, Pool
from jeton.notifications.events import Event, emit

PAGE = 500
# A mail, the soft limit and the stop on one day, and one more to see that nothing is left.
STEPS_AT_ONCE_MAX = 4
OVERDUE_PAGE = 1_000

_RECORD = """
    INSERT INTO dunning_steps (document_id, kind, step, organization_id, due_minor, taken_at)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
# In the zone of each document: where its day is over, and not before.
_OVERDUE = """
    UPDATE documents SET state = 'overdue', overdue_at = %(at)s
    WHERE document_id IN (
        SELECT document_id FROM documents
        WHERE state = 'issued' AND kind <> 'credit_note'
            AND due_on <= (%(at)s::timestamptz AT TIME ZONE 'UTC')::date + 1
            AND due_on < (%(at)s::timestamptz AT TIME ZONE zone)::date
            AND total_minor > paid_minor + credited_minor + written_off_minor
        ORDER BY due_on, document_id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
    )
"""
# Also whom a step was taken about and the operator has waited for: the wait may be over.
_IN_ARREARS = """
    SELECT organization_id FROM organizations WHERE arrears <> ''
    UNION SELECT s.organization_id FROM dunning_steps AS s JOIN documents AS d USING (document_id)
    WHERE s.kind <> 'mail' AND d.state IN ('issued', 'overdue')
    ORDER BY organization_id
"""


async def mark_overdue(pool: Pool, at: datetime) -> int:
    """Mark every document whose day is over and that is not paid; how many. Again, it finds none."""
    marked = 0
    while True:
        async with pool.connection() as connection:
            found = (await connection.execute(_OVERDUE, {"at": at, "limit": OVERDUE_PAGE})).rowcount
        marked += found
        if found < OVERDUE_PAGE:
            return marked


async def follow_debts(pool: Pool, terms: DunningTerms, at: datetime) -> Mapping[str, int]:
    """Take every step that is due at an instant; how many of each kind.

    It also looks at who is in arrears, for what a credit note or the end of a wait has changed.
    """
    counts = {"overdue": await mark_overdue(pool, at), "mail": 0, "soft_limit": 0, "stop": 0}
    last: Debt | None = None
    while True:
        async with pool.connection() as connection:
            late = await list_late(connection, at, after=last, limit=PAGE)
            steps = await list_steps(connection, [debt.document_id for debt in late])
        for debt in late:
            if decide(debt, steps[debt.document_id], terms, at=at) is not None:
                for step in await follow_debt(pool, debt, terms, at=at):
                    counts[step.kind] += 1
        if len(late) < PAGE:
            break
        last = late[-1]
    async with pool.connection() as connection:
        organizations = [row[0] async for row in await connection.execute(_IN_ARREARS)]
    for organization_id in organizations:
        async with pool.connection() as connection:
            await settle_standing(connection, organization_id, at=at)
    return counts


async def follow_debt(pool: Pool, debt: Debt, terms: DunningTerms, *, at: datetime) -> list[Step]:
    """Take the steps that are due about one debt, each in a transaction of its own."""
    taken = []
    for _ in range(STEPS_AT_ONCE_MAX):
        async with pool.connection() as connection:
            step = await _take_next(connection, debt, terms, at)
        if step is None:
            break
        taken.append(step)
    return taken


async def _take_next(connection: Connection, known: Debt, terms: DunningTerms, at: datetime) -> Step | None:
    await lock_standing(connection, known.organization_id)
    debt = await find_debt(connection, known.document_id)
    if debt is None:
        return None
    steps = (await list_steps(connection, [debt.document_id]))[debt.document_id]
    step = decide(debt, steps, terms, at=at)
    if step is None:
        return None
    values = (debt.document_id, step.kind, step.step, debt.organization_id, debt.due_minor, at)
    await connection.execute(_RECORD, values)
    if step.kind == "mail":
        remittance = await find_remittance(connection, debt.document_id)
        data = tell_overdue(debt, step.step, terms, remittance=remittance, at=at)
        key = f"invoice overdue {debt.document_id} {step.step}"
        await emit(connection, Event(data, debt.organization_id, key, at))
    else:
        await settle_standing(connection, debt.organization_id, at=at)
    return step
