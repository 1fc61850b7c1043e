"""Storage: rows of payments, locked and written in the caller's transaction."""

from dataclasses import fields
from datetime import datetime
from uuid import UUID

from jeton.billing.payments.errors import PaymentNotFoundError
from jeton.billing.payments.words import Payment, Purpose
from jeton.db.pool import Connection

LISTED_MAX = 1_000

_NAMES = tuple(entry.name for entry in fields(Payment))
_COLUMNS = ", ".join(_NAMES)
_GET = f"SELECT {_COLUMNS} FROM payments WHERE payment_id = %s"  # noqa: S608 - names of our own dataclass
_LOCK = f"{_GET} FOR UPDATE"
_OF_SUBJECT = f"""
    SELECT {_COLUMNS} FROM payments WHERE purpose = %s AND subject_id = %s ORDER BY attempt
"""  # noqa: S608 - as above
_OF_PROVIDER = "SELECT payment_id FROM payments WHERE provider = %s AND provider_payment_id = %s"
_LIST = f"""
    SELECT {_COLUMNS} FROM payments WHERE organization_id = %s AND payment_id < %s
    ORDER BY payment_id DESC LIMIT %s
"""  # noqa: S608 - as above
_UNSETTLED = """
    SELECT payment_id FROM payments WHERE settled_at IS NULL AND updated_at <= %s ORDER BY updated_at LIMIT %s
"""
# After every id, since ids are made of ASCII.
_LAST = "\uffff"


async def get_payment(connection: Connection, payment_id: str, *, is_locked: bool = False) -> Payment:
    """One attempt; locked, nobody else changes it until the transaction ends. PaymentNotFoundError."""
    row = await (await connection.execute(_LOCK if is_locked else _GET, (payment_id,))).fetchone()
    if row is None:
        raise PaymentNotFoundError(payment_id)
    return Payment(*row)


async def find_by_provider(connection: Connection, provider: str, provider_payment_id: str) -> str | None:
    """Our id of what a provider calls so."""
    row = await (await connection.execute(_OF_PROVIDER, (provider, provider_payment_id))).fetchone()
    return None if row is None else str(row[0])


async def list_attempts(connection: Connection, purpose: Purpose, subject_id: str) -> tuple[Payment, ...]:
    """Every attempt at one thing, first to last."""
    cursor = await connection.execute(_OF_SUBJECT, (purpose, subject_id))
    return tuple([Payment(*row) async for row in cursor])


async def list_payments(
    connection: Connection, organization_id: UUID, *, before: str = "", limit: int = 50
) -> tuple[Payment, ...]:
    """Payments of an organization, newest first, those older than ``before``."""
    shown = min(limit, LISTED_MAX)
    cursor = await connection.execute(_LIST, (organization_id, before or _LAST, shown))
    return tuple([Payment(*row) async for row in cursor])


async def list_unsettled(connection: Connection, until: datetime, *, limit: int) -> tuple[str, ...]:
    """Attempts that have not ended, and of which nothing was heard since ``until``, oldest first."""
    cursor = await connection.execute(_UNSETTLED, (until, limit))
    return tuple([str(row[0]) async for row in cursor])


async def change_payment(connection: Connection, payment: Payment, **changes: object) -> Payment:
    """Write some fields of a locked payment; return it as it is then."""
    named = ", ".join(f"{name} = %({name})s" for name in changes)
    row = await (
        await connection.execute(
            f"UPDATE payments SET {named} WHERE payment_id = %(payment_id)s RETURNING {_COLUMNS}",  # noqa: S608 - names of our own code
            {**changes, "payment_id": payment.payment_id},
        )
    ).fetchone()
    if row is None:
        raise PaymentNotFoundError(payment.payment_id)
    return Payment(*row)


async def insert_payment(connection: Connection, values: dict[str, object]) -> Payment:
    """Write a new attempt; what is not named has its default."""
    names = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    row = await (
        await connection.execute(
            f"INSERT INTO payments ({names}) VALUES ({places}) RETURNING {_COLUMNS}",  # noqa: S608 - names of our own code
            values,
        )
    ).fetchone()
    if row is None:
        raise PaymentNotFoundError(str(values["payment_id"]))
    return Payment(*row)
