"""Reading: ended requests in the order in which they ended, by the ids of their transactions.

An id begins with the time of its making, shortly before it is committed, and is the table's primary key:
so what ended lately is the end of an index that is there anyway, and settling pays nothing for being watched.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.requests import JOINED, SHOWN, ListedCharge, make_first_id, parse_charge

PREFIX = "txn_"
# One look reads so many transactions, of whatever organization and movement.
SCANNED_MAX = 50_000

_READ = f"""
    WITH scanned AS (
        SELECT transaction_id, organization_id, request_id FROM transactions
        WHERE transaction_id > %(after_id)s ORDER BY transaction_id LIMIT %(scanned_max)s
    ), ended AS (
        SELECT c.* FROM scanned AS s
        JOIN charges AS c ON c.request_id = s.request_id AND c.transaction_id = s.transaction_id
        WHERE s.organization_id = ANY (%(organization_ids)s) AND s.transaction_id <> ALL (%(known)s::text[])
    )
    SELECT m.transaction_id, m.organization_id, {SHOWN}, n.scanned_count, n.last_id
    FROM (SELECT count(*) AS scanned_count, max(transaction_id) AS last_id FROM scanned) AS n
    LEFT JOIN ended AS m ON true {JOINED}
    ORDER BY m.transaction_id
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class EndedRequest:
    """A request that ended, by the transaction that ended it."""

    transaction_id: str
    organization_id: UUID
    charge: ListedCharge


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, oldest first; ``more_after`` is where to go on if it was not everything."""

    ended: tuple[EndedRequest, ...]
    more_after: str | None


def make_place(at: datetime) -> str:
    """The place before every transaction that was made from ``at`` on."""
    return make_first_id(at, prefix=PREFIX)


async def read_ended(
    connection: Connection,
    organization_ids: Sequence[UUID],
    after_id: str,
    *,
    known: Collection[str] = (),
    scanned_max: int = SCANNED_MAX,
) -> Reading:
    """Requests of these organizations whose ending transaction comes after a place, and is not ``known``."""
    parameters = {
        "known": list(known),
        "after_id": after_id,
        "organization_ids": list(organization_ids),
        "scanned_max": scanned_max,
    }
    rows = await (await connection.execute(_READ, parameters)).fetchall()
    scanned_count, last_id = rows[0][-2:]
    ended = tuple(EndedRequest(row[0], row[1], parse_charge(row[2:-2])) for row in rows if row[0] is not None)
    return Reading(ended, last_id if scanned_count == scanned_max else None)
