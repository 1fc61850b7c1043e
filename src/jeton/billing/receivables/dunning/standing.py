"""Standing: what an organization may still do while it owes, always as its debts and their steps say.

It is derived again in the very transaction that pays, writes off or takes a step, so service resumes with the
payment and not with a job. The keys of an organization follow at once (``NOTIFY jeton_keys``).
"""

from datetime import datetime
from uuid import UUID

from jeton.billing.receivables.dunning.debts import find_remittance, list_limiting, list_steps
from jeton.billing.receivables.dunning.deciding import decide_arrears
from jeton.billing.receivables.dunning.wording import (
    describe_limited,
    describe_stopped,
    tell_limited,
    tell_resumed,
    tell_stopped,
)
from jeton.billing.receivables.dunning.words import Arrears
from jeton.db.pool import Connection
from jeton.notifications.events import Event, emit

# Taken before the debts are read, so that of a payment and a step at once the second sees what the first did.
_LOCK = """
    SELECT arrears, arrears_at, arrears_number, arrears_sentence FROM organizations WHERE organization_id = %s
    FOR NO KEY UPDATE
"""
_SET = """
    UPDATE organizations SET arrears = %s, arrears_at = %s, arrears_number = %s, arrears_sentence = %s
    WHERE organization_id = %s
"""


async def lock_standing(connection: Connection, organization_id: UUID) -> None:
    """Keep the organization's standing as it is until the transaction ends."""
    await connection.execute(_LOCK, (organization_id,))


async def settle_standing(connection: Connection, organization_id: UUID, *, at: datetime) -> Arrears:
    """Write what the organization may do now, and tell it where that changed; in the caller's transaction."""
    row = await (await connection.execute(_LOCK, (organization_id,))).fetchone()
    if row is None:
        return ""
    before, since, number, sentence = row
    debts = await list_limiting(connection, organization_id)
    steps = await list_steps(connection, [debt.document_id for debt in debts])
    arrears, debt = decide_arrears([(one, steps[one.document_id]) for one in debts], at=at)
    if debt is None:
        if before:
            await connection.execute(_SET, ("", None, "", "", organization_id))
            resumed = tell_resumed(number, was=before)
            await emit(
                connection, Event(resumed, organization_id, _key("resumed", organization_id, since), at)
            )
        return ""
    remittance = await find_remittance(connection, debt.document_id)
    describe = describe_stopped if arrears == "stopped" else describe_limited
    said = describe(debt, remittance)
    if (arrears, debt.number, said) == (before, number, sentence):
        return arrears
    since = since if arrears == before else at
    await connection.execute(_SET, (arrears, since, debt.number, said, organization_id))
    if arrears != before and arrears == "stopped":
        stopped = tell_stopped(debt, remittance, at=at)
        await emit(connection, Event(stopped, organization_id, _key("stopped", organization_id, at), at))
    elif arrears != before and not before:
        limited = tell_limited(debt, remittance, at=at)
        await emit(connection, Event(limited, organization_id, _key("limited", organization_id, at), at))
    return arrears


def _key(what: str, organization_id: UUID, at: datetime) -> str:
    return f"arrears {what} {organization_id} {at.isoformat()}"
