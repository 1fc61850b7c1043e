"""The chain of hashes over the journal, recomputed link by link.

Whoever can write the database can also make a new chain. An end that was kept elsewhere tells: the
chain of today has to pass through it.
"""

import hashlib
from collections.abc import Mapping
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


def render_end(length: int, digest: bytes) -> str:
    """An end of a chain as it is written down: ``42:`` and the digest of the 42nd entry in hex."""
    return f"{length}:{digest.hex()}"


def digest_ends(chains: Mapping[str, str]) -> bytes:
    """SHA-256 over where every organization's chain ends, a line each (``ID LENGTH:DIGEST``), by id."""
    lines = "".join(f"{organization_id} {end}\n" for organization_id, end in sorted(chains.items()))
    return hashlib.sha256(lines.encode()).digest()


async def read_ends(connection: Connection) -> dict[str, str]:
    """Where the chain of each organization ends now."""
    return {
        str(organization_id): render_end(length, bytes(digest))
        async for organization_id, length, digest in read_rows(connection, "ends", _ENDS)
    }


async def verify_chain(connection: Connection, proof: Proof, kept: Mapping[str, str]) -> None:
    """Every link and every end; ``proof.chains`` gets the ends, by organization.

    ``kept`` are ends from earlier, which each chain has to pass through. Only the first break of a
    chain is named: what comes after it cannot be right.
    """
    missed = {one: end for one, end in kept.items() if end != render_end(0, b"")}
    ends: dict[UUID, tuple[int, bytes]] = {}
    broken: set[UUID] = set()
    async for row in read_rows(connection, "chain", _LINKS):
        organization_id, sequence, digest = row[0], row[1], bytes(row[2])
        length, previous = ends.get(organization_id, (0, b""))
        entry = Entry(sequence, str(organization_id), *row[3:])
        is_next = sequence == length + 1 and digest == link(previous, entry)
        if not is_next and organization_id not in broken:
            broken.add(organization_id)
            proof.find(
                f"The chain of organization {organization_id} breaks at transaction {row[3]} "
                f"(number {sequence}, after {length}): it, or what came before it, was changed."
            )
        ends[organization_id] = (sequence, digest)
        if missed.get(str(organization_id)) == render_end(sequence, digest):
            del missed[str(organization_id)]
    async for organization_id, length, digest in read_rows(connection, "chain_ends", _ENDS):
        proof.chains[str(organization_id)] = render_end(length, bytes(digest))
        if ends.get(organization_id, (0, b"")) != (length, bytes(digest)):
            proof.find(
                f"The chain of organization {organization_id} should end at number {length} and ends at "
                f"{ends.get(organization_id, (0, b''))[0]}: transactions are missing or were added."
            )
    for organization_id, end in sorted(missed.items()):
        proof.find(
            f"The chain of organization {organization_id} does not pass through number "
            f"{end.partition(':')[0]} as it was kept: what came before it was changed or removed."
        )
    proof.kept_ends = len(kept)
