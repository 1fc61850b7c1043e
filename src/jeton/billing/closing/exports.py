"""Exports: which statements of a stretch of the house were written, by whom, and what was in them."""

from dataclasses import dataclass
from datetime import datetime

from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.ids import new_id

_RECORD = """
    INSERT INTO delivered_exports (export_id, kind, period_from, period_to, digest, exported_at, exported_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that was written; ``digest`` is the SHA-256 of its bytes."""

    kind: str
    period_from: datetime
    period_to: datetime
    digest: bytes


async def record_export(connection: Connection, delivery: Delivery, *, by: Actor, at: datetime) -> str:
    """Note it, for the checklist of the month; its id."""
    export_id = new_id("export")
    await connection.execute(
        _RECORD,
        (
            *(export_id, delivery.kind, delivery.period_from, delivery.period_to),
            *(delivery.digest, at, by.name),
        ),
    )
    return export_id
