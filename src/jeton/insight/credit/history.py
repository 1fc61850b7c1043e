"""History: what changed an organization's credit, newest first: grants, charges, expiries, corrections.

Charges stand as one entry a day, out of the sums by day; grants and ends of lots are told by the lots.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.money import render_usd

DAYS_SHOWN = 30
ENTRIES_MAX = 200

# What lots say of themselves needs no look into the journal, which would grow with every request.
_LOTS = """
    SELECT granted_at, 'grant', lot_id, kind, reason, granted_nano FROM lots
    WHERE organization_id = %(organization_id)s AND granted_at >= %(since_at)s
    ORDER BY lot_id DESC LIMIT %(limit)s
"""
_EXPIRED = """
    SELECT coalesce(revoked_at, expires_at), CASE WHEN revoked_at IS NULL THEN 'expire_lot' ELSE 'adjust' END,
           lot_id, kind, reason,
           -(expired_nano + refunded_nano - (SELECT coalesce(sum(credit_nano), 0) FROM refunds AS r
                                             WHERE r.lot_id = lots.lot_id AND r.state <> 'failed')::bigint
             + CASE WHEN is_open AND expires_at <= %(at)s THEN left_nano ELSE 0 END)
    FROM lots
    WHERE organization_id = %(organization_id)s AND coalesce(revoked_at, expires_at) >= %(since_at)s
      AND coalesce(revoked_at, expires_at) <= %(at)s
    ORDER BY lot_id DESC LIMIT %(limit)s
"""
_REFUNDED = """
    SELECT asked_at, 'refund', lot_id, 'paid', reason, -credit_nano
    FROM refunds
    WHERE organization_id = %(organization_id)s AND asked_at >= %(since_at)s AND state <> 'failed'
    ORDER BY refund_id DESC LIMIT %(limit)s
"""
_CHARGED = """
    SELECT (day_on::timestamp + interval '1 day') AT TIME ZONE 'UTC', 'settle', '', '', sum(requests)::text,
           -sum(net_nano)::bigint
    FROM usage_rollups WHERE organization_id = %(organization_id)s AND day_on >= %(since_on)s
    GROUP BY day_on
"""
_REVERSED = """
    SELECT reversed_at, 'credit_note', request_id, '', reason, amount_nano
    FROM reversals WHERE organization_id = %(organization_id)s AND reversed_at >= %(since_at)s
    ORDER BY reversed_at DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of credit, in nano, positive where there was more of it afterwards.

    ``subject`` is the lot, or the request of a credit note; a day's charges have the number of requests in
    ``text``, else it is the reason.
    """

    at: datetime
    movement: str
    subject: str
    kind: str
    text: str
    amount_nano: int

    @property
    def day_on(self) -> date:
        """The UTC day that a day's charges are of, or on which it was."""
        return (self.at - timedelta(days=self.movement == "settle")).astimezone(UTC).date()


async def list_changes(connection: Connection, organization_id: UUID) -> list[Change]:
    """What changed the credit in the last DAYS_SHOWN days, newest first, at most ENTRIES_MAX of each kind."""
    at = clock.now()
    since_on = at.astimezone(UTC).date() - timedelta(days=DAYS_SHOWN - 1)
    parameters: dict[str, Any] = {
        "organization_id": organization_id,
        "at": at,
        "since_on": since_on,
        "since_at": datetime(since_on.year, since_on.month, since_on.day, tzinfo=UTC),
        "limit": ENTRIES_MAX,
    }
    found: list[Change] = []
    for query in (_LOTS, _EXPIRED, _REFUNDED, _CHARGED, _REVERSED):
        rows = await (await connection.execute(query, parameters)).fetchall()
        found += [Change(*row) for row in rows if row[5]]
    return sorted(found, key=lambda change: change.at, reverse=True)


def render_changes(changes: list[Change]) -> list[dict[str, object]]:
    """The changes as the page's twin gives them."""
    return [
        {
            "on": change.day_on.isoformat(),
            "movement": change.movement,
            "subject": change.subject or None,
            "amount": render_usd(change.amount_nano),
            "text": change.text,
        }
        for change in changes
    ]
