"""The chains over the audit log, recomputed link by link: what was altered, removed or slipped in is named.

Whoever can write the database can also make new chains. Ends that were kept elsewhere tell: the chains of
today have to pass through them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from jeton.db.pool import Connection
from jeton.identity.audit.chain import HOUSE, Sealed, find_chain, link, render_content
from jeton.insight.proving.chain import digest_ends, render_end
from jeton.insight.proving.proof import Proof, read_rows

_LINKS = """
    SELECT l.audit_id AS linked_id, l.chain_id, l.sequence, l.digest, e.audit_id, e.occurred_at, e.actor_kind,
           e.actor, e.action, e.subject, e.organization_id, e.details::text
    FROM audit_links AS l FULL JOIN audit_entries AS e USING (audit_id)
    WHERE %(chain_id)s::uuid IS NULL
       OR coalesce(l.chain_id, find_audit_chain(e.organization_id)) = %(chain_id)s
    ORDER BY l.chain_id, l.sequence, e.audit_id
"""
_ENDS = """
    SELECT chain_id, length, digest FROM audit_chains
    WHERE %(chain_id)s::uuid IS NULL OR chain_id = %(chain_id)s
"""
_LAST_PROOF = """
    SELECT started_at, audit_findings_count = 0, (counts->>'audit_entries')::bigint, encode(audit_head, 'hex')
    FROM ledger_proofs WHERE is_sound IS NOT NULL AND audit_head IS NOT NULL ORDER BY proof_id DESC LIMIT 1
"""
_NO_ENDS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ChainState:
    """The chains as they end now, and what the last proof that looked at them found; None before any.

    ``head`` is one digest over where they end, or of a single chain the digest that it ends with; in hex.
    """

    entries: int
    head: str
    proven_at: datetime | None
    is_whole: bool | None
    proven_entries: int | None
    proven_head: str | None


def name_chain(chain_id: UUID) -> str:
    """Whose chain it is, as a finding says it."""
    return "the house" if chain_id == HOUSE else f"organization {chain_id}"


async def read_audit_ends(connection: Connection, organization_id: UUID | None = None) -> dict[str, str]:
    """Where each chain of the audit log ends now, by organization; that of the house is under zeros."""
    parameters = {"chain_id": organization_id}
    return {
        str(chain_id): render_end(length, bytes(digest))
        async for chain_id, length, digest in read_rows(
            connection, "audit_ends", _ENDS, parameters=parameters
        )
    }


def count_audit_entries(ends: Mapping[str, str]) -> int:
    """How many entries the chains have."""
    return sum(int(end.partition(":")[0]) for end in ends.values())


async def get_chain_state(connection: Connection, organization_id: UUID | None = None) -> ChainState:
    """The state of all chains, or of an organization's; the last proof is always one of all."""
    ends = await read_audit_ends(connection, organization_id)
    head = digest_ends(ends).hex()
    if organization_id is not None:
        head = next(iter(ends.values()), ":").partition(":")[2]
    row = await (await connection.execute(_LAST_PROOF)).fetchone()
    return ChainState(count_audit_entries(ends), head, *(row or (None, None, None, None)))


def render_chain_state(state: ChainState) -> dict[str, object]:
    """The state as the page's twin gives it."""
    return {
        "entries": state.entries,
        "head": f"sha256:{state.head}" if state.head else None,
        "proven_at": None if state.proven_at is None else state.proven_at.isoformat(),
        "is_whole": state.is_whole,
    }


async def verify_audit(
    connection: Connection,
    proof: Proof,
    kept: Mapping[str, str] = _NO_ENDS,
    *,
    organization_id: UUID | None = None,
) -> None:
    """Every entry, link and end of all chains, or of an organization's; ``proof.audit_chains`` gets the ends.

    ``kept`` are ends from earlier, which each chain has to pass through. Reads in the transaction that is
    open, which must be a snapshot.
    """
    missed = {one: end for one, end in kept.items() if end != render_end(0, b"")}
    ends: dict[UUID, tuple[int, bytes]] = {}
    parameters = {"chain_id": organization_id}
    async for row in read_rows(connection, "audit_links", _LINKS, parameters=parameters):
        proof.audit_entries += 1
        _check_row(proof, ends, row)
        if row[1] is not None and missed.get(str(row[1])) == render_end(row[2], bytes(row[3])):
            del missed[str(row[1])]
    async for chain_id, length, digest in read_rows(connection, "audit_ends", _ENDS, parameters=parameters):
        proof.audit_chains[str(chain_id)] = render_end(length, bytes(digest))
        if ends.pop(chain_id, (0, b"")) != (length, bytes(digest)):
            _find(
                proof, f"The audit log of {name_chain(chain_id)} does not end at number {length} as it should"
            )
    for chain_id in sorted(ends):
        _find(proof, f"The audit log of {name_chain(chain_id)} has entries and no end")
    for one, end in sorted(missed.items()):
        number = end.partition(":")[0]
        _find(
            proof,
            f"The audit log of {name_chain(UUID(one))} does not pass through number {number} as it was kept",
        )


def _check_row(proof: Proof, ends: dict[UUID, tuple[int, bytes]], row: tuple[Any, ...]) -> None:
    """One entry with its link; what is wrong with one says nothing about the next."""
    linked_id, chain_id, sequence = row[:3]
    if linked_id is None:
        _find(proof, f"The entry {row[4]} of the audit log is in no chain: it was slipped in")
        return
    digest, entry = bytes(row[3]), Sealed(*row[4:])
    length, previous = ends.get(chain_id, (0, b""))
    if sequence != length + 1:
        _find(proof, f"In the audit log of {name_chain(chain_id)} number {length + 1} is missing")
    ends[chain_id] = (sequence, digest)
    named = f"The entry {linked_id}, number {sequence} of {name_chain(chain_id)}"
    if row[4] is None:
        _find(proof, f"{named}, was removed")
    elif find_chain(entry.organization_id) != chain_id or digest != link(
        previous, render_content(sequence, entry)
    ):
        _find(proof, f"{named}, does not read as it was written")


def _find(proof: Proof, sentence: str) -> None:
    proof.audit_findings += 1
    proof.find(f"{sentence}.")
