"""Deliveries: the events of an organization and how far they got, newest first, page by page.

``organization_id`` None is the operator, who sees the events of every organization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection
from jeton.notifications.endpoints import Endpoint
from jeton.notifications.standard import ATTEMPTS_MAX

PAGE_ROWS = 20
PAGE_ROWS_MAX = 999
HEALTH_DELIVERIES_MAX = 100

DeliveryState = Literal["delivered", "waiting", "given_up"]

_LIST_EVENTS = """
    SELECT e.event_id, e.organization_id, e.type, e.data, e.occurred_at,
           count(d.delivery_id) AS deliveries, count(d.delivered_at) AS delivered,
           count(d.gave_up_at) AS given_up
    FROM (
        SELECT * FROM events
        WHERE (organization_id = %(organization_id)s OR %(organization_id)s::uuid IS NULL)
          AND (%(type)s = '' OR type = %(type)s)
          AND (%(before_id)s = '' OR event_id < %(before_id)s)
        ORDER BY event_id DESC LIMIT %(limit)s
    ) AS e
    LEFT JOIN deliveries AS d USING (event_id)
    GROUP BY e.event_id, e.organization_id, e.type, e.data, e.occurred_at ORDER BY e.event_id DESC
"""
_LIST_DELIVERIES = """
    SELECT d.delivery_id, d.event_id, e.type, d.endpoint_id, d.created_at, d.attempts, d.next_attempt_at,
           d.last_attempt_at, d.last_status, d.last_problem, d.last_response, d.delivered_at, d.gave_up_at
    FROM deliveries AS d JOIN events AS e USING (event_id)
    WHERE d.endpoint_id = %(endpoint_id)s AND (%(before_id)s = '' OR d.delivery_id < %(before_id)s)
    ORDER BY d.delivery_id DESC LIMIT %(limit)s
"""

_HEALTH = """
    SELECT w.endpoint_id, count(d.delivery_id) AS deliveries, count(d.delivered_at) AS delivered,
           count(d.next_attempt_at) AS waiting, count(d.gave_up_at) AS given_up,
           max(d.delivered_at) AS last_delivered_at, min(d.next_attempt_at) AS next_attempt_at,
           (array_agg(d.last_problem ORDER BY d.last_attempt_at DESC)
               FILTER (WHERE d.last_problem IS NOT NULL))[1] AS last_problem
    FROM unnest(%(endpoint_ids)s::text[]) AS w (endpoint_id)
    LEFT JOIN LATERAL (
        SELECT * FROM deliveries WHERE endpoint_id = w.endpoint_id ORDER BY delivery_id DESC LIMIT %(limit)s
    ) AS d ON true
    GROUP BY w.endpoint_id
"""


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event, and to how many it goes, went, or could not be brought."""

    event_id: str
    organization_id: UUID | None
    type: str
    data: Any
    occurred_at: datetime
    deliveries: int
    delivered: int
    given_up: int


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    """One event on its way to one endpoint."""

    delivery_id: str
    event_id: str
    type: str
    endpoint_id: str
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_problem: str | None
    last_response: str | None
    delivered_at: datetime | None
    gave_up_at: datetime | None

    @property
    def state(self) -> DeliveryState:
        """Where it stands."""
        if self.delivered_at is not None:
            return "delivered"
        return "waiting" if self.gave_up_at is None else "given_up"


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """How the latest deliveries of an endpoint went; HEALTH_DELIVERIES_MAX of them are looked at."""

    endpoint_id: str
    deliveries: int
    delivered: int
    waiting: int
    given_up: int
    last_delivered_at: datetime | None
    next_attempt_at: datetime | None
    last_problem: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: the ``limit`` newest ones, or those before an id."""

    limit: int = PAGE_ROWS
    before_id: str = ""


async def list_events(
    connection: Connection, organization_id: UUID | None, page: Page, *, type_: str = ""
) -> list[ListedEvent]:
    """A page of events, of one type or ("") of all."""
    async with connection.cursor(row_factory=class_row(ListedEvent)) as cursor:
        await cursor.execute(
            _LIST_EVENTS,
            {
                "organization_id": organization_id,
                "type": type_,
                "before_id": page.before_id,
                "limit": page.limit,
            },
        )
        return await cursor.fetchall()


async def list_deliveries(connection: Connection, endpoint: Endpoint, page: Page) -> list[ListedDelivery]:
    """A page of what went, goes or did not get to an endpoint."""
    async with connection.cursor(row_factory=class_row(ListedDelivery)) as cursor:
        await cursor.execute(
            _LIST_DELIVERIES,
            {"endpoint_id": endpoint.endpoint_id, "before_id": page.before_id, "limit": page.limit},
        )
        return await cursor.fetchall()


async def list_endpoint_health(
    connection: Connection, endpoint_ids: Sequence[str]
) -> dict[str, EndpointHealth]:
    """How these endpoints do, by id."""
    async with connection.cursor(row_factory=class_row(EndpointHealth)) as cursor:
        await cursor.execute(_HEALTH, {"endpoint_ids": list(endpoint_ids), "limit": HEALTH_DELIVERIES_MAX})
        return {health.endpoint_id: health for health in await cursor.fetchall()}


def render_health(health: EndpointHealth) -> dict[str, object]:
    """How an endpoint does, as the Console's twin gives it."""
    return {
        "deliveries": health.deliveries,
        "delivered": health.delivered,
        "waiting": health.waiting,
        "given_up": health.given_up,
        "last_delivered_at": _render_time(health.last_delivered_at),
        "next_attempt_at": _render_time(health.next_attempt_at),
        "last_problem": health.last_problem,
    }


def render_event(event: ListedEvent) -> dict[str, object]:
    """An event as the API and the command line give it."""
    return {
        "id": event.event_id,
        "type": "event",
        "event_type": event.type,
        "organization_id": None if event.organization_id is None else str(event.organization_id),
        "occurred_at": event.occurred_at.isoformat(),
        "data": event.data,
        "deliveries": event.deliveries,
        "delivered": event.delivered,
        "given_up": event.given_up,
    }


def render_delivery(delivery: ListedDelivery) -> dict[str, object]:
    """A delivery as the API and the command line give it."""
    return {
        "id": delivery.delivery_id,
        "type": "delivery",
        "event_id": delivery.event_id,
        "event_type": delivery.type,
        "webhook_id": delivery.endpoint_id,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "attempts_max": ATTEMPTS_MAX,
        "last_status": delivery.last_status,
        "last_problem": delivery.last_problem,
        "last_response": delivery.last_response,
        "created_at": delivery.created_at.isoformat(),
        "last_attempt_at": _render_time(delivery.last_attempt_at),
        "next_attempt_at": _render_time(delivery.next_attempt_at),
        "delivered_at": _render_time(delivery.delivered_at),
        "gave_up_at": _render_time(delivery.gave_up_at),
    }


def render_endpoint(endpoint: Endpoint) -> dict[str, object]:
    """An endpoint as the API and the command line give it, without its secret."""
    return {
        "id": endpoint.endpoint_id,
        "type": "webhook",
        "organization_id": None if endpoint.organization_id is None else str(endpoint.organization_id),
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": None if endpoint.event_types is None else list(endpoint.event_types),
        "status": "enabled" if endpoint.disabled_at is None else "disabled",
        "disabled_reason": endpoint.disabled_reason,
        "disabled_at": _render_time(endpoint.disabled_at),
        "failing_since": _render_time(endpoint.failing_since),
        "previous_secret_until": _render_time(endpoint.previous_until),
        "created_at": endpoint.created_at.isoformat(),
        "created_by": endpoint.created_by,
    }


def _render_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
