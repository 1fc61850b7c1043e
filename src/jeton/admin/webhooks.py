"""Webhooks over the Admin API: an organization's endpoints, its events, and how far they got."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.resource import Call, Resource, render_list
from jeton.insight.deliveries import (
    PAGE_ROWS,
    PAGE_ROWS_MAX,
    Page,
    list_deliveries,
    list_events,
    render_delivery,
    render_endpoint,
    render_event,
)
from jeton.notifications.endpoints import (
    WantedEndpoint,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_endpoints,
    rotate_secret,
    set_enabled,
    set_types,
)
from jeton.notifications.outbox import MISSED_MAX, replay, replay_missed, send_test


class CreateWebhook(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that creates an endpoint."""

    url: str
    description: str = ""
    event_types: tuple[str, ...] | None = None


class ChangeWebhook(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that changes an endpoint; what is not there stays."""

    is_enabled: bool | None = None
    event_types: tuple[str, ...] | msgspec.UnsetType | None = msgspec.UNSET


class RotateSecret(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that gives an endpoint another secret; the former one signs as well for so long."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=168)] = 24


class Replay(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that sends an event again: to one endpoint, or to every one that takes it."""

    webhook_id: str | None = None


class ReplayMissed(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that sends an endpoint what it missed."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]


def webhook_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of endpoints and events."""
    one = {"GET": _get, "POST": _change, "DELETE": _delete}
    deliveries = {"GET": _list_deliveries}
    return [
        Route("/v1/organizations/webhooks", Resource(deps, {"GET": _list, "POST": _create})),
        Route("/v1/organizations/webhooks/{webhook_id}", Resource(deps, one)),
        Route("/v1/organizations/webhooks/{webhook_id}/rotate", Resource(deps, {"POST": _rotate})),
        Route("/v1/organizations/webhooks/{webhook_id}/test", Resource(deps, {"POST": _test})),
        Route("/v1/organizations/webhooks/{webhook_id}/replay", Resource(deps, {"POST": _replay_missed})),
        Route("/v1/organizations/webhooks/{webhook_id}/deliveries", Resource(deps, deliveries)),
        Route("/v1/organizations/events", Resource(deps, {"GET": _list_events})),
        Route("/v1/organizations/events/{event_id}/replay", Resource(deps, {"POST": _replay})),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        endpoints = await list_endpoints(connection, caller.organization_id)
    return render_list([render_endpoint(endpoint) for endpoint in endpoints], has_more=False)


async def _create(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(CreateWebhook)
    target = await call.deps.address_rules.check(body.url.strip())
    wanted = WantedEndpoint(target, body.description, body.event_types, caller.key_id)
    async with call.connect() as connection:
        endpoint, secret = await create_endpoint(connection, caller.organization_id, wanted, at=clock.now())
    return {**render_endpoint(endpoint), "secret": secret}


async def _get(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return render_endpoint(await get_endpoint(connection, caller.organization_id, _webhook_id(call)))


async def _change(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(ChangeWebhook)
    async with call.connect() as connection:
        endpoint = await get_endpoint(connection, caller.organization_id, _webhook_id(call))
        if body.is_enabled is not None:
            await set_enabled(connection, endpoint, is_enabled=body.is_enabled, at=clock.now())
        if not isinstance(body.event_types, msgspec.UnsetType):
            await set_types(connection, endpoint, body.event_types)
        return render_endpoint(await get_endpoint(connection, caller.organization_id, endpoint.endpoint_id))


async def _delete(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        endpoint = await delete_endpoint(
            connection, caller.organization_id, _webhook_id(call), at=clock.now()
        )
    return {"type": "webhook_deleted", "id": endpoint.endpoint_id}


async def _rotate(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    overlap = timedelta(hours=call.read_body(RotateSecret).overlap_hours)
    async with call.connect() as connection:
        endpoint = await get_endpoint(connection, caller.organization_id, _webhook_id(call))
        secret = await rotate_secret(connection, endpoint, overlap=overlap, at=clock.now())
        endpoint = await get_endpoint(connection, caller.organization_id, endpoint.endpoint_id)
    return {**render_endpoint(endpoint), "secret": secret}


async def _test(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        endpoint = await get_endpoint(connection, caller.organization_id, _webhook_id(call))
        event_id = await send_test(connection, endpoint, at=clock.now())
    return {"type": "webhook_test", "webhook_id": endpoint.endpoint_id, "event_id": event_id}


async def _list_deliveries(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    page = _read_page(call)
    async with call.connect() as connection:
        endpoint = await get_endpoint(connection, caller.organization_id, _webhook_id(call))
        found = await list_deliveries(connection, endpoint, Page(page.limit + 1, page.before_id))
    data = [render_delivery(delivery) for delivery in found[: page.limit]]
    return render_list(data, has_more=len(found) > page.limit)


async def _list_events(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    page = _read_page(call)
    type_ = call.find_text("type")
    async with call.connect() as connection:
        found = await list_events(
            connection, caller.organization_id, Page(page.limit + 1, page.before_id), type_=type_
        )
    data = [render_event(event) for event in found[: page.limit]]
    return render_list(data, has_more=len(found) > page.limit)


async def _replay(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(Replay)
    event_id = str(call.request.path_params["event_id"])
    async with call.connect() as connection:
        receivers = await replay(
            connection, caller.organization_id, event_id, endpoint_id=body.webhook_id, at=clock.now()
        )
    return {"type": "event_replay", "event_id": event_id, "webhook_ids": receivers}


async def _replay_missed(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(ReplayMissed)
    async with call.connect() as connection:
        endpoint = await get_endpoint(connection, caller.organization_id, _webhook_id(call))
        event_ids = await replay_missed(connection, endpoint, since=body.since, at=clock.now())
    return {
        "type": "webhook_replay",
        "webhook_id": endpoint.endpoint_id,
        "event_ids": event_ids,
        "has_more": len(event_ids) == MISSED_MAX,
    }


def _webhook_id(call: Call) -> str:
    return str(call.request.path_params["webhook_id"])


def _read_page(call: Call) -> Page:
    limit = call.find_count("limit", default=PAGE_ROWS, count_max=PAGE_ROWS_MAX)
    return Page(limit, call.find_text("before_id"))
