"""Account: the organization of the installation itself that pays for what Ask Docs asks.

Made at the first question. Nobody is a member of it and nobody knows its key's secret; its credit is the
budget of the month, granted with the month's first question and gone with its end. So what is spent is on
the operator's pages like anybody's, and never more than the budget.
"""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from jeton import clock
from jeton.charging.credits.errors import IdempotencyError
from jeton.charging.credits.granting import Grant, grant
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.db.pool import Connection, Pool
from jeton.errors import NotPermittedError
from jeton.identity.caller import Caller
from jeton.identity.keys import create_key
from jeton.identity.organizations import get_default_workspace
from jeton.ledger.chart import LotKind

PURPOSE = "ask_docs"
NAME = "Ask Docs"
_DECEMBER = 12
# Two nodes that are asked at once take turns ("docs" in ASCII).
_LOCK_KEY = 0x646F6373
_LOCK = "SELECT pg_advisory_xact_lock(%s)"
_FIND = """
    SELECT i.organization_id, i.workspace_id, i.key_id,
           k.revoked_at IS NOT NULL OR k.paused_at IS NOT NULL OR o.suspended_at IS NOT NULL
    FROM internal_organizations AS i JOIN api_keys AS k USING (key_id)
    JOIN organizations AS o ON o.organization_id = i.organization_id WHERE i.purpose = %s
"""
_RECORD = """
    INSERT INTO internal_organizations (purpose, organization_id, workspace_id, key_id, created_at)
    VALUES (%s, %s, %s, %s, %s)
"""


class Account:
    """Who asks, with the credit of the month."""

    def __init__(self, pool: Pool, budget_nano: int) -> None:
        """``budget_nano`` is for each calendar month in UTC; 0 grants nothing."""
        self._pool = pool
        self._budget_nano = budget_nano
        self._granted_for = ""

    async def authenticate(self, secret: str) -> Caller:
        """The caller; NotPermittedError where the operator has stopped it. There is no secret to check."""
        del secret
        async with self._pool.connection() as connection:
            caller = await self._find(connection)
            if caller is None:
                await connection.execute(_LOCK, (_LOCK_KEY,))
                caller = await self._find(connection) or await _open(connection)
            await self._grant(connection, caller.organization_id)
        return caller

    def note_model(self, caller: Caller, model: str, *, address: str) -> None:
        """Nobody looks when this key was used."""

    async def _find(self, connection: Connection) -> Caller | None:
        row = await (await connection.execute(_FIND, (PURPOSE,))).fetchone()
        if row is None:
            return None
        organization_id, workspace_id, key_id, is_stopped = row
        if is_stopped:
            raise NotPermittedError("The operator has stopped the key or the organization of Ask Docs.")
        return Caller(organization_id, workspace_id, key_id, "api")

    async def _grant(self, connection: Connection, organization_id: UUID) -> None:
        at = clock.now()
        month = f"{at:%Y-%m}"
        if not self._budget_nano or self._granted_for == month:
            return
        given = Grant(LotKind.PROMOTIONAL, self._budget_nano, f"{NAME}, {month}", expires_at=_next_month(at))
        # A budget that was another when the month began: the new one counts from the next on.
        with suppress(IdempotencyError):
            await grant(connection, organization_id, given, idempotency_key=f"{PURPOSE} {month}")
        self._granted_for = month


async def _open(connection: Connection) -> Caller:
    nothing = TrialTerms(0, 1)
    organization_id = (await open_organization(connection, name=NAME, trial=nothing)).organization_id
    workspace = await get_default_workspace(connection, organization_id)
    key, _ = await create_key(connection, organization_id, name=NAME)
    values = (PURPOSE, organization_id, workspace.workspace_id, key.key_id, clock.now())
    await connection.execute(_RECORD, values)
    return Caller(organization_id, workspace.workspace_id, key.key_id, "api")


def _next_month(at: datetime) -> datetime:
    year, month = (at.year + 1, 1) if at.month == _DECEMBER else (at.year, at.month + 1)
    return datetime(year, month, 1, tzinfo=UTC)
