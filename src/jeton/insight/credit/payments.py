"""Payments: which requests each lot paid lately, as the charges say it; no query reads the history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection
from jeton.money import render_usd

# Of the latest charges so many are looked at, and of each lot so many payments are shown.
CHARGES_READ_MAX = 500
PAYMENTS_SHOWN_MAX = 3

# '' in a charge's draws is the credit limit.
_READ = """
    SELECT lot_id, request_id, model, ended_at, nano, net_nano FROM (
        SELECT d.lot_id, c.request_id, c.model, c.ended_at, d.nano, c.net_nano,
               row_number() OVER (PARTITION BY d.lot_id ORDER BY c.request_id DESC) AS place
        FROM (
            SELECT * FROM charges WHERE organization_id = %(organization_id)s
            ORDER BY request_id DESC LIMIT %(charges)s
        ) AS c
        CROSS JOIN LATERAL (
            SELECT draw ->> 0 AS lot_id, (draw ->> 1)::bigint AS nano
            FROM jsonb_array_elements(c.draws) AS draw
        ) AS d
        WHERE c.state = 'settled'
    ) AS paid WHERE place <= %(shown)s ORDER BY request_id DESC, lot_id
"""


@dataclass(frozen=True, slots=True)
class Payment:
    """What a lot ("" for the credit limit) paid of one charge of ``net_nano``."""

    lot_id: str
    request_id: str
    model: str
    ended_at: datetime
    amount_nano: int
    net_nano: int


async def list_payments(connection: Connection, organization_id: UUID) -> list[Payment]:
    """The latest payments of each lot, newest first, out of the latest CHARGES_READ_MAX charges."""
    parameters = {
        "organization_id": organization_id,
        "charges": CHARGES_READ_MAX,
        "shown": PAYMENTS_SHOWN_MAX,
    }
    rows = await (await connection.execute(_READ, parameters)).fetchall()
    return [Payment(*row) for row in rows]


def render_payments(payments: Sequence[Payment]) -> list[dict[str, object]]:
    """The payments as the page's twin gives them."""
    return [
        {
            "lot_id": payment.lot_id or None,
            "request_id": payment.request_id,
            "model": payment.model,
            "ended_at": payment.ended_at.isoformat(),
            "amount": render_usd(payment.amount_nano),
            "of_net_amount": render_usd(payment.net_nano),
        }
        for payment in payments
    ]
