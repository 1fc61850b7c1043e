"""The chain of hashes over the journal, recomputed link by link."""

from typing import TYPE_CHECKING

from jeton.db.pool import Connection
from jeton.insight.proving.proof import Proof, read_rows
from jeton.ledger.chain import Entry, link

if TYPE_CHECKING:
    from uuid import UUID

_LINKS = """
    SELECT organization_id, sequence, digest, transaction_id, movement, request_id, accounts, lots, amounts,
           posted_at, reason
    FROM transactions ORDER BY organization_id, sequence
"""
_ENDS = "SELECT organization_id, chain_length, chain_digest FROM balances"


async def verify_chain(connection: Connection, proof: Proof) -> None:
    """Every link and every end; ``proof.chains`` gets the ends, by organization.

    Only the first break of a chain is named: what comes after it cannot be right.
    """
    ends: dict[UUID, tuple[int, bytes]] = {}
    broken: set[UUID] = set()
    async for row in read_rows(connection, "chain", _LINKS):
        organization_id, sequence, digest = row[0], row[1], bytes(row[2])
        length, previous = ends.get(organization_id, (0, b""))
        entry = Entry(sequence, organization_id, *row[3:])
        is_next = sequence == length + 1 and digest == link(previous, entry)
        if not is_next and organization_id not in broken:
            broken.add(organization_id)
            proof.find(
                f"The chain of organization {organization_id} breaks at transaction {row[3]} "
                f"(number {sequence}, after {length}): it, or what came before it, was changed."
            )
        ends[organization_id] = (sequence, digest)
    async for organization_id, length, digest in read_rows(connection, "chain_ends", _ENDS):
        proof.chains[str(organization_id)] = f"{length}:{bytes(digest).hex()}"
        if ends.get(organization_id, (0, b"")) != (length, bytes(digest)):
            proof.find(
                f"The chain of organization {organization_id} should end at number {length} and ends at "
                f"{ends.get(organization_id, (0, b''))[0]}: transactions are missing or were added."
            )
