"""Outbox: which event goes to whom, who is at it, and what came of it.

A claim is committed before anything is sent and its result is written after, so nothing is sent inside
a transaction. A claim holds for a while: when its node dies, the delivery is due again by itself, and
whatever the dead node's attempt came to is not written. So an event arrives at least once, always under
the same id.

Whoever changes an endpoint and its deliveries locks the endpoint first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection
from jeton.ids import new_id
from jeton.notifications.catalogue import TYPES, WebhookDisabled, WebhookTest
from jeton.notifications.endpoints import Endpoint, disable
from jeton.notifications.errors import NoWebhookError, ReplayRangeError, UnknownEventError
from jeton.notifications.events import Event, emit
from jeton.notifications.quiet.snoozes import is_snoozed
from jeton.notifications.standard import find_next_attempt
from jeton.notifications.webhook import Attempt

FAN_OUT_MAX = 100
RECIPIENTS_MAX = 50
MISSED_MAX = 500
# Longer than an attempt can take.
CLAIM_S = 60

_TAKE_PENDING = """
    WITH taken AS (
        SELECT event_id FROM pending_events ORDER BY event_id LIMIT %s FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM pending_events AS p USING taken WHERE p.event_id = taken.event_id RETURNING p.event_id
    )
    SELECT e.event_id, e.organization_id, e.type, e.emails, e.data FROM gone JOIN events AS e USING (event_id)
    ORDER BY e.event_id
"""
_FIND_ENDPOINTS = """
    SELECT endpoint_id FROM webhook_endpoints
    WHERE (organization_id = %(organization_id)s AND NOT %(is_quiet)s OR organization_id IS NULL)
      AND (event_types IS NULL OR %(type)s = ANY (event_types))
      AND deleted_at IS NULL AND disabled_at IS NULL
"""
_FIND_RECIPIENTS = """
    SELECT email FROM members WHERE organization_id = %s AND role IN ('admin', 'billing')
    ORDER BY member_id LIMIT %s
"""
_INSERT = """
    INSERT INTO deliveries (delivery_id, event_id, endpoint_id, email, created_at, next_attempt_at)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_CLAIM = """
    WITH due AS (
        SELECT delivery_id FROM deliveries
        WHERE next_attempt_at <= %(at)s AND (%(has_mailer)s OR email IS NULL)
        ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE deliveries AS d SET claim_id = %(claim_id)s, next_attempt_at = %(claimed_until)s
        FROM due WHERE d.delivery_id = due.delivery_id
        RETURNING d.delivery_id, d.event_id, d.endpoint_id, d.email, d.attempts, d.claim_id
    )
    SELECT c.*, e.type, e.organization_id, e.data, e.occurred_at, w.url, w.secret, w.previous_secret,
           w.previous_until, o.name AS organization_name
    FROM claimed AS c JOIN events AS e USING (event_id)
    LEFT JOIN webhook_endpoints AS w USING (endpoint_id)
    LEFT JOIN organizations AS o ON o.organization_id = e.organization_id
    ORDER BY c.delivery_id
"""
_LOCK_ENDPOINT = """
    SELECT endpoint_id, organization_id, url, failing_since, disabled_at FROM webhook_endpoints
    WHERE endpoint_id = %s FOR NO KEY UPDATE
"""
_RECORD = """
    UPDATE deliveries SET attempts = %(attempts)s, next_attempt_at = %(next_attempt_at)s, claim_id = NULL,
        last_attempt_at = %(at)s, last_status = %(status)s, last_problem = %(problem)s,
        last_response = %(response)s, delivered_at = %(delivered_at)s, gave_up_at = %(gave_up_at)s
    WHERE delivery_id = %(delivery_id)s AND claim_id = %(claim_id)s
"""
_FIND_TO_REPLAY = """
    SELECT endpoint_id FROM webhook_endpoints
    WHERE organization_id IS NOT DISTINCT FROM %(organization_id)s
      AND deleted_at IS NULL AND disabled_at IS NULL
      AND CASE WHEN %(endpoint_id)s::text IS NOT NULL THEN endpoint_id = %(endpoint_id)s
               ELSE event_types IS NULL OR %(type)s = ANY (event_types) END
    ORDER BY endpoint_id FOR NO KEY UPDATE
"""
_REPLAY = """
    INSERT INTO deliveries AS d (delivery_id, event_id, endpoint_id, created_at, next_attempt_at)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (event_id, endpoint_id) WHERE endpoint_id IS NOT NULL DO UPDATE SET
        attempts = 0, next_attempt_at = excluded.next_attempt_at, claim_id = NULL,
        delivered_at = NULL, gave_up_at = NULL
"""


# What did not get to an endpoint, although it takes the type: given up, or never fanned out to it; with
# ``is_again`` what it got, too, but nothing that is on its way.
_FIND_MISSED = """
    SELECT e.event_id FROM events AS e
    LEFT JOIN deliveries AS d ON d.event_id = e.event_id AND d.endpoint_id = %(endpoint_id)s
    WHERE (e.organization_id = %(organization_id)s OR %(organization_id)s::uuid IS NULL)
      AND (%(event_types)s::text[] IS NULL OR e.type = ANY (%(event_types)s::text[]))
      AND e.type <> %(test)s AND e.occurred_at >= %(since)s
      AND (%(until)s::timestamptz IS NULL OR e.occurred_at < %(until)s)
      AND (d.delivery_id IS NULL OR d.gave_up_at IS NOT NULL OR (%(is_again)s AND d.delivered_at IS NOT NULL))
      AND NOT EXISTS (SELECT FROM pending_events AS p WHERE p.event_id = e.event_id)
    ORDER BY e.event_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to attempt, with all that an attempt needs."""

    delivery_id: str
    event_id: str
    endpoint_id: str | None
    email: str | None
    attempts: int
    claim_id: str
    type: str
    organization_id: UUID | None
    data: Any
    occurred_at: datetime
    url: str | None
    secret: str | None
    previous_secret: str | None
    previous_until: datetime | None
    organization_name: str | None

    def list_secrets(self, at: datetime) -> list[str]:
        """What to sign with at an instant: the secret, and the former one until its end."""
        is_former_valid = self.previous_until is not None and at < self.previous_until
        former = self.previous_secret if is_former_valid else None
        return [secret for secret in (self.secret, former) if secret is not None]


@dataclass(frozen=True, slots=True)
class _Locked:
    """An endpoint, as the result of an attempt changes it."""

    endpoint_id: str
    organization_id: UUID | None
    url: str
    failing_since: datetime | None
    disabled_at: datetime | None


async def fan_out(
    connection: Connection, *, has_mailer: bool, operator_emails: Sequence[str], at: datetime
) -> int:
    """Decide who gets the events that are new, FAN_OUT_MAX at most; return how many there were.

    Without a mailer nobody gets mail, not even later.
    """
    rows = await (await connection.execute(_TAKE_PENDING, (FAN_OUT_MAX,))).fetchall()
    for event_id, organization_id, type_, emails, data in rows:
        kind = TYPES.get(type_)
        is_quiet = (
            kind is not None
            and kind.is_snoozable
            and await is_snoozed(connection, organization_id, data, at=at)
        )
        wanted = {"organization_id": organization_id, "type": type_, "is_quiet": is_quiet}
        found = await (await connection.execute(_FIND_ENDPOINTS, wanted)).fetchall()
        receivers: list[tuple[str | None, str | None]] = [(endpoint_id, None) for (endpoint_id,) in found]
        is_mailed = kind is not None and kind.is_mailed and not is_quiet
        if has_mailer and kind is not None and is_mailed and kind.wants_mail(data):
            recipients = [] if kind.is_letter else list(operator_emails)
            if organization_id is not None:
                members = await connection.execute(_FIND_RECIPIENTS, (organization_id, RECIPIENTS_MAX))
                recipients = [email for (email,) in await members.fetchall()]
            recipients = list(dict.fromkeys([*emails, *recipients]))[:RECIPIENTS_MAX]
            receivers += [(None, email) for email in recipients]
        async with connection.cursor() as cursor:
            await cursor.executemany(
                _INSERT,
                [(new_id("dlv"), event_id, endpoint_id, email, at, at) for endpoint_id, email in receivers],
            )
    return len(rows)


async def claim(connection: Connection, *, limit: int, has_mailer: bool, at: datetime) -> list[Claimed]:
    """Take up to ``limit`` deliveries that are due, for CLAIM_S seconds; others get others."""
    async with connection.cursor(row_factory=class_row(Claimed)) as cursor:
        await cursor.execute(
            _CLAIM,
            {
                "limit": limit,
                "has_mailer": has_mailer,
                "at": at,
                "claim_id": new_id("claim"),
                "claimed_until": at + timedelta(seconds=CLAIM_S),
            },
        )
        return await cursor.fetchall()


async def record(
    connection: Connection,
    claimed: Claimed,
    attempt: Attempt,
    *,
    at: datetime,
    jitter: float,
    disable_days: int,
) -> bool:
    """Write what came of an attempt; False if the claim is not ours any more and nothing was written."""
    endpoint = None
    if claimed.endpoint_id is not None:
        async with connection.cursor(row_factory=class_row(_Locked)) as locking:
            await locking.execute(_LOCK_ENDPOINT, (claimed.endpoint_id,))
            endpoint = await locking.fetchone()
    attempts = claimed.attempts + 1
    is_delivered = not attempt.problem
    next_attempt_at = None
    if not is_delivered and not attempt.is_final:
        next_attempt_at = find_next_attempt(
            attempts, at=at, jitter=jitter, retry_after_s=attempt.retry_after_s
        )
    cursor = await connection.execute(
        _RECORD,
        {
            "delivery_id": claimed.delivery_id,
            "claim_id": claimed.claim_id,
            "attempts": attempts,
            "next_attempt_at": next_attempt_at,
            "at": at,
            "status": attempt.status,
            "problem": attempt.problem or None,
            "response": attempt.response or None,
            "delivered_at": at if is_delivered else None,
            "gave_up_at": at if not is_delivered and next_attempt_at is None else None,
        },
    )
    if cursor.rowcount == 0:
        return False
    if endpoint is not None:
        await _judge(connection, endpoint, attempt, at=at, disable_days=disable_days)
    return True


async def _judge(
    connection: Connection, endpoint: _Locked, attempt: Attempt, *, at: datetime, disable_days: int
) -> None:
    """Note since when the endpoint fails, and disable it when that is long or it wants no more."""
    since = None if not attempt.problem else endpoint.failing_since or at
    if since != endpoint.failing_since:
        await connection.execute(
            "UPDATE webhook_endpoints SET failing_since = %s WHERE endpoint_id = %s",
            (since, endpoint.endpoint_id),
        )
    is_too_long = since is not None and since + timedelta(days=disable_days) <= at
    if endpoint.disabled_at is None and (attempt.is_final or is_too_long):
        reason: Literal["failures", "gone"] = "gone" if attempt.is_final else "failures"
        await disable(connection, endpoint.endpoint_id, reason=reason, at=at)
        data = WebhookDisabled(
            endpoint_id=endpoint.endpoint_id,
            url=endpoint.url,
            reason=reason,
            failing_since=endpoint.failing_since,
        )
        key = f"webhook_disabled:{endpoint.endpoint_id}:{at.isoformat()}"
        await emit(connection, Event(data, endpoint.organization_id, key, at))


async def send_test(connection: Connection, endpoint: Endpoint, *, at: datetime) -> str:
    """Have a test sent to one endpoint, whatever types it takes; return the event's id."""
    data = WebhookTest(endpoint_id=endpoint.endpoint_id)
    event = Event(data, endpoint.organization_id, new_id("test"), at)
    await emit(connection, event)
    # To nobody else.
    await connection.execute("DELETE FROM pending_events WHERE event_id = %s", (event.event_id,))
    await connection.execute(_INSERT, (new_id("dlv"), event.event_id, endpoint.endpoint_id, None, at, at))
    return event.event_id


async def replay(
    connection: Connection,
    organization_id: UUID | None,
    event_id: str,
    *,
    endpoint_id: str | None = None,
    at: datetime,
) -> list[str]:
    """Send an event again, now: to every endpoint that takes it, or to one; return their ids.

    Raises UnknownEventError, and NoWebhookError if there is no such enabled endpoint.
    """
    event = None
    if event_id.isprintable():
        # The operator's endpoints get the events of every organization.
        cursor = await connection.execute(
            "SELECT organization_id, type FROM events WHERE event_id = %(event_id)s"
            " AND (organization_id = %(organization_id)s OR %(organization_id)s::uuid IS NULL)",
            {"event_id": event_id, "organization_id": organization_id},
        )
        event = await cursor.fetchone()
    if event is None:
        raise UnknownEventError(event_id)
    cursor = await connection.execute(
        _FIND_TO_REPLAY,
        {"organization_id": organization_id, "endpoint_id": endpoint_id, "type": event[1]},
    )
    receivers = [row[0] for row in await cursor.fetchall()]
    if not receivers:
        raise NoWebhookError(event_id)
    for receiver in receivers:
        await connection.execute(_REPLAY, (new_id("dlv"), event_id, receiver, at, at))
    return receivers


async def replay_missed(
    connection: Connection,
    endpoint: Endpoint,
    *,
    since: datetime,
    until: datetime | None = None,
    is_again: bool = False,
    at: datetime,
) -> list[str]:
    """Send an enabled endpoint, now, what happened since then and did not get to it; the events' ids.

    Only what happened before ``until``, if that is given. MISSED_MAX at most, the oldest first: ask again
    for the rest. With ``is_again`` what did get to it goes once more as well; then a time with more than
    MISSED_MAX events is a ReplayRangeError. NoWebhookError if the endpoint is disabled.
    """
    if endpoint.disabled_at is not None:
        raise NoWebhookError(f"since {since.isoformat()}")
    cursor = await connection.execute(
        _FIND_MISSED,
        {
            "endpoint_id": endpoint.endpoint_id,
            "organization_id": endpoint.organization_id,
            "event_types": None if endpoint.event_types is None else list(endpoint.event_types),
            "test": WebhookTest.type,
            "since": since,
            "until": until,
            "is_again": is_again,
            "limit": MISSED_MAX + is_again,
        },
    )
    event_ids = [row[0] for row in await cursor.fetchall()]
    if len(event_ids) > MISSED_MAX:
        # The oldest would come again and again, and the rest never.
        raise ReplayRangeError(MISSED_MAX)
    async with connection.cursor() as writing:
        await writing.executemany(
            _REPLAY, [(new_id("dlv"), event_id, endpoint.endpoint_id, at, at) for event_id in event_ids]
        )
    return event_ids
