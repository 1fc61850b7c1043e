"""Transactions of a receipt, each with its place in the chain of hashes that the journal is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jeton.db.pool import Connection

_READ = """
    SELECT transaction_id, movement, posted_at, reason, accounts, lots, amounts, sequence, digest
    FROM transactions WHERE transaction_id = ANY(%s) ORDER BY posted_at, transaction_id
"""


@dataclass(frozen=True, slots=True)
class PostedTransaction:
    """A ledger transaction with its postings (account, lot or "", nano), which sum to zero.

    ``sequence`` is its number in its organization's chain, ``digest`` the chain's end after it, in hex.
    """

    transaction_id: str
    movement: str
    reason: str
    posted_at: datetime
    postings: tuple[tuple[str, str, int], ...]
    sequence: int
    digest: str


async def list_transactions(
    connection: Connection, transaction_ids: Sequence[str]
) -> tuple[PostedTransaction, ...]:
    """The transactions with these ids, oldest first; an id that is none is left out."""
    cursor = await connection.execute(_READ, (list(transaction_ids),))
    return tuple(
        PostedTransaction(
            transaction_id=row[0],
            movement=row[1],
            posted_at=row[2],
            reason=row[3],
            postings=tuple(zip(row[4], row[5], row[6], strict=True)),
            sequence=row[7],
            digest=bytes(row[8]).hex(),
        )
        for row in await cursor.fetchall()
    )
