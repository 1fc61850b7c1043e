"""The chains over the audit log in PostgreSQL: made at each commit, and told when somebody tampers."""

import asyncio
from contextlib import suppress
from uuid import UUID

import psycopg
import pytest

from jeton import clock
from jeton.db.migrating import load_migrations, migrate_within
from jeton.db.pool import Connection, Pool, connect
from jeton.identity.audit import SYSTEM, Actor, Change, list_audit, record_audit, record_changes
from jeton.identity.audit.chain import HOUSE
from jeton.identity.organizations import create_organization
from jeton.insight.operating.audit_chain import read_audit_ends, verify_audit
from jeton.insight.proving.proof import Proof
from jeton.insight.verify import snapshot

BY = Actor("operator", "zoë@example.com")


async def prove(pool: Pool, kept: dict[str, str] | None = None, *, of: UUID | None = None) -> Proof:
    proof = Proof()
    async with pool.connection() as connection, snapshot(connection):
        await verify_audit(connection, proof, kept or {}, organization_id=of)
    return proof


async def write(pool: Pool, *organizations: UUID | None) -> None:
    """An entry for each, in one transaction."""
    async with pool.connection() as connection:
        details = {"amount": "1.00", "note": "a\nb", "é": [1, {"z": None, "aa": 1.50}]}
        changes = [Change("credits.granted", "lot_1", one, details) for one in organizations]
        await record_changes(connection, BY, changes)


async def list_ids(connection: Connection, organization_id: UUID) -> list[str]:
    cursor = await connection.execute(
        "SELECT audit_id FROM audit_links WHERE chain_id = %s ORDER BY sequence", (organization_id,)
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def open_two(pool: Pool) -> tuple[UUID, UUID]:
    async with pool.connection() as connection:
        one = await create_organization(connection, "One")
        two = await create_organization(connection, "Two")
    return one.organization_id, two.organization_id


async def test_each_organization_has_a_chain_of_its_own(pool: Pool) -> None:
    one, two = await open_two(pool)
    before = await prove(pool)
    await write(pool, one, two, one, None)
    await write(pool, two)
    async with pool.connection() as connection:
        async with connection.transaction(force_rollback=True):
            await record_audit(connection, SYSTEM, "key.created", subject="never", organization_id=one)
        ends = await read_audit_ends(connection)
    proof = await prove(pool)
    assert proof.findings == []
    assert proof.audit_entries == before.audit_entries + 5
    assert (proof.audit_chains, set(ends)) == (ends, {str(one), str(two), str(HOUSE)})
    assert (await prove(pool, of=two)).audit_chains == {str(two): ends[str(two)]}


async def test_writers_at_once_in_any_order_all_get_their_links(pool: Pool) -> None:
    """Each takes two chains, half of them the other way round; none waits for another in a circle."""
    one, two = await open_two(pool)
    start = (await prove(pool)).audit_entries
    await asyncio.gather(*(write(pool, *((one, two) if turn % 2 else (two, one))) for turn in range(24)))
    proof = await prove(pool)
    assert (proof.findings, proof.audit_entries - start) == ([], 48)


class GaveUpError(Exception):
    """Whoever writes thinks better of it."""


async def write_in_steps(pool: Pool, turn: int, first: UUID, second: UUID) -> None:
    """An entry of each, one between them that is taken back, and of every third turn all of it."""
    with suppress(GaveUpError):
        async with pool.connection() as connection, connection.transaction():
            await record_audit(connection, BY, "key.created", subject=f"{turn} first", organization_id=first)
            with suppress(GaveUpError):
                async with connection.transaction():
                    await record_audit(connection, BY, "key.revoked", subject="never", organization_id=second)
                    await record_audit(connection, BY, "key.revoked", subject="never")
                    raise GaveUpError
            async with connection.transaction():
                await record_audit(
                    connection, BY, "key.created", subject=f"{turn} second", organization_id=second
                )
            if turn % 3 == 0:
                raise GaveUpError


async def test_what_is_rolled_back_among_writers_at_once_leaves_no_gap_and_no_entry(pool: Pool) -> None:
    one, two = await open_two(pool)
    start = (await prove(pool)).audit_entries
    await asyncio.gather(
        *(write_in_steps(pool, turn, *((one, two) if turn % 2 else (two, one))) for turn in range(24))
    )
    proof = await prove(pool)
    # Sixteen of the turns are not taken back, with two entries each.
    assert (proof.findings, proof.audit_entries - start) == ([], 32)
    async with pool.connection() as connection:
        entries = await list_audit(connection)
        cursor = await connection.execute(
            "SELECT chain_id, count(*), max(sequence) FROM audit_links GROUP BY chain_id"
        )
        lengths = await cursor.fetchall()
    assert "never" not in {entry.subject for entry in entries}
    assert all(count == longest for _, count, longest in lengths)


# What stands in the way of whoever owns the tables, and what they can do about it.
UNGUARD = """
    ALTER TABLE audit_entries DISABLE TRIGGER USER;
    ALTER TABLE audit_links DISABLE TRIGGER USER, DROP CONSTRAINT audit_links_audit_id_fkey
"""
GUARD = "ALTER TABLE audit_entries ENABLE TRIGGER USER; ALTER TABLE audit_links ENABLE TRIGGER USER"
ALTER = 'UPDATE audit_entries SET details = \'{"amount": "9.00"}\' WHERE audit_id = %(id)s'
MOVE = "UPDATE audit_entries SET occurred_at = occurred_at + interval '1 microsecond' WHERE audit_id = %(id)s"
REMOVE = "DELETE FROM audit_entries WHERE audit_id = %(id)s"
REMOVE_BOTH = "DELETE FROM audit_links WHERE audit_id = %(id)s"
ADD = """
    INSERT INTO audit_entries SELECT 'audit_forged', occurred_at, actor_kind, actor, action, subject,
        organization_id, details FROM audit_entries WHERE audit_id = %(id)s
"""
RELINK = "UPDATE audit_links SET digest = sha256('x') WHERE audit_id = %(id)s"


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        pytest.param([ALTER], ["number 2 of organization", "does not read as it was written"], id="altered"),
        pytest.param(
            [MOVE], ["number 2 of organization", "does not read as it was written"], id="back-dated"
        ),
        pytest.param([REMOVE], ["number 2 of organization", "was removed"], id="removed"),
        pytest.param([REMOVE_BOTH, REMOVE], ["number 2 is missing"], id="removed with its link"),
        pytest.param([ADD], ["audit_forged of the audit log is in no chain"], id="slipped in"),
        pytest.param([RELINK], ["number 2 of organization", "number 3 of organization"], id="another link"),
    ],
)
async def test_what_is_done_behind_the_triggers_is_found(
    pool: Pool, statements: list[str], says: list[str]
) -> None:
    one, _ = await open_two(pool)
    await write(pool, one, one, one)
    kept = (await prove(pool)).audit_chains
    async with pool.connection() as connection:
        target = (await list_ids(connection, one))[1]
        with pytest.raises(psycopg.errors.RaiseException, match="audit_entries are facts"):
            async with connection.transaction():
                await connection.execute(ALTER, {"id": target})
        await connection.execute(UNGUARD)
        for statement in statements:
            await connection.execute(statement, {"id": target})
        await connection.execute(GUARD)
    said = " ".join((await prove(pool, kept)).findings)
    for words in says:
        assert words in said
    assert (await prove(pool, of=one)).audit_findings > 0


async def test_a_chain_that_was_made_anew_does_not_pass_through_the_end_that_was_kept(pool: Pool) -> None:
    one, _ = await open_two(pool)
    await write(pool, one, one, one)
    kept = (await prove(pool)).audit_chains
    async with pool.connection() as connection:
        target = (await list_ids(connection, one))[1]
        await connection.execute(UNGUARD)
        await connection.execute("DELETE FROM audit_links WHERE chain_id = %s", (one,))
        await connection.execute(REMOVE, {"id": target})
        await connection.execute(
            "UPDATE audit_chains SET length = 0, digest = '' WHERE chain_id = %s", (one,)
        )
        await connection.execute(
            "SELECT link_audit_entry(e) FROM (SELECT * FROM audit_entries WHERE organization_id = %s"
            " ORDER BY audit_id) AS e",
            (one,),
        )
        await connection.execute(GUARD)
    assert (await prove(pool)).findings == []
    (said,) = (await prove(pool, kept)).findings
    assert f"organization {one} does not pass through number" in said


async def test_what_was_there_before_the_chains_is_chained(empty_database_url: str) -> None:
    number = next(one.number for one in load_migrations() if one.name == "identity_proven")
    connection = await connect(empty_database_url)
    try:
        async with connection.transaction():
            await connection.execute(
                "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL,"
                " digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            await migrate_within(connection, up_to=number - 1)
            await connection.execute(
                "INSERT INTO audit_entries SELECT 'audit_' || n, %s, 'system', 'jeton', 'a.b', '', NULL,"
                " '{\"n\": 1.0}' FROM generate_series(1, 3) AS n",
                (clock.now(),),
            )
            await migrate_within(connection)
        proof = Proof()
        async with snapshot(connection):
            await verify_audit(connection, proof)
    finally:
        await connection.close()
    assert (proof.findings, proof.audit_entries, [*proof.audit_chains]) == ([], 3, [str(HOUSE)])
    assert proof.audit_chains[str(HOUSE)].startswith("3:")
