"""Listing: payments on documents for people and machines: what came in, where it went, what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from uuid import UUID

from psycopg.rows import class_row, dict_row

from jeton.billing.currencies import render_minor
from jeton.billing.receivables.words import ReceivedPayment
from jeton.db.pool import Connection

LISTED_MAX = 1_000

_COLUMNS = ", ".join(entry.name for entry in fields(ReceivedPayment))
_LIST = f"""
    SELECT {_COLUMNS} FROM received_payments
    WHERE (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
        AND (NOT %(only_left)s OR unapplied_minor > 0)
        AND (%(payment_id)s = '' OR payment_id = %(payment_id)s)
        AND (%(before)s = '' OR payment_id < %(before)s)
    ORDER BY payment_id DESC LIMIT %(limit)s
"""  # noqa: S608 - names of our own
_APPLIED = """
    SELECT a.payment_id, a.application_id, a.document_id, d.number, a.amount_minor, d.due_on
    FROM payment_applications AS a JOIN documents AS d USING (document_id)
    LEFT JOIN payment_applications AS u ON u.undoes = a.application_id
    WHERE a.payment_id = ANY (%s) AND a.undoes IS NULL AND u.application_id IS NULL
    ORDER BY a.application_id
"""


@dataclass(frozen=True, slots=True)
class AppliedPart:
    """What of a payment is on a document now."""

    application_id: str
    document_id: str
    number: str
    amount_minor: int
    due_on: date


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """A payment and where it went."""

    payment: ReceivedPayment
    applied: tuple[AppliedPart, ...]


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which payments: of one organization, with something left, older than one by id, or that one."""

    organization_id: UUID | None = None
    only_left: bool = False
    before: str = ""
    payment_id: str = ""


async def list_received(
    connection: Connection, chosen: PaymentFilter, *, limit: int = 50
) -> tuple[ListedPayment, ...]:
    """Payments, the latest first."""
    values = {
        "organization_id": chosen.organization_id,
        "only_left": chosen.only_left,
        "before": chosen.before,
        "payment_id": chosen.payment_id,
        "limit": min(limit, LISTED_MAX),
    }
    async with connection.cursor(row_factory=class_row(ReceivedPayment)) as cursor:
        await cursor.execute(_LIST, values)
        payments = await cursor.fetchall()
    parts: dict[str, list[AppliedPart]] = {payment.payment_id: [] for payment in payments}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_APPLIED, (list(parts),))
        async for row in cursor:
            parts[row.pop("payment_id")].append(AppliedPart(**row))
    return tuple(ListedPayment(payment, tuple(parts[payment.payment_id])) for payment in payments)


def render_payment(listed: ListedPayment) -> dict[str, object]:
    """A payment as JSON; amounts are decimal texts in units of its currency."""
    payment = listed.payment
    currency = payment.currency
    return {
        "id": payment.payment_id,
        "type": "received_payment",
        "organization_id": str(payment.organization_id),
        "method": payment.method,
        "currency": currency,
        "amount": render_minor(payment.amount_minor, currency),
        "left": render_minor(payment.unapplied_minor, currency),
        "paid_back": render_minor(payment.returned_minor, currency),
        "received_on": payment.received_on.isoformat(),
        "payer": payment.payer,
        "reference": payment.reference,
        "recorded_at": payment.recorded_at.isoformat(),
        "recorded_by": payment.recorded_by,
        "voided_at": None if payment.voided_at is None else payment.voided_at.isoformat(),
        "documents": [
            {
                "application_id": part.application_id,
                "document_id": part.document_id,
                "number": part.number,
                "amount": render_minor(part.amount_minor, currency),
            }
            for part in listed.applied
        ],
    }


def sum_left(payments: Sequence[ListedPayment]) -> dict[str, int]:
    """What is left of these payments, in minor units of each currency."""
    sums: dict[str, int] = {}
    for listed in payments:
        currency = listed.payment.currency
        sums[currency] = sums.get(currency, 0) + listed.payment.unapplied_minor
    return sums
