"""Storage: switches on record. A row is written with its switch; only its last documents come later, once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from jeton.billing.switching.words import Switch
from jeton.db.pool import Connection

LISTED_MAX = 100
PENDING_MAX = 500

_COLUMNS = (
    "switch_id, organization_id, to_kind, switched_at, switched_by, reason, limit_nano, net_days, lots_nano,"
    " held_nano, accrued_nano, item_id, document_ids, documented_at"
)
_INSERT = f"""
    INSERT INTO switches ({_COLUMNS})
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NULL, NULL)
"""  # noqa: S608 - the columns are constants
_GET = f"SELECT {_COLUMNS} FROM switches WHERE switch_id = %s"  # noqa: S608 - as above
_LIST = f"""
    SELECT {_COLUMNS} FROM switches WHERE organization_id = %s ORDER BY switch_id DESC LIMIT %s
"""  # noqa: S608 - as above
_PENDING = f"""
    SELECT {_COLUMNS} FROM switches WHERE to_kind = 'prepaid' AND documented_at IS NULL
    ORDER BY switch_id LIMIT %s
"""  # noqa: S608 - as above
_DOCUMENT = """
    UPDATE switches SET document_ids = %s, documented_at = %s WHERE switch_id = %s AND documented_at IS NULL
"""


async def insert_switch(connection: Connection, switch: Switch) -> None:
    """Keep a switch, in the transaction that makes it."""
    values = (
        switch.switch_id,
        switch.organization_id,
        switch.to_kind,
        switch.switched_at,
        switch.switched_by,
        switch.reason,
        switch.limit_nano,
        switch.net_days,
        switch.lots_nano,
        switch.held_nano,
        switch.accrued_nano,
        switch.item_id,
    )
    await connection.execute(_INSERT, values)


async def get_switch(connection: Connection, switch_id: str) -> Switch:
    """A switch that is known to be there."""
    row = await (await connection.execute(_GET, (switch_id,))).fetchone()
    assert row is not None  # noqa: S101 - its id came out of the same database
    return _parse(row)


async def list_switches(connection: Connection, organization_id: UUID) -> list[Switch]:
    """The switches of an organization, newest first."""
    rows = await (await connection.execute(_LIST, (organization_id, LISTED_MAX))).fetchall()
    return [_parse(row) for row in rows]


async def list_pending(connection: Connection) -> list[Switch]:
    """Switches back to paying ahead whose last documents are still to come, oldest first."""
    rows = await (await connection.execute(_PENDING, (PENDING_MAX,))).fetchall()
    return [_parse(row) for row in rows]


async def write_documents(
    connection: Connection, switch_id: str, document_ids: Sequence[str], at: datetime
) -> None:
    """Note the last documents of a switch; the first note stays."""
    await connection.execute(_DOCUMENT, (list(document_ids), at, switch_id))


def _parse(row: tuple[Any, ...]) -> Switch:
    document_ids = None if row[12] is None else tuple(row[12])
    values = (*row[:12], document_ids, row[13])
    return Switch(*values)
