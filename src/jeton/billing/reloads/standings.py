"""Standings: what is known of an organization when its rule is asked, and whose rules are worth asking.

Nothing here costs a request anything: balances fall in the request path, and are looked at from outside.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from jeton.billing.reloads.deciding import find_month
from jeton.billing.reloads.words import Attempt, Outcome, Rule, Standing
from jeton.db.pool import Connection

ATTEMPTS_READ_MAX = 50
CANDIDATES_MAX = 500
# For so long a payment that waits for a person counts as coming. Who left the page leaves no credit.
PERSON_PAYS_WITHIN = timedelta(minutes=10)

# Credit that every model may use, held or not: what is only held may come back. As the lots stand; what has
# expired and is not booked as that yet counts for nothing.
_BALANCE = """
    (SELECT coalesce(sum(l.left_nano + l.held_nano), 0) FROM lots AS l
     WHERE l.organization_id = r.organization_id AND l.is_open AND l.models IS NULL
       AND l.effective_at <= %(at)s AND coalesce(l.expires_at > %(at)s, true))
"""
# What a person knows a card by: the same card saved again is the same.
_CARD = "m.brand || ' ' || m.last4 || ' ' || m.expires_year || '-' || m.expires_month"

# One statement, so that what was being bought a moment ago is either still coming or already there.
_STANDING = """
    SELECT {balance}::bigint,
        (SELECT coalesce(sum(p.credit_nano + p.given_nano), 0)::bigint FROM payments AS p
         WHERE p.organization_id = r.organization_id AND p.purpose IN ('purchase', 'reload')
           AND p.settled_at IS NULL
           AND (p.state = 'pending' AND p.provider_page_id IS NULL OR p.started_at > %(person_since)s)),
        (SELECT coalesce(sum(d.amount_nano), 0)::bigint FROM reloads AS d
         WHERE d.organization_id = r.organization_id AND d.opened_at >= %(month_from)s
           AND d.opened_at < %(month_to)s AND coalesce(d.outcome = 'succeeded', true)),
        EXISTS (SELECT FROM reloads AS d WHERE d.organization_id = r.organization_id AND d.ended_at IS NULL),
        coalesce({card}, ''), coalesce(m.payment_method_id, '')
    FROM reload_rules AS r
    LEFT JOIN payment_methods AS m ON m.organization_id = r.organization_id AND m.is_default
    WHERE r.organization_id = %(organization_id)s
"""
_ATTEMPTS = """
    SELECT opened_at, ended_at, outcome, card FROM reloads
    WHERE organization_id = %s AND ended_at IS NOT NULL ORDER BY ended_at DESC, reload_id DESC LIMIT %s
"""
_CANDIDATES = """
    SELECT r.organization_id FROM reload_rules AS r JOIN organizations AS o USING (organization_id)
    WHERE r.off_reason <> 'switched_off' AND r.off_reason <> 'disputed' AND r.organization_id > %(after)s
      AND o.suspended_at IS NULL AND o.kind = 'prepaid'
      AND NOT EXISTS (SELECT FROM reloads AS d
                      WHERE d.organization_id = r.organization_id AND d.ended_at IS NULL)
      AND (r.off_reason = '' OR EXISTS (SELECT FROM payment_methods AS m
           WHERE m.organization_id = r.organization_id AND m.is_default AND {card} <> r.off_card))
      AND {balance} < r.threshold_nano
    ORDER BY r.organization_id LIMIT %(limit)s
"""


async def list_candidates(connection: Connection, at: datetime, *, after: UUID) -> Sequence[UUID]:
    """Organizations that may need a reload, of those whose id is greater than ``after``, in order."""
    cursor = await connection.execute(
        _CANDIDATES.format(balance=_BALANCE, card=_CARD), {"at": at, "after": after, "limit": CANDIDATES_MAX}
    )
    return [organization_id for (organization_id,) in await cursor.fetchall()]


async def read_standing(
    connection: Connection, organization_id: UUID, rule: Rule, *, at: datetime
) -> Standing:
    """What is known at ``at``, in the transaction of a caller who has locked the rule."""
    month = find_month(rule.zone, at)
    cursor = await connection.execute(
        _STANDING.format(balance=_BALANCE, card=_CARD),
        {
            "organization_id": organization_id,
            "at": at,
            "person_since": at - PERSON_PAYS_WITHIN,
            "month_from": month.starts_at,
            "month_to": month.ends_at,
        },
    )
    row = await cursor.fetchone()
    balance_nano, pending_nano, bought_nano, has_open, card, method_id = row or (0, 0, 0, False, "", "")
    cursor = await connection.execute(_ATTEMPTS, (organization_id, ATTEMPTS_READ_MAX))
    attempts = tuple(
        Attempt(opened_at, ended_at, Outcome(outcome), card_then)
        for opened_at, ended_at, outcome, card_then in reversed(await cursor.fetchall())
    )
    return Standing(balance_nano, pending_nano, bought_nano, has_open, card, method_id, attempts)
