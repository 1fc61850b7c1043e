"""Storage: rows of disputes."""

from dataclasses import fields
from datetime import datetime
from uuid import UUID

from jeton.billing.payments.words import Dispute
from jeton.db.pool import Connection

_COLUMNS = ", ".join(entry.name for entry in fields(Dispute))
_FIND = f"SELECT {_COLUMNS} FROM disputes WHERE provider = %s AND provider_dispute_id = %s FOR UPDATE"  # noqa: S608 - names of our own dataclass
_LIST = f"SELECT {_COLUMNS} FROM disputes WHERE organization_id = %s ORDER BY dispute_id DESC LIMIT %s"  # noqa: S608 - as above
_WAITING = f"""
    SELECT {_COLUMNS} FROM disputes AS d
    WHERE state <> 'won' AND (pending_nano > 0 OR (is_freezing AND EXISTS (
        SELECT FROM payments AS p JOIN lots AS l ON l.lot_id = p.lot_id
        WHERE p.payment_id = d.payment_id AND l.refunded_nano > d.refunded_before_nano + d.left_nano
    ))) LIMIT %s
"""  # noqa: S608 - as above
_FREEZING = f"""
    SELECT {_COLUMNS} FROM disputes WHERE payment_id = %s AND state <> 'won' AND is_freezing FOR UPDATE
"""  # noqa: S608 - as above
# Of one that was told of late only its payment is sure to be older than it is at the provider.
_OLDEST = """
    SELECT min(p.started_at) FROM disputes AS d JOIN payments AS p USING (payment_id)
    WHERE d.state = 'open' AND d.provider = %s
"""
_DISPUTED = """
    SELECT coalesce(sum(amount_minor), 0)::bigint FROM disputes WHERE payment_id = %s AND state <> 'won'
"""

LISTED_MAX = 1_000


async def find_dispute(connection: Connection, provider: str, provider_dispute_id: str) -> Dispute | None:
    """A dispute, locked until the transaction ends."""
    row = await (await connection.execute(_FIND, (provider, provider_dispute_id))).fetchone()
    return None if row is None else Dispute(*row)


async def find_freezing(connection: Connection, payment_id: str) -> Dispute | None:
    """The dispute that froze what a payment bought, locked until the transaction ends."""
    row = await (await connection.execute(_FREEZING, (payment_id,))).fetchone()
    return None if row is None else Dispute(*row)


async def list_disputes(
    connection: Connection, organization_id: UUID, *, limit: int = 50
) -> tuple[Dispute, ...]:
    """Disputes of an organization, newest first."""
    cursor = await connection.execute(_LIST, (organization_id, min(limit, LISTED_MAX)))
    return tuple([Dispute(*row) async for row in cursor])


async def list_waiting(connection: Connection) -> tuple[Dispute, ...]:
    """Disputes of which a part waits for requests in flight, or to whose lot something came back."""
    cursor = await connection.execute(_WAITING, (LISTED_MAX,))
    return tuple([Dispute(*row) async for row in cursor])


async def find_oldest_open(connection: Connection, provider: str) -> datetime | None:
    """An instant before which no dispute began that is open; None if none is."""
    row = await (await connection.execute(_OLDEST, (provider,))).fetchone()
    return None if row is None else row[0]


async def sum_disputed(connection: Connection, payment_id: str) -> int:
    """How much of a payment the bank has, for now or for good, in minor units."""
    row = await (await connection.execute(_DISPUTED, (payment_id,))).fetchone()
    return int(row[0]) if row else 0


async def insert_dispute(connection: Connection, dispute: Dispute) -> None:
    """Write a dispute."""
    names = [entry.name for entry in fields(Dispute)]
    places = ", ".join(["%s"] * len(names))
    await connection.execute(
        f"INSERT INTO disputes ({_COLUMNS}) VALUES ({places})",  # noqa: S608 - names of our own dataclass
        [getattr(dispute, name) for name in names],
    )


async def change_dispute(connection: Connection, dispute: Dispute, **changes: object) -> Dispute:
    """Write some fields of a locked dispute; return it as it is then."""
    named = ", ".join(f"{name} = %({name})s" for name in changes)
    cursor = await connection.execute(
        f"UPDATE disputes SET {named} WHERE dispute_id = %(dispute_id)s RETURNING {_COLUMNS}",  # noqa: S608 - names of our own code
        {**changes, "dispute_id": dispute.dispute_id},
    )
    row = await cursor.fetchone()
    return dispute if row is None else Dispute(*row)
