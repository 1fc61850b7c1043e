"""Key: one key, what it cost since an instant, and what can be done to it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from jeton import clock
from jeton.batches.changing import end_leaked_key
from jeton.console.choices import CHOICES
from jeton.console.errors import InvalidFilterError, InvalidFormError
from jeton.console.routes.access.keys import Created, may_change_keys, parse_limits, require_for_keys
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.errors import UnknownKeyIdError
from jeton.identity.key_life.changing import KeyChange, change_key, restrict_key, rotate_key
from jeton.identity.key_life.owning import give_key
from jeton.identity.keys import Key, get_key, record_key_audit, revoke_key
from jeton.identity.members import list_members
from jeton.identity.organizations import list_workspaces
from jeton.identity.roles.permissions import Permission
from jeton.insight.access.keys import find_key_standing, render_key_standing
from jeton.insight.access.spending import read_key_cost
from jeton.money import render_usd

# How long a rotated key's former secret works, in seconds.
OVERLAPS = {"0": "at once", "3600": "in an hour", "86400": "in a day", "604800": "in 7 days"}
SINCE_DEFAULT = timedelta(days=1)
_LOCAL = "%Y-%m-%dT%H:%M"


async def show_key(visit: Visit) -> View:
    """One key, with its cost since the instant in the address: a day ago, unless it says another."""
    async with visit.deps.pool.connection() as connection:
        return await _view(visit, connection)


async def change(visit: Visit, form: Mapping[str, str]) -> str:
    """Give the key another name, workspace or owner, all or nothing; budgets count by owner."""
    wanted = KeyChange(name=form.get("name"), workspace_id=form.get("workspace_id") or None)
    if "member_id" in form:
        visit.require(Permission.MANAGE_BUDGETS)
    async with visit.deps.pool.connection() as connection:
        key_id = await _change_own(visit, connection, wanted)
        if "member_id" in form:
            organization_id, member_id = visit.session.organization_id, form["member_id"]
            await give_key(connection, organization_id, key_id, member_id=member_id, by=_actor(visit))
    return _place(key_id)


async def pause(visit: Visit, form: Mapping[str, str]) -> str:
    """Refuse the key until it is resumed."""
    del form
    return await _change(visit, KeyChange(is_paused=True))


async def resume(visit: Visit, form: Mapping[str, str]) -> str:
    """Accept the key again."""
    del form
    return await _change(visit, KeyChange(is_paused=False))


async def rotate(visit: Visit, form: Mapping[str, str]) -> View:
    """Give the key a new secret and show it, this one time; the former one works on for a while."""
    overlap = form.get("overlap", "0")
    if overlap not in OVERLAPS:
        raise InvalidFormError("it has a choice that the page does not offer")
    async with visit.deps.pool.connection() as connection:
        await _get_own(visit, connection)
        key, secret = await rotate_key(
            connection,
            visit.session.organization_id,
            _key_id(visit),
            overlap=timedelta(seconds=int(overlap)),
            by=_actor(visit),
        )
        return await _view(visit, connection, created=Created(key, secret))


async def restrict(visit: Visit, form: Mapping[str, str]) -> str:
    """Restrict the key to models and networks, or to none."""
    wanted = parse_limits(visit, form)
    async with visit.deps.pool.connection() as connection:
        await _get_own(visit, connection)
        by = _actor(visit)
        key = await restrict_key(connection, visit.session.organization_id, _key_id(visit), wanted, by=by)
    return _place(key.key_id)


async def end_leaked(visit: Visit, form: Mapping[str, str]) -> str:
    """Revoke a key that leaked, end what it has in flight, and show what it cost since it did."""
    since = form.get("since", "")
    if since:
        _parse_since(since)
    async with visit.deps.pool.connection() as connection:
        await _get_own(visit, connection)
        organization_id, key_id, by = visit.session.organization_id, _key_id(visit), _actor(visit)
        await end_leaked_key(connection, organization_id, key_id, by=by, at=clock.now())
    return _place(key_id, since=since, ended="yes")


async def revoke(visit: Visit, form: Mapping[str, str]) -> str:
    """Revoke the key, for good and at once; then show what it cost since the instant that was asked for."""
    since = form.get("since", "")
    if since:
        _parse_since(since)
    async with visit.deps.pool.connection() as connection:
        before = await _get_own(visit, connection)
        key = await revoke_key(connection, visit.session.organization_id, before.key_id)
        if before.revoked_at is None:
            await record_key_audit(connection, _actor(visit), "key.revoked", key)
    return _place(key.key_id, since=since)


async def _change(visit: Visit, wanted: KeyChange) -> str:
    async with visit.deps.pool.connection() as connection:
        return _place(await _change_own(visit, connection, wanted))


async def _change_own(visit: Visit, connection: Connection, wanted: KeyChange) -> str:
    own = await _get_own(visit, connection)
    key = await change_key(connection, visit.session.organization_id, own.key_id, wanted, by=_actor(visit))
    return key.key_id


async def _get_own(visit: Visit, connection: Connection) -> Key:
    """The key of the address, if this member may change it."""
    key = await get_key(connection, visit.session.organization_id, _key_id(visit))
    require_for_keys(visit, key.kind)
    return key


async def _view(visit: Visit, connection: Connection, *, created: Created | None = None) -> View:
    at, key_id = clock.now(), _key_id(visit)
    organization_id = visit.session.organization_id
    standing = await find_key_standing(connection, organization_id, key_id, at=at)
    if standing is None:
        raise UnknownKeyIdError(key_id)
    text = visit.find_filter("since")
    since = _parse_since(text) if text else at - SINCE_DEFAULT
    cost = await read_key_cost(connection, organization_id, key_id, since=since)
    workspaces = await list_workspaces(connection, organization_id, has_archived=False)
    context = {
        "one": standing,
        "as_of": at,
        "cost": cost,
        "since_local": f"{since.astimezone(CHOICES.get().zone):{_LOCAL}}",
        "workspaces": workspaces,
        "members": await list_members(connection, organization_id),
        "may_give": visit.may(Permission.MANAGE_BUDGETS),
        "overlaps": OVERLAPS,
        "created": created,
        "is_ended": visit.find_filter("ended") == "yes",
        "may_change": may_change_keys(visit, standing.key.kind),
    }
    data = {
        **render_key_standing(standing),
        "as_of": at.isoformat(),
        "cost": {
            "since": cost.since.isoformat(),
            "net_amount": render_usd(cost.net_nano),
            "held": render_usd(cost.held_nano),
        },
    }
    return View("access/key.html", context, data)


def _parse_since(text: str) -> datetime:
    """An instant as an address or a form has it; without an offset it is in the chosen zone."""
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidFilterError("since", "is not an instant such as 2026-11-23T09:30") from None
    if since.tzinfo is None:
        since = since.replace(tzinfo=CHOICES.get().zone)
    try:
        return since.astimezone(UTC)
    except OverflowError:
        raise InvalidFilterError("since", "is not an instant such as 2026-11-23T09:30") from None


def _key_id(visit: Visit) -> str:
    key_id = str(visit.request.path_params["key_id"])
    if not key_id.isprintable():
        raise UnknownKeyIdError(ascii(key_id))
    return key_id


def _actor(visit: Visit) -> Actor:
    return Actor("member", visit.session.email)


def _place(key_id: str, **query: str) -> str:
    named = {name: value for name, value in query.items() if value}
    return f"/console/keys/{key_id}{'?' if named else ''}{urlencode(named)}"
