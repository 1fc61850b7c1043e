"""Opening: an attempt to take money is written down before anybody is asked for it."""

from datetime import datetime

from jeton.billing.payments.errors import CardNotFoundError, NoCardError, PaymentOpenError
from jeton.billing.payments.storage import insert_payment, list_attempts
from jeton.billing.payments.words import Payment, PaymentOrder
from jeton.db.pool import Connection
from jeton.ids import new_id

PROVIDER = "stripe"

# Two at once for the same thing come one after the other, and the second finds the first.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_FIND_CARD = """
    SELECT payment_method_id FROM payment_methods
    WHERE organization_id = %s AND removed_at IS NULL AND (payment_method_id = %s OR (%s = '' AND is_default))
"""


async def open_payment(
    connection: Connection, order: PaymentOrder, *, at: datetime, has_page: bool = False
) -> Payment:
    """Write an attempt in the caller's transaction; nothing is asked of the provider yet.

    ``has_page``: a person will give a card on the provider's page, so that none is needed. Raises
    PaymentOpenError while another attempt at the same thing is open or has succeeded, NoCardError and
    CardNotFoundError.
    """
    await connection.execute(_LOCK, (f"payment {order.purpose} {order.subject_id}",))
    attempts = await list_attempts(connection, order.purpose, order.subject_id)
    for before in attempts:
        if not before.is_over or before.state == "succeeded":
            raise PaymentOpenError(before.payment_id, before.state)
    method_id = None if has_page else await _find_card(connection, order)
    payment_id = new_id("pay")
    return await insert_payment(
        connection,
        {
            "payment_id": payment_id,
            "organization_id": order.organization_id,
            "purpose": order.purpose,
            "subject_id": order.subject_id,
            "attempt": len(attempts) + 1,
            "provider": PROVIDER,
            # Of this attempt alone, and the same however often it is sent.
            "idempotency_key": f"jeton-{payment_id}",
            "payment_method_id": method_id,
            "is_off_session": order.is_off_session,
            "currency": order.currency,
            "net_minor": order.net_minor,
            "tax_minor": order.tax_minor,
            "amount_minor": order.net_minor + order.tax_minor,
            "tax_category": order.tax_category,
            "tax_rate": order.tax_rate,
            "tax_point": order.tax_point,
            "net_nano": order.net_nano,
            "tax_nano": order.tax_nano,
            "credit_nano": order.credit_nano,
            "given_nano": order.given_nano,
            "state": "pending",
            "started_by": order.started_by,
            "started_at": at,
            "updated_at": at,
        },
    )


async def _find_card(connection: Connection, order: PaymentOrder) -> str:
    values = (order.organization_id, order.payment_method_id, order.payment_method_id)
    row = await (await connection.execute(_FIND_CARD, values)).fetchone()
    if row is None:
        raise CardNotFoundError(order.payment_method_id) if order.payment_method_id else NoCardError
    return str(row[0])
