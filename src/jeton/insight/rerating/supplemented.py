"""Supplemented: what was charged after the fact, of one request; and the proof of all supplements."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.insight.rerating.ranged import Span, read_rerated
from jeton.money import render_usd

_OF_REQUEST = """
    SELECT c.supplement_id, c.amount_nano, r.price_version_id, d.reason, d.transaction_id,
           d.decided_at AS supplemented_at
    FROM supplemented_charges AS c JOIN rerating_supplements AS d USING (supplement_id)
    JOIN reratings AS r USING (rerating_id)
    WHERE c.request_id = %s
"""
_SUPPLEMENTS = """
    SELECT d.supplement_id, d.organization_id, d.requests, d.amount_nano, r.model, r.price_version_id,
           r.from_at, r.until_at, coalesce(t.movement, ''), coalesce((
               SELECT sum(p.nano) FROM unnest(t.accounts, t.amounts) AS p (account, nano)
               WHERE p.account = 'accrued'), 0)::bigint
    FROM rerating_supplements AS d JOIN reratings AS r USING (rerating_id)
    LEFT JOIN transactions AS t USING (transaction_id)
    WHERE d.state = 'done'
"""
_CHARGES = "SELECT request_id, amount_nano FROM supplemented_charges WHERE supplement_id = %s"
_LONELY = """
    SELECT transaction_id FROM transactions AS t
    WHERE movement = 'rerate' AND NOT EXISTS (
        SELECT FROM rerating_supplements AS d WHERE d.transaction_id = t.transaction_id)
    UNION ALL
    SELECT c.request_id FROM supplemented_charges AS c JOIN rerating_supplements AS d USING (supplement_id)
    WHERE d.state <> 'done' OR d.organization_id <> c.organization_id
"""
# Its instant says on which line it is billed.
_MOVED = """
    SELECT request_id FROM supplemented_charges AS c JOIN charges AS h USING (request_id)
    WHERE c.held_at <> h.held_at OR c.organization_id <> h.organization_id
"""


@dataclass(frozen=True, slots=True)
class SupplementedCharge:
    """What was charged for a request after the fact, in nano, since it was re-rated at another price."""

    supplement_id: str
    amount_nano: int
    price_version_id: str
    reason: str
    transaction_id: str
    supplemented_at: datetime


async def find_supplemented_charge(connection: Connection, request_id: str) -> SupplementedCharge | None:
    """The supplement of a request, if there was one."""
    async with connection.cursor(row_factory=class_row(SupplementedCharge)) as cursor:
        await cursor.execute(_OF_REQUEST, (request_id,))
        return await cursor.fetchone()


async def verify_supplements(connection: Connection, proof: Proof) -> None:
    """Every supplement is the difference that its charges come to, rated again, and what was posted."""
    cursor = await connection.execute(_SUPPLEMENTS)
    for supplement_id, organization_id, requests, nano, *span, movement, posted in await cursor.fetchall():
        charges: dict[str, int] = dict(
            await (await connection.execute(_CHARGES, (supplement_id,))).fetchall()
        )
        if not (
            requests == len(charges) and nano == sum(charges.values()) == posted and movement == "rerate"
        ):
            proof.find(
                f"The supplement {supplement_id} is {render_usd(nano)} dollars for {requests} charges, its "
                f"{len(charges)} charges come to {render_usd(sum(charges.values()))} and "
                f"{render_usd(posted)} were posted."
            )
        await _rate_again(connection, proof, supplement_id, organization_id, Span(*span), charges)
    async for (subject,) in read_rows(connection, "lonely_supplements", _LONELY):
        proof.find(f"{subject} belongs to no supplement that was approved.")
    async for (request_id,) in read_rows(connection, "moved_supplements", _MOVED):
        proof.find(f"The supplement of {request_id} is of another time or organization than its charge.")


async def _rate_again(
    connection: Connection,
    proof: Proof,
    supplement_id: str,
    organization_id: UUID,
    span: Span,
    charges: dict[str, int],
) -> None:
    left = dict(charges)
    async for one in read_rerated(connection, span, [organization_id]):
        nano = left.pop(one.request_id, None)
        if nano is not None and nano != one.more_nano:
            proof.find(
                f"The charge of {one.request_id} was supplemented {render_usd(nano)} dollars, and is "
                f"{render_usd(one.more_nano)} more at {span.price_version_id}."
            )
    for request_id in left:
        proof.find(f"The charge of {request_id} is not of the time that {supplement_id} is for.")
