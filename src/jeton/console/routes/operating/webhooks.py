"""Webhooks: where an organization, or the operator, is told of events by program, and how that goes.

The pages of both are the same: an organization's are its members' with the permission, the operator's are the
operator's, whose endpoints belong to no organization and get the events of every one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

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
    set_types,
)
from jeton.notifications.outbox import MISSED_MAX, replay, replay_missed, send_test
from jeton.notifications.standard import ATTEMPTS_MAX

# Of a rotation, in hours.
OVERLAPS: Mapping[str, str] = {"24": "a day", "168": "a week", "0": "not at all"}
TYPE_FIELD = "type:"


@dataclass(frozen=True, slots=True)
class WebhookPages:
    """The pages below ``place``: of the operator's webhooks, or of the visitor's organization."""

    place: str
    is_operators: bool = False

    async def show_all(self, visit: Visit) -> View:
        """The endpoints, and how they do."""
        self._require(visit)
        async with visit.deps.pool.connection() as connection:
            return await self._list(visit, connection)

    async def show_one(self, visit: Visit) -> View:
        """One endpoint with its latest deliveries, page by page."""
        self._require(visit)
        async with visit.deps.pool.connection() as connection:
            return await self._show_one(visit, connection, await self._get(visit, connection))

    async def create(self, visit: Visit, form: Mapping[str, str]) -> View:
        """Make an endpoint and show its secret, this one time."""
        self._require(visit)
        target = await visit.deps.address_rules.check(form.get("url", "").strip())
        wanted = WantedEndpoint(target, form.get("description", ""), read_types(form), visit.session.email)
        async with visit.deps.pool.connection() as connection:
            endpoint, secret = await create_endpoint(connection, self._owner(visit), wanted, at=clock.now())
            await self._record(visit, connection, "webhook.created", endpoint)
            return await self._list(visit, connection, shown=endpoint, secret=secret)

    async def rotate(self, visit: Visit, form: Mapping[str, str]) -> View:
        """Give an endpoint another secret and show it, this one time; the former one lasts for a while."""
        self._require(visit)
        hours = form.get("overlap", "")
        if hours not in OVERLAPS:
            raise InvalidFormError("it has a choice that the page does not offer")
        async with visit.deps.pool.connection() as connection:
            endpoint = await self._get(visit, connection)
            overlap = timedelta(hours=int(hours))
            secret = await rotate_secret(connection, endpoint, overlap=overlap, at=clock.now())
            await self._record(visit, connection, "webhook.rotated", endpoint)
            return await self._list(
                visit, connection, shown=await self._get(visit, connection), secret=secret
            )

    async def choose(self, visit: Visit, form: Mapping[str, str]) -> str:
        """Choose the types of events that an endpoint takes from now on."""
        self._require(visit)
        async with visit.deps.pool.connection() as connection:
            endpoint = await self._get(visit, connection)
            await set_types(connection, endpoint, read_types(form))
            await self._record(visit, connection, "webhook.types_chosen", await self._get(visit, connection))
        return self._at(endpoint)

    async def enable(self, visit: Visit, form: Mapping[str, str]) -> str:
        """Enable an endpoint, or disable it, as the form says."""
        self._require(visit)
        is_enabled = form.get("is_enabled") == "yes"
        async with visit.deps.pool.connection() as connection:
            endpoint = await self._get(visit, connection)
            await set_enabled(connection, endpoint, is_enabled=is_enabled, at=clock.now())
            action = "webhook.enabled" if is_enabled else "webhook.disabled"
            await self._record(visit, connection, action, endpoint)
        return self._at(endpoint)

    async def delete(self, visit: Visit, form: Mapping[str, str]) -> str:
        """Delete an endpoint, for good."""
        del form
        self._require(visit)
        webhook_id: str = visit.request.path_params["webhook_id"]
        async with visit.deps.pool.connection() as connection:
            endpoint = await delete_endpoint(connection, self._owner(visit), webhook_id, at=clock.now())
            await self._record(visit, connection, "webhook.deleted", endpoint)
        return self.place

    async def test(self, visit: Visit, form: Mapping[str, str]) -> str:
        """Have a test sent to an endpoint."""
        del form
        self._require(visit)
        async with visit.deps.pool.connection() as connection:
            endpoint = await self._get(visit, connection)
            await send_test(connection, endpoint, at=clock.now())
        return self._at(endpoint)

    async def replay_one(self, visit: Visit, form: Mapping[str, str]) -> str:
        """Send an event to the endpoint again, now."""
        self._require(visit)
        event_id = form.get("event_id", "")
        async with visit.deps.pool.connection() as connection:
            endpoint = await self._get(visit, connection)
            await replay(
                connection, self._owner(visit), event_id, endpoint_id=endpoint.endpoint_id, at=clock.now()
            )
        return self._at(endpoint)

    async def replay_range(self, visit: Visit, form: Mapping[str, str]) -> View:
        """Send the endpoint what it missed in some days, now; or everything of them."""
        self._require(visit)
        since, until = _read_day(form, "since"), _read_day(form, "until")
        if since is None or (until is not None and until <= since):
            raise InvalidFormError("the first day is missing, or not before the last")
        is_again, at = bool(form.get("is_again")), clock.now()
        async with visit.deps.pool.connection() as connection:
            endpoint = await self._get(visit, connection)
            event_ids = await replay_missed(
                connection, endpoint, since=since, until=until, is_again=is_again, at=at
            )
            return await self._show_one(visit, connection, endpoint, replayed=len(event_ids))

    def _require(self, visit: Visit) -> None:
        if self.is_operators:
            visit.require_operator()
        else:
            visit.require(Permission.MANAGE_WEBHOOKS)

    def _owner(self, visit: Visit) -> UUID | None:
        return None if self.is_operators else visit.session.organization_id

    async def _get(self, visit: Visit, connection: Connection) -> Endpoint:
        return await get_endpoint(connection, self._owner(visit), visit.request.path_params["webhook_id"])

    def _at(self, endpoint: Endpoint) -> str:
        return f"{self.place}/{endpoint.endpoint_id}"

    def _list_types(self) -> tuple[str, ...]:
        return tuple(
            name for name, type_ in TYPES.items() if self.is_operators or type_.audience == "organization"
        )

    async def _record(self, visit: Visit, connection: Connection, action: str, endpoint: Endpoint) -> None:
        types = ", ".join(endpoint.event_types or ("every type",))
        await record_audit(
            connection,
            Actor("operator" if self.is_operators else "member", visit.session.email),
            action,
            subject=endpoint.endpoint_id,
            organization_id=endpoint.organization_id,
            details={"url": endpoint.url, "events": types},
        )

    async def _list(
        self, visit: Visit, connection: Connection, *, shown: Endpoint | None = None, secret: str = ""
    ) -> View:
        endpoints = await list_endpoints(connection, self._owner(visit))
        health = await list_endpoint_health(connection, [endpoint.endpoint_id for endpoint in endpoints])
        at = clock.now()
        context = {
            "as_of": at,
            "place": self.place,
            "is_operators": self.is_operators,
            "endpoints": endpoints,
            "health": health,
            "shown": shown,
            "secret": secret,
            "types": self._list_types(),
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

    async def _show_one(
        self, visit: Visit, connection: Connection, endpoint: Endpoint, *, replayed: int | None = None
    ) -> View:
        page = Page(PAGE_ROWS + 1, visit.find_filter("before"))
        found = await list_deliveries(connection, endpoint, page)
        health = (await list_endpoint_health(connection, [endpoint.endpoint_id]))[endpoint.endpoint_id]
        deliveries, at = found[:PAGE_ROWS], clock.now()
        has_more = len(found) > PAGE_ROWS
        context = {
            "as_of": at,
            "place": self.place,
            "twin": f"{self._at(endpoint)}.json",
            "endpoint": endpoint,
            "health": health,
            "deliveries": deliveries,
            "attempts_max": ATTEMPTS_MAX,
            "next_id": deliveries[-1].delivery_id if has_more else "",
            "overlaps": OVERLAPS,
            "types": self._list_types(),
            "type_field": TYPE_FIELD,
            "week_ago": (at - timedelta(days=7)).date().isoformat(),
            "deliveries_max": HEALTH_DELIVERIES_MAX,
            "replayed": replayed,
            "replayed_max": MISSED_MAX,
        }
        data = {
            **render_endpoint(endpoint),
            "as_of": at.isoformat(),
            "health": render_health(health),
            "deliveries": [render_delivery(delivery) for delivery in deliveries],
            "has_more": has_more,
        }
        return View("operating/webhook.html", context, data)


ORGANIZATIONS = WebhookPages("/console/webhooks")
OPERATORS = WebhookPages("/console/operator-webhooks", is_operators=True)


def read_types(form: Mapping[str, str]) -> tuple[str, ...] | None:
    """The types of events that are chosen in a form; None for every one."""
    return tuple(name.removeprefix(TYPE_FIELD) for name in form if name.startswith(TYPE_FIELD)) or None


def _read_day(form: Mapping[str, str], name: str) -> datetime | None:
    text = form.get(name, "").strip()
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None
    except ValueError:
        raise InvalidFormError("the day is not one such as 2026-11-23") from None
