"""Saving: customers and cards as we keep them: what a person knows a card by, and nothing to pay with."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.billing.payments.errors import CardNotFoundError
from jeton.billing.providers.words import Card
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id

_SAVE = """
    INSERT INTO payment_methods (payment_method_id, organization_id, provider, provider_method_id, brand,
                                 last4, expires_year, expires_month, is_default, added_at)
    SELECT %(payment_method_id)s, %(organization_id)s, %(provider)s, %(method)s, %(brand)s, %(last4)s,
           %(year)s, %(month)s,
           NOT EXISTS (
               SELECT FROM payment_methods WHERE organization_id = %(organization_id)s AND is_default),
           %(at)s
    ON CONFLICT (provider, provider_method_id) DO UPDATE SET brand = excluded.brand, last4 = excluded.last4,
        expires_year = excluded.expires_year, expires_month = excluded.expires_month
        WHERE payment_methods.organization_id = excluded.organization_id
    RETURNING payment_method_id
"""
_LIST = """
    SELECT payment_method_id, provider_method_id, brand, last4, expires_year, expires_month, is_default,
           added_at
    FROM payment_methods WHERE organization_id = %s AND removed_at IS NULL
    ORDER BY is_default DESC, payment_method_id
"""
_FIND_METHOD = "SELECT provider_method_id FROM payment_methods WHERE payment_method_id = %s"
_CUSTOMER = """
    SELECT payer_id FROM payers WHERE organization_id = %s AND provider = %s
"""
_SAVE_CUSTOMER = """
    INSERT INTO payers (organization_id, provider, payer_id, created_at)
    VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_LAST4 = 4


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card of an organization, as its people see it."""

    payment_method_id: str
    provider_method_id: str
    brand: str
    last4: str
    expires_year: int
    expires_month: int
    is_default: bool
    added_at: datetime

    def is_expired(self, at: datetime) -> bool:
        """Whether the month printed on it is over."""
        return (at.year, at.month) > (self.expires_year, self.expires_month)


async def list_cards(connection: Connection, organization_id: UUID) -> tuple[SavedCard, ...]:
    """The saved cards of an organization, its default first."""
    cursor = await connection.execute(_LIST, (organization_id,))
    return tuple([SavedCard(*row) async for row in cursor])


async def save_card(
    connection: Connection, organization_id: UUID, provider: str, card: Card, *, at: datetime
) -> str:
    """Keep what a person knows a card by; the first one is the default. Return our id of it.

    A card that was removed is not brought back by late news of it.
    """
    await connection.execute(_LOCK, (f"cards {organization_id}",))
    values = {
        "payment_method_id": new_id("pmeth"),
        "organization_id": organization_id,
        "provider": provider,
        "method": card.provider_method_id,
        "brand": card.brand[:40],
        "last4": card.last4 if len(card.last4) == _LAST4 and card.last4.isdecimal() else "0000",
        "year": card.expires_year or at.year,
        "month": card.expires_month or 12,
        "at": at,
    }
    row = await (await connection.execute(_SAVE, values)).fetchone()
    if row is None:
        raise CardNotFoundError(card.provider_method_id)
    return str(row[0])


async def choose_default(
    connection: Connection, organization_id: UUID, payment_method_id: str, *, by: Actor
) -> None:
    """Charge this card from now on where none is named; CardNotFoundError."""
    async with connection.transaction():
        await connection.execute(_LOCK, (f"cards {organization_id}",))
        await _get_card(connection, organization_id, payment_method_id)
        await connection.execute(
            "UPDATE payment_methods SET is_default = false WHERE organization_id = %s AND is_default",
            (organization_id,),
        )
        await connection.execute(
            "UPDATE payment_methods SET is_default = true WHERE payment_method_id = %s", (payment_method_id,)
        )
        await record_audit(
            connection,
            by,
            "payment_method.chosen",
            subject=payment_method_id,
            organization_id=organization_id,
        )


async def mark_removed(
    connection: Connection, organization_id: UUID, payment_method_id: str, *, at: datetime, by: Actor
) -> str:
    """Forget a card; the next one is the default. Return what the provider calls it; CardNotFoundError."""
    async with connection.transaction():
        await connection.execute(_LOCK, (f"cards {organization_id}",))
        card = await _get_card(connection, organization_id, payment_method_id)
        await connection.execute(
            "UPDATE payment_methods SET removed_at = %s, is_default = false WHERE payment_method_id = %s",
            (at, payment_method_id),
        )
        left = await list_cards(connection, organization_id)
        if card.is_default and left:
            await connection.execute(
                "UPDATE payment_methods SET is_default = true WHERE payment_method_id = %s",
                (left[0].payment_method_id,),
            )
        await record_audit(
            connection,
            by,
            "payment_method.removed",
            subject=payment_method_id,
            organization_id=organization_id,
            details={"card": f"{card.brand} {card.last4}"},
        )
    return card.provider_method_id


async def get_provider_method(connection: Connection, payment_method_id: str) -> str:
    """What the provider calls a card of ours; CardNotFoundError."""
    row = await (await connection.execute(_FIND_METHOD, (payment_method_id,))).fetchone()
    if row is None:
        raise CardNotFoundError(payment_method_id)
    return str(row[0])


async def find_customer(connection: Connection, organization_id: UUID, provider: str) -> str | None:
    """What the provider calls an organization, if it knows it."""
    row = await (await connection.execute(_CUSTOMER, (organization_id, provider))).fetchone()
    return None if row is None else str(row[0])


async def save_customer(
    connection: Connection, organization_id: UUID, customer_id: str, *, provider: str, at: datetime
) -> str:
    """Remember what the provider calls an organization; of two at once the first one stays."""
    await connection.execute(_SAVE_CUSTOMER, (organization_id, provider, customer_id, at))
    known = await find_customer(connection, organization_id, provider)
    return known or customer_id


async def _get_card(connection: Connection, organization_id: UUID, payment_method_id: str) -> SavedCard:
    for card in await list_cards(connection, organization_id):
        if card.payment_method_id == payment_method_id:
            return card
    raise CardNotFoundError(payment_method_id)
