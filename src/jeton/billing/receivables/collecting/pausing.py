"""Pausing: the operator has agreed to wait for a document, until the end of a day."""

from datetime import date, timedelta

from jeton.billing.receivables.applying import Act, check_reason
from jeton.billing.receivables.dunning.debts import find_debt
from jeton.billing.receivables.dunning.standing import settle_standing
from jeton.billing.receivables.errors import PauseError
from jeton.db.pool import Connection
from jeton.identity.audit import record_audit
from jeton.ids import new_id

WAIT_DAYS_MAX = 366

_RECORD = """
    INSERT INTO dunning_pauses (pause_id, document_id, until_on, reason, paused_at, paused_by)
    VALUES (%s, %s, %s, %s, %s, %s)
"""


async def pause_dunning(connection: Connection, document_id: str, until_on: date, act: Act) -> None:
    """Do nothing about a debt until the end of a day, and let its organization go on; a past day ends it.

    In the caller's transaction. Raises PauseError, ApplicationError for no reason.
    """
    check_reason(act.reason)
    debt = await find_debt(connection, document_id)
    if debt is None:
        raise PauseError(f"Nothing is due on {document_id}, so there is nothing to wait for.")
    if until_on > act.at.date() + timedelta(days=WAIT_DAYS_MAX):
        raise PauseError(f"Wait until {until_on} is longer than {WAIT_DAYS_MAX} days.")
    async with connection.transaction():
        values = (new_id("pause"), document_id, until_on, act.reason, act.at, act.by.name)
        await connection.execute(_RECORD, values)
        await record_audit(
            connection,
            act.by,
            "document.waited_for",
            subject=debt.number,
            organization_id=debt.organization_id,
            details={"until": until_on.isoformat(), "reason": act.reason},
        )
        await settle_standing(connection, debt.organization_id, at=act.at)
