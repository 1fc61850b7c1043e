"""Keys: the list, a page at a time, and a new one, shown once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from jeton import clock
from jeton.charging.budgets.opening import WantedBudget, create_budget
from jeton.console.errors import InvalidFilterError, InvalidFormError
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.credentials import KeyKind
from jeton.identity.key_life.changing import KeyChange, change_key
from jeton.identity.keys import Key, WantedKey, issue_key, record_key_audit
from jeton.identity.organizations import Workspace, list_workspaces
from jeton.identity.restricting.restrictions import UNRESTRICTED, Restriction
from jeton.identity.roles.permissions import Permission
from jeton.insight.access.keys import (
    STATES,
    UNUSED_AFTER,
    KeyPage,
    KeyQuery,
    KeyState,
    list_key_standings,
    render_key_standing,
)
from jeton.insight.access.naming import name_restriction
from jeton.ledger.budgets.windows import Period
from jeton.money import parse_usd

# What the form offers, in days; 0 is never.
LIVES = {"0": "never", "1": "after 1 day", "7": "after 7 days", "30": "after 30 days", "365": "after a year"}
KINDS = ("api", "admin")
PERIODS: Mapping[Period, str] = {"day": "a day", "week": "a week", "month": "a month", "total": "in total"}
_SEPARATORS = re.compile(r"[\s,;]+")
NO_CHOICE = "it has a choice that the page does not offer"


@dataclass(frozen=True, slots=True)
class Created:
    """A key and its secret, for the one page that shows it."""

    key: Key
    secret: str


async def show_keys(visit: Visit) -> View:
    """The organization's keys, newest first, without their secrets."""
    async with visit.deps.pool.connection() as connection:
        return await _view(visit, connection, query=_read_query(visit))


async def create(visit: Visit, form: Mapping[str, str]) -> View:
    """Create a key, with a budget of its own if one is wanted, and show its secret, this one time."""
    kind = form.get("kind", "api")
    limit = form.get("limit", "").strip().removeprefix("$")
    if kind not in KINDS:
        raise InvalidFormError(NO_CHOICE)
    require_for_keys(visit, cast("KeyKind", kind))
    wanted = _parse_key(visit, form, cast("KeyKind", kind))
    by = Actor("member", visit.session.email)
    organization_id = visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        key, secret = await issue_key(connection, organization_id, wanted, created_by=visit.session.member_id)
        await record_key_audit(connection, by, "key.created", key)
        if limit:
            visit.require(Permission.MANAGE_BUDGETS)
            budget = _parse_budget(form, limit, key)
            await create_budget(connection, organization_id, budget, by=by)
        return await _view(visit, connection, query=KeyQuery(), created=Created(key, secret))


def require_for_keys(visit: Visit, kind: KeyKind) -> None:
    """Raise RoleInsufficientError where the member may not change keys of this kind."""
    visit.require(Permission.MANAGE_ADMIN_KEYS if kind == "admin" else Permission.MANAGE_KEYS)


def may_change_keys(visit: Visit, kind: KeyKind) -> bool:
    """Whether the member may change keys of this kind."""
    return visit.may(Permission.MANAGE_ADMIN_KEYS if kind == "admin" else Permission.MANAGE_KEYS)


def parse_limits(visit: Visit, form: Mapping[str, str]) -> Restriction:
    """The models and networks of a form; RestrictionError."""
    models, networks = (_SEPARATORS.split(form.get(name, "")) for name in ("models", "networks"))
    return name_restriction(visit.deps.book, models, networks=networks)


async def pause_unused(visit: Visit, form: Mapping[str, str]) -> str:
    """Pause every API key of the page that was not used for UNUSED_AFTER: it can be resumed."""
    del form
    visit.require(Permission.MANAGE_KEYS)
    organization_id, by = visit.session.organization_id, Actor("member", visit.session.email)
    async with visit.deps.pool.connection() as connection:
        page = await list_key_standings(connection, organization_id, KeyQuery(is_unused=True), at=clock.now())
        for one in page.keys:
            if may_change_keys(visit, one.key.kind):
                change = KeyChange(is_paused=True)
                await change_key(connection, organization_id, one.key.key_id, change, by=by)
    return f"/console/keys?unused={UNUSED_AFTER.days}"


def _parse_key(visit: Visit, form: Mapping[str, str], kind: KeyKind) -> WantedKey:
    life = form.get("life", "0")
    if life not in LIVES:
        raise InvalidFormError(NO_CHOICE)
    return WantedKey(
        form.get("name", ""),
        kind,
        workspace_id=form.get("workspace_id") or None if kind == "api" else None,
        expires_at=clock.now() + timedelta(days=int(life)) if life != "0" else None,
        restriction=parse_limits(visit, form) if kind == "api" else UNRESTRICTED,
    )


def _parse_budget(form: Mapping[str, str], limit: str, key: Key) -> WantedBudget:
    period = form.get("period", "month")
    if period not in PERIODS or key.kind != "api":
        raise InvalidFormError(NO_CHOICE)
    return WantedBudget(
        limit_nano=parse_usd(limit), period=cast("Period", period), scope="key", scope_id=key.key_id
    )


def _read_query(visit: Visit) -> KeyQuery:
    state, unused = visit.find_filter("state"), visit.find_filter("unused")
    if state and state not in STATES:
        raise InvalidFilterError("state", f"must be one of {', '.join(STATES)}")
    if unused not in {"", str(UNUSED_AFTER.days)}:
        raise InvalidFilterError("unused", f"must be {UNUSED_AFTER.days}, a number of days")
    return KeyQuery(
        state=cast("KeyState", state) or None,
        workspace_id=visit.find_filter("workspace") or None,
        is_unused=bool(unused),
        before_id=visit.find_filter("before") or None,
    )


async def _view(
    visit: Visit, connection: Connection, *, query: KeyQuery, created: Created | None = None
) -> View:
    at = clock.now()
    organization_id = visit.session.organization_id
    page = await list_key_standings(connection, organization_id, query, at=at)
    workspaces = await list_workspaces(connection, organization_id)
    context = {
        "page": page,
        "as_of": at,
        "query": query,
        "created": created,
        "lives": LIVES,
        "periods": PERIODS,
        "states": STATES,
        "unused_days": UNUSED_AFTER.days,
        "workspaces": workspaces,
        "open_workspaces": _list_open(workspaces),
        "may_create": visit.may(Permission.MANAGE_KEYS),
        "may_create_admin": visit.may(Permission.MANAGE_ADMIN_KEYS),
        "may_budget": visit.may(Permission.MANAGE_BUDGETS),
    }
    return View("access/keys.html", context, _render(page))


def _list_open(workspaces: list[Workspace]) -> list[Workspace]:
    return [workspace for workspace in workspaces if workspace.archived_at is None]


def _render(page: KeyPage) -> dict[str, object]:
    return {
        "type": "key_list",
        "as_of": page.as_of.isoformat(),
        "data": [render_key_standing(standing) for standing in page.keys],
        "has_more": page.next_id is not None,
        "next_id": page.next_id,
    }
