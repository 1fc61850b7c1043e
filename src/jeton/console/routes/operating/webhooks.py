"""Webhooks: where an organization is told of events by program, how that goes, and what is tried again."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from jeton import clock
from jeton.console.errors import InvalidFormError
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.roles.permissions import Permission
from jeton.insight.deliveries import (
    HEALTH_DELIVERIES_MAX,
    PAGE_ROWS,
    Page,
    list_deliveries,
    list_endpoint_health,
    render_delivery,
    render_endpoint,
    render_health,
)
from jeton.notifications.catalogue import TYPES
from jeton.notifications.endpoints import (
    DESCRIPTION_CHARS_MAX,
    ENDPOINTS_MAX,
    Endpoint,
    WantedEndpoint,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_endpoints,
    rotate_secret,
    set_enabled,
)
from jeton.notifications.outbox import replay, replay_missed, send_test
from jeton.notifications.standard import ATTEMPTS_MAX

PLACE = "/console/webhooks"
# Of a rotation, in hours.
OVERLAPS: Mapping[str, str] = {"24": "a day", "168": "a week", "0": "not at all"}
TYPE_FIELD = "type:"
OFFERED = tuple(name for name, type_ in TYPES.items() if type_.audience == "organization")


async def show_webhooks(visit: Visit) -> View:
    """The organization's endpoints, and how they do."""
    visit.require(Permission.MANAGE_WEBHOOKS)
    async with visit.deps.pool.connection() as connection:
        return await _list(visit, connection)


async def show_webhook(visit: Visit) -> View:
    """One endpoint with its latest deliveries, page by page."""
    visit.require(Permission.MANAGE_WEBHOOKS)
    async with visit.deps.pool.connection() as connection:
        endpoint = await _get(visit, connection)
        return await _show_one(visit, connection, endpoint)


async def create(visit: Visit, form: Mapping[str, str]) -> View:
    """Make an endpoint and show its secret, this one time."""
    visit.require(Permission.MANAGE_WEBHOOKS)
    target = await visit.deps.address_rules.check(form.get("url", "").strip())
    chosen = tuple(name.removeprefix(TYPE_FIELD) for name in form if name.startswith(TYPE_FIELD))
    wanted = WantedEndpoint(target, form.get("description", ""), chosen or None, visit.session.email)
    async with visit.deps.pool.connection() as connection:
        endpoint, secret = await create_endpoint(
            connection, visit.session.organization_id, wanted, at=clock.now()
        )
        await _record(visit, connection, "webhook.created", endpoint)
        return await _list(visit, connection, shown=endpoint, secret=secret)


async def rotate(visit: Visit, form: Mapping[str, str]) -> View:
    """Give an endpoint another secret and show it, this one time; the former one lasts for a while."""
    visit.require(Permission.MANAGE_WEBHOOKS)
    hours = form.get("overlap", "")
    if hours not in OVERLAPS:
        raise InvalidFormError("it has a choice that the page does not offer")
    async with visit.deps.pool.connection() as connection:
        endpoint = await _get(visit, connection)
        overlap = timedelta(hours=int(hours))
        secret = await rotate_secret(connection, endpoint, overlap=overlap, at=clock.now())
        await _record(visit, connection, "webhook.rotated", endpoint)
        return await _list(visit, connection, shown=await _get(visit, connection), secret=secret)


async def enable(visit: Visit, form: Mapping[str, str]) -> str:
    """Enable an endpoint, or disable it, as the form says."""
    visit.require(Permission.MANAGE_WEBHOOKS)
    is_enabled = form.get("is_enabled") == "yes"
    async with visit.deps.pool.connection() as connection:
        endpoint = await _get(visit, connection)
        await set_enabled(connection, endpoint, is_enabled=is_enabled, at=clock.now())
        await _record(visit, connection, "webhook.enabled" if is_enabled else "webhook.disabled", endpoint)
    return _place(endpoint)


async def delete(visit: Visit, form: Mapping[str, str]) -> str:
    """Delete an endpoint, for good."""
    del form
    visit.require(Permission.MANAGE_WEBHOOKS)
    webhook_id: str = visit.request.path_params["webhook_id"]
    async with visit.deps.pool.connection() as connection:
        endpoint = await delete_endpoint(
            connection, visit.session.organization_id, webhook_id, at=clock.now()
        )
        await _record(visit, connection, "webhook.deleted", endpoint)
    return PLACE


async def test(visit: Visit, form: Mapping[str, str]) -> str:
    """Have a test sent to an endpoint."""
    del form
    visit.require(Permission.MANAGE_WEBHOOKS)
    async with visit.deps.pool.connection() as connection:
        endpoint = await _get(visit, connection)
        await send_test(connection, endpoint, at=clock.now())
    return _place(endpoint)


async def replay_one(visit: Visit, form: Mapping[str, str]) -> str:
    """Send an event to the endpoint again, now."""
    visit.require(Permission.MANAGE_WEBHOOKS)
    organization_id = visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        endpoint = await _get(visit, connection)
        await replay(
            connection,
            organization_id,
            form.get("event_id", ""),
            endpoint_id=endpoint.endpoint_id,
            at=clock.now(),
        )
    return _place(endpoint)


async def replay_since(visit: Visit, form: Mapping[str, str]) -> str:
    """Send the endpoint what it missed since a day, now."""
    visit.require(Permission.MANAGE_WEBHOOKS)
    try:
        since_on = date.fromisoformat(form.get("since", ""))
    except ValueError:
        raise InvalidFormError("the day is not one such as 2026-11-23") from None
    since = datetime.combine(since_on, time(), UTC)
    async with visit.deps.pool.connection() as connection:
        endpoint = await _get(visit, connection)
        await replay_missed(connection, endpoint, since=since, at=clock.now())
    return _place(endpoint)


async def _list(
    visit: Visit, connection: Connection, *, shown: Endpoint | None = None, secret: str = ""
) -> View:
    endpoints = await list_endpoints(connection, visit.session.organization_id)
    health = await list_endpoint_health(connection, [endpoint.endpoint_id for endpoint in endpoints])
    at = clock.now()
    context = {
        "as_of": at,
        "endpoints": endpoints,
        "health": health,
        "shown": shown,
        "secret": secret,
        "types": OFFERED,
        "type_field": TYPE_FIELD,
        "endpoints_max": ENDPOINTS_MAX,
        "description_chars_max": DESCRIPTION_CHARS_MAX,
        "deliveries_max": HEALTH_DELIVERIES_MAX,
    }
    data = {
        "type": "webhook_list",
        "as_of": at.isoformat(),
        "data": [
            {**render_endpoint(endpoint), "health": render_health(health[endpoint.endpoint_id])}
            for endpoint in endpoints
        ],
    }
    return View("operating/webhooks.html", context, data)


async def _show_one(visit: Visit, connection: Connection, endpoint: Endpoint) -> View:
    page = Page(PAGE_ROWS + 1, visit.find_filter("before"))
    found = await list_deliveries(connection, endpoint, page)
    health = (await list_endpoint_health(connection, [endpoint.endpoint_id]))[endpoint.endpoint_id]
    deliveries, at = found[:PAGE_ROWS], clock.now()
    has_more = len(found) > PAGE_ROWS
    context = {
        "as_of": at,
        "endpoint": endpoint,
        "health": health,
        "deliveries": deliveries,
        "attempts_max": ATTEMPTS_MAX,
        "next_id": deliveries[-1].delivery_id if has_more else "",
        "overlaps": OVERLAPS,
        "week_ago": (at - timedelta(days=7)).date().isoformat(),
        "deliveries_max": HEALTH_DELIVERIES_MAX,
    }
    data = {
        **render_endpoint(endpoint),
        "as_of": at.isoformat(),
        "health": render_health(health),
        "deliveries": [render_delivery(delivery) for delivery in deliveries],
        "has_more": has_more,
    }
    return View("operating/webhook.html", context, data)


async def _get(visit: Visit, connection: Connection) -> Endpoint:
    webhook_id: str = visit.request.path_params["webhook_id"]
    return await get_endpoint(connection, visit.session.organization_id, webhook_id)


async def _record(visit: Visit, connection: Connection, action: str, endpoint: Endpoint) -> None:
    await record_audit(
        connection,
        Actor("member", visit.session.email),
        action,
        subject=endpoint.endpoint_id,
        organization_id=visit.session.organization_id,
        details={"url": endpoint.url},
    )


def _place(endpoint: Endpoint) -> str:
    return f"{PLACE}/{endpoint.endpoint_id}"
