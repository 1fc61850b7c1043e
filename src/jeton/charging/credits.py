"""Credits: opening lots. A lot is filled by a movement and never written directly."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from jeton import clock
from jeton.charging.errors import GrantError
from jeton.charging.members import GrantLot
from jeton.charging.posting import post
from jeton.db.channel import Channel
from jeton.db.pool import Connection
from jeton.errors import JetonError
from jeton.ids import new_id
from jeton.ledger.chart import LotKind
from jeton.ledger.lots import Lot
from jeton.money import NANO_MAX, render_usd

REASON_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Grant:
    """Credit to give: how much (nano), of which kind, why, for which models and until when."""

    kind: LotKind
    amount_nano: int
    reason: str
    expires_at: datetime | None = None
    models: frozenset[str] | None = None
    priority: int = 0


def grant_lot(organization_id: UUID, given: Grant, at: datetime) -> GrantLot:
    """The member that opens a lot with this credit; raises GrantError for what makes no sense."""
    if not 0 < given.amount_nano <= NANO_MAX // 2:
        raise GrantError(
            f"A grant of {render_usd(given.amount_nano)} dollars is not possible; it must be more than 0 "
            f"and at most {render_usd(NANO_MAX // 2)}."
        )
    if given.expires_at is not None and given.expires_at <= at:
        raise GrantError(f"The grant would expire at {given.expires_at.isoformat()}, which has passed.")
    if not 0 < len(given.reason) <= REASON_CHARS_MAX:
        raise GrantError(f"A grant needs a reason of 1 to {REASON_CHARS_MAX} characters.")
    lot = Lot(
        lot_id=new_id("lot"),
        kind=given.kind,
        priority=given.priority,
        models=given.models,
        effective_at=at,
        expires_at=given.expires_at,
        granted_at=at,
        granted_nano=0,
        left_nano=0,
    )
    return GrantLot(organization_id, lot, given.amount_nano, given.reason)


async def grant(
    connection: Connection, organization_id: UUID, given: Grant, *, at: datetime | None = None
) -> str:
    """Open a lot with the credit, effective at once, in the caller's transaction; return its id.

    Raises GrantError as above and NotFoundError for an unknown organization.
    """
    member = grant_lot(organization_id, given, at or clock.now())
    async with connection.transaction():
        channel = Channel(connection)
        try:
            (outcome,) = await post(channel, [member])
            await channel.flush()
        finally:
            channel.close()
    if isinstance(outcome, JetonError):
        raise outcome
    return cast("str", outcome)
