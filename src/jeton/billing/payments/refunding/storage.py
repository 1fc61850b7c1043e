"""Storage: rows of refunds."""

from dataclasses import fields
from datetime import datetime
from uuid import UUID

from jeton.billing.payments.words import Refund
from jeton.db.pool import Connection

_COLUMNS = ", ".join(entry.name for entry in fields(Refund))
_FIND = f"SELECT {_COLUMNS} FROM refunds WHERE {{}} = %s"  # noqa: S608 - names of our own dataclass
_LIST = f"SELECT {_COLUMNS} FROM refunds WHERE organization_id = %s ORDER BY refund_id DESC LIMIT %s"  # noqa: S608 - as above
_UNSETTLED = (
    "SELECT refund_id FROM refunds WHERE settled_at IS NULL AND asked_at <= %s ORDER BY asked_at LIMIT %s"
)
# One that was made elsewhere was heard of late; only its payment is sure to be older than it is.
_OLDEST = """
    SELECT min(CASE WHEN starts_with(r.idempotency_key, p.provider || '/') THEN p.started_at
                    ELSE r.asked_at END)
    FROM refunds AS r JOIN payments AS p USING (payment_id)
    WHERE r.settled_at IS NULL AND p.provider = %s
"""
_SUM = """
    SELECT coalesce(sum(credit_nano + used_nano), 0)::bigint FROM refunds
    WHERE payment_id = %s AND state <> 'failed'
"""

LISTED_MAX = 1_000


async def find_refund(
    connection: Connection,
    *,
    refund_id: str = "",
    provider_refund_id: str = "",
    idempotency_key: str = "",
    is_locked: bool = False,
) -> Refund | None:
    """A refund by one of its names; locked, nobody else changes it until the transaction ends."""
    names = {
        "refund_id": refund_id,
        "provider_refund_id": provider_refund_id,
        "idempotency_key": idempotency_key,
    }
    for name, value in names.items():
        if value:
            query = _FIND.format(name) + (" FOR UPDATE" if is_locked else "")
            row = await (await connection.execute(query, (value,))).fetchone()
            if row is not None:
                return Refund(*row)
    return None


async def list_refunds(
    connection: Connection, organization_id: UUID, *, limit: int = 50
) -> tuple[Refund, ...]:
    """Refunds of an organization, newest first."""
    cursor = await connection.execute(_LIST, (organization_id, min(limit, LISTED_MAX)))
    return tuple([Refund(*row) async for row in cursor])


async def list_unsettled_refunds(connection: Connection, until: datetime, *, limit: int) -> tuple[str, ...]:
    """Refunds asked for before ``until`` of which the end is not known, oldest first."""
    cursor = await connection.execute(_UNSETTLED, (until, limit))
    return tuple([str(row[0]) async for row in cursor])


async def find_oldest_unsettled(connection: Connection, provider: str) -> datetime | None:
    """An instant before which no refund was made that is under way; None if none is."""
    row = await (await connection.execute(_OLDEST, (provider,))).fetchone()
    return None if row is None else row[0]


async def sum_refunded(connection: Connection, payment_id: str) -> int:
    """For how much of the credit of a payment money was given back, or is being, in nano."""
    row = await (await connection.execute(_SUM, (payment_id,))).fetchone()
    return int(row[0]) if row else 0


async def insert_refund(connection: Connection, refund: Refund) -> None:
    """Write a refund."""
    names = [entry.name for entry in fields(Refund)]
    places = ", ".join(["%s"] * len(names))
    await connection.execute(
        f"INSERT INTO refunds ({_COLUMNS}) VALUES ({places})",  # noqa: S608 - names of our own dataclass
        [getattr(refund, name) for name in names],
    )


async def change_refund(connection: Connection, refund: Refund, **changes: object) -> Refund:
    """Write some fields of a locked refund; return it as it is then."""
    named = ", ".join(f"{name} = %({name})s" for name in changes)
    cursor = await connection.execute(
        f"UPDATE refunds SET {named} WHERE refund_id = %(refund_id)s RETURNING {_COLUMNS}",  # noqa: S608 - names of our own code
        {**changes, "refund_id": refund.refund_id},
    )
    row = await cursor.fetchone()
    return refund if row is None else Refund(*row)
