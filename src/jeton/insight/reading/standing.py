"""Standing: how a reader's organization stands, in classes, so that a complaint can be understood later.

No amount, name or id is in it: several organizations are in every class.
"""

from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.balance import get_balance
from jeton.ledger.chart import LotKind, is_given
from jeton.money import NANO_PER_USD

# Dollars below which an amount is in a class; above them all it is "more".
STEPS = (1, 10, 100, 1_000, 10_000)

_MONTH = """
    SELECT coalesce(sum(net_nano), 0)::bigint FROM usage_rollups
    WHERE organization_id = %s AND day_on >= date_trunc('month', %s::timestamp)::date
"""


async def classify_standing(connection: Connection, organization_id: UUID, *, at: datetime) -> dict[str, str]:
    """``plan``, ``balance`` and ``month`` (UTC) of an organization, each as one of a few words."""
    balance = await get_balance(connection, organization_id)
    row = await (
        await connection.execute(_MONTH, (organization_id, at.replace(tzinfo=None, microsecond=0)))
    ).fetchone()
    if balance.credit_limit_nano:
        plan = "invoiced"
    else:
        plan = "trial" if all(is_given(LotKind(lot.kind)) for lot in balance.lots) else "prepaid"
    available_nano = balance.amounts.available_nano + balance.credit_nano
    return {
        "plan": plan,
        "balance": classify(available_nano),
        "month": classify(int(row[0]) if row else 0),
    }


def classify(nano: int) -> str:
    """An amount as its class: ``none``, ``under_10`` and so on, or ``more``; in dollars."""
    if nano <= 0:
        return "none"
    return next((f"under_{step}" for step in STEPS if nano < step * NANO_PER_USD), "more")
