"""Endpoints: where an organization, or the operator, wants webhooks to go.

The operator's endpoints belong to no organization (``organization_id`` None) and get the events of
every one, besides those of the installation. Secrets are kept as they are: see the README.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection
from jeton.ids import new_id
from jeton.notifications.addresses import Target
from jeton.notifications.catalogue import TYPES
from jeton.notifications.errors import (
    EventTypeError,
    TooManyWebhooksError,
    UnknownWebhookError,
    WebhookTextError,
)
from jeton.notifications.standard import new_secret

ENDPOINTS_MAX = 20
DESCRIPTION_CHARS_MAX = 200
OVERLAP_MAX = timedelta(days=7)

DisabledReason = Literal["failures", "gone", "asked"]

_COLUMNS = (
    "endpoint_id, organization_id, url, description, event_types, created_at, created_by, failing_since,"
    " disabled_at, disabled_reason, previous_until"
)
_OURS = "organization_id IS NOT DISTINCT FROM %(organization_id)s AND deleted_at IS NULL"
_LIST = f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE {_OURS} ORDER BY endpoint_id LIMIT %(limit)s"  # noqa: S608 - made of constants
_FIND = f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE endpoint_id = %(endpoint_id)s AND {_OURS}"  # noqa: S608 - made of constants
_INSERT = """
    INSERT INTO webhook_endpoints
        (endpoint_id, organization_id, url, description, event_types, secret, created_at, created_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_GIVE_UP = """
    UPDATE deliveries SET next_attempt_at = NULL, claim_id = NULL, gave_up_at = %(at)s,
        last_problem = coalesce(last_problem, %(problem)s)
    WHERE endpoint_id = %(endpoint_id)s AND next_attempt_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where webhooks go; ``event_types`` None takes every type. The secret is shown at its making only.

    Until ``previous_until`` attempts are signed with the former secret, too.
    """

    endpoint_id: str
    organization_id: UUID | None
    url: str
    description: str
    event_types: Sequence[str] | None
    created_at: datetime
    created_by: str
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None
    previous_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WantedEndpoint:
    """An endpoint to make; ``AddressRules.check`` gave its target, before a connection was taken."""

    target: Target
    description: str = ""
    event_types: tuple[str, ...] | None = None
    created_by: str = ""


async def create_endpoint(
    connection: Connection,
    organization_id: UUID | None,
    wanted: WantedEndpoint,
    *,
    at: datetime,
) -> tuple[Endpoint, str]:
    """Make an endpoint; return it with its secret.

    Raises EventTypeError, WebhookTextError and TooManyWebhooksError.
    """
    event_types = parse_types(wanted.event_types)
    description = wanted.description.strip()
    if len(description) > DESCRIPTION_CHARS_MAX or not description.isprintable():
        raise WebhookTextError(DESCRIPTION_CHARS_MAX)
    if len(await list_endpoints(connection, organization_id)) >= ENDPOINTS_MAX:
        raise TooManyWebhooksError(ENDPOINTS_MAX)
    endpoint = Endpoint(
        new_id("whep"), organization_id, wanted.target.url, description, event_types, at, wanted.created_by
    )
    secret = new_secret()
    await connection.execute(
        _INSERT,
        (
            endpoint.endpoint_id,
            organization_id,
            endpoint.url,
            description,
            None if event_types is None else list(event_types),
            secret,
            at,
            wanted.created_by,
        ),
    )
    return endpoint, secret


def parse_types(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Types of events, each once; None or nothing for every type. EventTypeError for unknown ones."""
    for name in names or ():
        if name not in TYPES:
            raise EventTypeError(name, TYPES)
    return tuple(dict.fromkeys(names)) if names else None


async def list_endpoints(connection: Connection, organization_id: UUID | None) -> list[Endpoint]:
    """The endpoints of an organization, or (None) of the operator; there are ENDPOINTS_MAX at most."""
    async with connection.cursor(row_factory=class_row(Endpoint)) as cursor:
        await cursor.execute(_LIST, {"organization_id": organization_id, "limit": ENDPOINTS_MAX})
        return await cursor.fetchall()


async def get_endpoint(connection: Connection, organization_id: UUID | None, endpoint_id: str) -> Endpoint:
    """One of its endpoints, locked against other changes in this transaction; UnknownWebhookError."""
    if not endpoint_id.isprintable():
        raise UnknownWebhookError(endpoint_id)
    async with connection.cursor(row_factory=class_row(Endpoint)) as cursor:
        await cursor.execute(
            f"{_FIND} FOR NO KEY UPDATE", {"organization_id": organization_id, "endpoint_id": endpoint_id}
        )
        endpoint = await cursor.fetchone()
    if endpoint is None:
        raise UnknownWebhookError(endpoint_id)
    return endpoint


async def set_enabled(connection: Connection, endpoint: Endpoint, *, is_enabled: bool, at: datetime) -> None:
    """Enable an endpoint, or disable it because somebody asked."""
    if is_enabled:
        await connection.execute(
            "UPDATE webhook_endpoints SET disabled_at = NULL, disabled_reason = NULL, failing_since = NULL"
            " WHERE endpoint_id = %s",
            (endpoint.endpoint_id,),
        )
    elif endpoint.disabled_at is None:
        await disable(connection, endpoint.endpoint_id, reason="asked", at=at)


async def rotate_secret(
    connection: Connection, endpoint: Endpoint, *, overlap: timedelta, at: datetime
) -> str:
    """Give an endpoint, whose row is locked, another secret and return it.

    For ``overlap``, OVERLAP_MAX at most, attempts are signed with the former one as well; without any
    it is worth nothing at once.
    """
    secret = new_secret()
    until = at + min(overlap, OVERLAP_MAX) if overlap > timedelta() else None
    await connection.execute(
        "UPDATE webhook_endpoints SET previous_secret = CASE WHEN %(until)s::timestamptz IS NULL THEN NULL"
        " ELSE secret END, previous_until = %(until)s, secret = %(secret)s"
        " WHERE endpoint_id = %(endpoint_id)s",
        {"until": until, "secret": secret, "endpoint_id": endpoint.endpoint_id},
    )
    return secret


async def set_types(connection: Connection, endpoint: Endpoint, event_types: Sequence[str] | None) -> None:
    """Choose the types that it takes from now on; EventTypeError."""
    kept = parse_types(event_types)
    await connection.execute(
        "UPDATE webhook_endpoints SET event_types = %s WHERE endpoint_id = %s",
        (None if kept is None else list(kept), endpoint.endpoint_id),
    )


async def disable(connection: Connection, endpoint_id: str, *, reason: DisabledReason, at: datetime) -> None:
    """Disable an endpoint, whose row is locked, and give up what is on its way to it."""
    await connection.execute(
        "UPDATE webhook_endpoints SET disabled_at = %s, disabled_reason = %s WHERE endpoint_id = %s",
        (at, reason, endpoint_id),
    )
    await _give_up(connection, endpoint_id, "The webhook was disabled.", at=at)


async def delete_endpoint(
    connection: Connection, organization_id: UUID | None, endpoint_id: str, *, at: datetime
) -> Endpoint:
    """Delete one of its endpoints and give up what is on its way to it; UnknownWebhookError."""
    endpoint = await get_endpoint(connection, organization_id, endpoint_id)
    # What was delivered to it stays to be seen; its secret does not.
    await connection.execute(
        "UPDATE webhook_endpoints SET deleted_at = %s, secret = 'whsec_', previous_secret = NULL,"
        " previous_until = NULL WHERE endpoint_id = %s",
        (at, endpoint_id),
    )
    await _give_up(connection, endpoint_id, "The webhook was deleted.", at=at)
    return endpoint


async def _give_up(connection: Connection, endpoint_id: str, problem: str, *, at: datetime) -> None:
    await connection.execute(_GIVE_UP, {"endpoint_id": endpoint_id, "problem": problem, "at": at})
