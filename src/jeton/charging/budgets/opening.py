"""Opening: budgets made, changed and ended by somebody, in one transaction with the audit of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from jeton import clock
from jeton.charging.budgets.scopes import find_scope_id, list_owned_keys
from jeton.charging.counting.members import BudgetMember, ChangeBudget, OpenBudget
from jeton.charging.posting import post
from jeton.db.channel import Channel
from jeton.db.pool import Connection
from jeton.errors import JetonError
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.ledger.budgets.errors import InvalidBudgetError, Scope, UnknownBudgetError
from jeton.ledger.budgets.scopes import EVERY
from jeton.ledger.budgets.tally import Budget
from jeton.ledger.budgets.windows import ANCHOR_MAX, Calendar, Period, find_window
from jeton.ledger.budgets.zones import parse_zone
from jeton.money import NANO_MAX, render_usd

LIMIT_MAX_NANO = NANO_MAX // 2


@dataclass(frozen=True, slots=True)
class WantedBudget:
    """A budget to make; ``scope_id`` is empty for the organization itself, ``limit_nano`` its ceiling.

    A model may be named by an alias.
    """

    limit_nano: int
    period: Period
    scope: Scope = "organization"
    scope_id: str = ""
    zone: str = "UTC"
    anchor_day: int = 1
    is_hard: bool = True


async def create_budget(
    connection: Connection,
    organization_id: UUID,
    wanted: WantedBudget,
    *,
    by: Actor,
    at: datetime | None = None,
) -> str:
    """Put a budget into force, with what its running window holds already counted; return its id.

    Raises InvalidBudgetError, UnknownZoneError, TooManyBudgetsError, and NotFoundError for an unknown
    organization, workspace, key or member; then nothing is written.
    """
    async with connection.transaction():
        budget = await draft_budget(connection, organization_id, wanted, by=by, at=at or clock.now())
        await _post(connection, OpenBudget(organization_id, budget))
        await _audit(connection, by, "budgets.created", budget.budget_id, organization_id, _render(budget))
    return budget.budget_id


async def draft_budget(
    connection: Connection, organization_id: UUID, wanted: WantedBudget, *, by: Actor, at: datetime
) -> Budget:
    """The budget that would come into force at ``at``; writes nothing, and raises what create_budget does."""
    _check_limit(wanted.limit_nano)
    if not 1 <= wanted.anchor_day <= ANCHOR_MAX[wanted.period]:
        raise InvalidBudgetError(_anchor_sentence(wanted))
    calendar = Calendar(wanted.period, parse_zone(wanted.zone), wanted.anchor_day)
    scope_id = await find_scope_id(connection, organization_id, wanted.scope, wanted.scope_id)
    # What every end user had used before would have to be summed for each; they begin with nothing.
    is_each = wanted.scope == "end_user" and scope_id == EVERY
    counted_from = at if is_each else find_window(calendar, at).starts_at
    is_members = wanted.scope == "member"
    return Budget(
        budget_id=new_id("bdgt"),
        organization_id=organization_id,
        scope=wanted.scope,
        scope_id=scope_id,
        period=wanted.period,
        zone=wanted.zone,
        anchor_day=wanted.anchor_day,
        limit_nano=wanted.limit_nano,
        is_hard=wanted.is_hard,
        counted_from=counted_from,
        created_at=at,
        created_by=by.name,
        keys=await list_owned_keys(connection, organization_id, scope_id, counted_from) if is_members else (),
    )


async def change_budget(
    connection: Connection,
    organization_id: UUID,
    budget_id: str,
    *,
    by: Actor,
    limit_nano: int | None = None,
    is_hard: bool | None = None,
) -> None:
    """Give a budget another limit or hardness, from now on, in its running window too.

    Raises InvalidBudgetError and UnknownBudgetError. A limit below what is settled and held refuses
    every further request; it takes nothing back.
    """
    if limit_nano is None and is_hard is None:
        raise InvalidBudgetError("Give a budget another limit, or say whether it is hard.")
    if limit_nano is not None:
        _check_limit(limit_nano)
    details: dict[str, object] = {} if limit_nano is None else {"limit": render_usd(limit_nano)}
    if is_hard is not None:
        details["is_hard"] = is_hard
    async with connection.transaction():
        await _post(connection, ChangeBudget(organization_id, _known(budget_id), limit_nano, is_hard))
        await _audit(connection, by, "budgets.changed", budget_id, organization_id, details)


async def end_budget(connection: Connection, organization_id: UUID, budget_id: str, *, by: Actor) -> None:
    """End a budget for good: it refuses and counts nothing more; UnknownBudgetError if it has ended."""
    async with connection.transaction():
        await _post(connection, ChangeBudget(organization_id, _known(budget_id), is_end=True))
        await _audit(connection, by, "budgets.ended", budget_id, organization_id, {})


async def _post(connection: Connection, member: BudgetMember) -> str:
    channel = Channel(connection)
    try:
        (outcome,) = await post(channel, [member])
        if isinstance(outcome, JetonError):
            raise outcome
        await channel.flush()
    finally:
        channel.close()
    return cast("str", outcome)


async def _audit(
    connection: Connection,
    by: Actor,
    action: str,
    budget_id: str,
    organization_id: UUID,
    details: Mapping[str, object],
) -> None:
    await record_audit(
        connection, by, action, subject=budget_id, organization_id=organization_id, details=details
    )


def _known(budget_id: str) -> str:
    """The id as it can be asked for; no id has other characters."""
    if not budget_id.isprintable() or not budget_id.isascii():
        raise UnknownBudgetError(ascii(budget_id))
    return budget_id


def _check_limit(limit_nano: int) -> None:
    if not 0 < limit_nano <= LIMIT_MAX_NANO:
        raise InvalidBudgetError(
            f"A limit of {render_usd(limit_nano)} dollars is not possible; it must be more than 0 "
            f"and at most {render_usd(LIMIT_MAX_NANO)}."
        )


def _anchor_sentence(wanted: WantedBudget) -> str:
    match wanted.period:
        case "month":
            return f"A month begins on a day from 1 to 31, not on {wanted.anchor_day}."
        case "week":
            return f"A week begins on a day from 1 (Monday) to 7 (Sunday), not on {wanted.anchor_day}."
        case _:
            return f"A budget by {wanted.period} has no anchor day; leave it out."


def _render(budget: Budget) -> dict[str, object]:
    return {
        "scope": budget.scope,
        "scope_id": budget.scope_id,
        "period": budget.period,
        "zone": budget.zone,
        "anchor_day": budget.anchor_day,
        "limit": render_usd(budget.limit_nano),
        "is_hard": budget.is_hard,
    }
