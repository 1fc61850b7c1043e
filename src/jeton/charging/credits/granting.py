"""Granting: opening lots. A lot is filled by a movement and never written directly."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from jeton import clock
from jeton.charging.credits.requests import CreditRequest
from jeton.charging.errors import GrantError
from jeton.charging.members import GrantLot
from jeton.charging.posting import post
from jeton.db.channel import Channel
from jeton.db.pool import Connection
from jeton.errors import JetonError
from jeton.identity.audit import SYSTEM, Actor, record_audit
from jeton.ids import new_id
from jeton.ledger.chart import LotKind, is_given
from jeton.ledger.lots import Lot
from jeton.money import NANO_MAX, render_usd

REASON_CHARS_MAX = 500
DAYS_MAX = 36_500
PRIORITY_MAX = 32_767
GRANT_MAX_NANO = NANO_MAX // 2

# Stored, and unique among an organization's lots: the database keeps it to one trial each.
TRIAL_REASON = "trial"


@dataclass(frozen=True, slots=True)
class Grant:
    """Credit to give: how much (nano), of which kind, why, for which models and until when.

    It expires at ``expires_at``, or ``days`` after it was granted (with ``is_clock_on_use`` after the
    first settled charge), or never. ``cost_basis_nano`` is what a commit or a purchase costs the
    organization, its face value where None; what is given costs nothing.
    """

    kind: LotKind
    amount_nano: int
    reason: str
    expires_at: datetime | None = None
    models: frozenset[str] | None = None
    priority: int = 0
    cost_basis_nano: int | None = None
    days: int | None = None
    is_clock_on_use: bool = False
    is_trial: bool = False

    @property
    def basis_nano(self) -> int:
        """What the organization pays for all of it."""
        if self.cost_basis_nano is not None:
            return self.cost_basis_nano
        return 0 if is_given(self.kind) else self.amount_nano


def check_models(models: Iterable[str], known: Iterable[str]) -> None:
    """Raise GrantError for a model that is not in the price book: such credit could never be used."""
    unknown = sorted(set(models) - set(known))
    if unknown:
        raise GrantError(
            f"There is no model {', '.join(unknown)} in the price book; see `jeton prices list`."
        )


def grant_lot(organization_id: UUID, given: Grant, at: datetime) -> GrantLot:
    """The member that opens a lot with this credit; raises GrantError for what makes no sense."""
    _check_amounts(given)
    expires_at = _check_expiry(given, at)
    if not 0 < len(given.reason) <= REASON_CHARS_MAX:
        raise GrantError(f"A grant needs a reason of 1 to {REASON_CHARS_MAX} characters.")
    if (given.reason == TRIAL_REASON) is not given.is_trial:
        raise GrantError(
            f"The reason {TRIAL_REASON!r} is kept for an organization's one trial; give another."
        )
    if not abs(given.priority) <= PRIORITY_MAX:
        raise GrantError(f"A priority is a whole number from -{PRIORITY_MAX} to {PRIORITY_MAX}.")
    if given.models is not None and not given.models:
        raise GrantError("A grant is for every model, or for at least one.")
    lot = Lot(
        lot_id=new_id("lot"),
        kind=given.kind,
        priority=given.priority,
        models=given.models,
        effective_at=at,
        expires_at=expires_at,
        granted_at=at,
        granted_nano=0,
        left_nano=0,
        cost_basis_nano=given.basis_nano,
        first_use_days=given.days if given.is_clock_on_use else None,
    )
    return GrantLot(organization_id, lot, given.amount_nano, given.reason)


async def grant(
    connection: Connection,
    organization_id: UUID,
    given: Grant,
    *,
    at: datetime | None = None,
    by: Actor = SYSTEM,
    idempotency_key: str = "",
) -> str:
    """Open a lot with the credit, effective at once, in the caller's transaction; return its id.

    With an ``idempotency_key`` the same again returns the first lot. Raises GrantError as above,
    NotFoundError for an unknown organization, and IdempotencyError for something else under the key.
    """
    member = grant_lot(organization_id, given, at or clock.now())
    request = CreditRequest(organization_id, idempotency_key, {"grant": _render(given)})
    async with connection.transaction():
        known = await request.find_outcome(connection)
        if known is not None:
            return known
        lot_id = await _open(connection, member)
        await request.record_outcome(connection, lot_id)
        await record_audit(
            connection,
            by,
            "credits.granted",
            subject=lot_id,
            organization_id=organization_id,
            details=_describe(given, member.lot),
        )
    return lot_id


async def _open(connection: Connection, member: GrantLot) -> str:
    channel = Channel(connection)
    try:
        (outcome,) = await post(channel, [member])
        if isinstance(outcome, JetonError):
            raise outcome
        await channel.flush()
    finally:
        channel.close()
    return cast("str", outcome)


def _check_amounts(given: Grant) -> None:
    if not 0 < given.amount_nano <= GRANT_MAX_NANO:
        raise GrantError(
            f"A grant of {render_usd(given.amount_nano)} dollars is not possible; it must be more than 0 "
            f"and at most {render_usd(GRANT_MAX_NANO)}."
        )
    if not 0 <= given.basis_nano <= given.amount_nano:
        raise GrantError(
            f"A cost basis of {render_usd(given.basis_nano)} dollars is not possible; it must be from 0 to "
            f"the {render_usd(given.amount_nano)} dollars of the grant."
        )
    if is_given(given.kind) and given.basis_nano:
        raise GrantError(f"Credit of kind {given.kind} is given: it has no cost basis.")


def _check_expiry(given: Grant, at: datetime) -> datetime | None:
    """When the lot expires, as far as that is known now."""
    if given.days is None:
        if given.is_clock_on_use:
            raise GrantError("A clock that starts with the first use needs a number of days.")
        if given.expires_at is not None and given.expires_at <= at:
            raise GrantError(f"The grant would expire at {given.expires_at.isoformat()}, which has passed.")
        return given.expires_at
    if given.expires_at is not None:
        raise GrantError("A grant expires at an instant or after a number of days, not both.")
    if not 0 < given.days <= DAYS_MAX:
        raise GrantError(f"A grant lasts from 1 to {DAYS_MAX} days, not {given.days}.")
    return None if given.is_clock_on_use else at + timedelta(days=given.days)


def _describe(given: Grant, lot: Lot) -> dict[str, object]:
    """The grant for the audit log, which people read."""
    values = {
        "amount": render_usd(given.amount_nano),
        "kind": given.kind.value,
        "reason": given.reason,
        "cost_basis": None if is_given(given.kind) else render_usd(given.basis_nano),
        "models": None if given.models is None else sorted(given.models),
        "expires_at": None if lot.expires_at is None else lot.expires_at.isoformat(),
        "expires_days_after_first_use": lot.first_use_days,
    }
    return {name: value for name, value in values.items() if value is not None}


def _render(given: Grant) -> dict[str, object]:
    """What was asked, as it was asked: the same request an hour later reads the same."""
    values = {entry.name: getattr(given, entry.name) for entry in fields(given)}
    return {
        **values,
        "amount_nano": str(given.amount_nano),
        "cost_basis_nano": str(given.basis_nano),
        "models": None if given.models is None else sorted(given.models),
        "expires_at": None if given.expires_at is None else given.expires_at.isoformat(),
    }
