"""Budgets over the Admin API: the ceilings that an organization sets itself."""

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidBodyError
from jeton.admin.resource import Call, Resource, render_list
from jeton.charging.budgets.opening import (
    WantedBudget,
    change_budget,
    create_budget,
    draft_budget,
    end_budget,
)
from jeton.identity.audit import Actor
from jeton.insight.budgets.dry_run import render_dry_run, run_dry
from jeton.insight.budgets.standing import get_budget, list_budgets, render_budget
from jeton.ledger.budgets.errors import Scope
from jeton.ledger.budgets.scopes import SCOPE_FIELDS
from jeton.ledger.budgets.windows import Period
from jeton.money import parse_usd

_WHOLE: tuple[Scope, str] = ("organization", "")


class CreateBudget(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that makes a budget, or tries one: of what it names, else of the whole organization."""

    limit: str
    period: Period
    zone: str = "UTC"
    anchor_day: int = 1
    is_hard: bool = True
    workspace_id: str | None = None
    key_id: str | None = None
    member_id: str | None = None
    model: str | None = None
    end_user: str | None = None
    tag: str | None = None


class ChangeBudgetBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that changes a budget; what is not there stays."""

    limit: str | None = None
    is_hard: bool | None = None


def budget_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of budgets."""
    one = {"GET": _get, "POST": _change, "DELETE": _end}
    return [
        Route("/v1/organizations/budgets", Resource(deps, {"GET": _list, "POST": _create})),
        # Before one budget: this is no id.
        Route("/v1/organizations/budgets/dry_run", Resource(deps, {"POST": _try})),
        Route("/v1/organizations/budgets/{budget_id}", Resource(deps, one)),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        standings = await list_budgets(connection, caller.organization_id)
    return render_list([render_budget(standing) for standing in standings], has_more=False)


async def _create(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    wanted = _parse(call.read_body(CreateBudget))
    async with call.connect() as connection:
        budget_id = await create_budget(
            connection, caller.organization_id, wanted, by=Actor("key", caller.key_id)
        )
        return render_budget(await get_budget(connection, caller.organization_id, budget_id))


async def _try(call: Call) -> dict[str, object]:
    """Play the last 30 days under a budget; nothing is written."""
    caller, at = call.require_admin(), clock.now()
    wanted = _parse(call.read_body(CreateBudget))
    async with call.connect() as connection:
        budget = await draft_budget(
            connection, caller.organization_id, wanted, by=Actor("key", caller.key_id), at=at
        )
        return render_dry_run(await run_dry(connection, budget, at=at))


async def _get(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return render_budget(await get_budget(connection, caller.organization_id, _budget_id(call)))


async def _change(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(ChangeBudgetBody)
    async with call.connect() as connection:
        await change_budget(
            connection,
            caller.organization_id,
            _budget_id(call),
            by=Actor("key", caller.key_id),
            limit_nano=None if body.limit is None else parse_usd(body.limit),
            is_hard=body.is_hard,
        )
        return render_budget(await get_budget(connection, caller.organization_id, _budget_id(call)))


async def _end(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        by = Actor("key", caller.key_id)
        await end_budget(connection, caller.organization_id, _budget_id(call), by=by)
        return render_budget(await get_budget(connection, caller.organization_id, _budget_id(call)))


def _budget_id(call: Call) -> str:
    return str(call.request.path_params["budget_id"])


def _parse(body: CreateBudget) -> WantedBudget:
    named = {scope: getattr(body, field) for scope, field in SCOPE_FIELDS.items()}
    given = [(scope, text) for scope, text in named.items() if text is not None]
    if len(given) > 1:
        fields = " and of a ".join(SCOPE_FIELDS[scope] for scope, _ in given)
        raise InvalidBodyError(f"a budget is of one thing, and not of a {fields} at once")
    scope, scope_id = given[0] if given else _WHOLE
    return WantedBudget(
        limit_nano=parse_usd(body.limit),
        period=body.period,
        scope=scope,
        scope_id=scope_id,
        zone=body.zone,
        anchor_day=body.anchor_day,
        is_hard=body.is_hard,
    )
