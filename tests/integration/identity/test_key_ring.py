"""The key ring against a real PostgreSQL: what it accepts, and how soon it forgets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import psycopg
import pytest

from jeton import clock
from jeton.db.pool import Pool
from jeton.errors import OverloadedError
from jeton.identity.audit import Actor
from jeton.identity.errors import ExpiredKeyError, MissingKeyError, RevokedKeyError, UnknownKeyError
from jeton.identity.key_life.changing import restrict_key
from jeton.identity.key_life.stopping import announce_stop
from jeton.identity.key_ring import KeyRing
from jeton.identity.keys import create_key, get_key, revoke_key
from jeton.identity.organizations import Organization, create_organization
from jeton.identity.restricting.restrictions import UNRESTRICTED, parse_network, parse_restriction
from jeton.insight.access.keys import find_key_standing

WAIT_S = 10
PAUSE_S = 0.01


async def hears(ring: KeyRing) -> None:
    async with asyncio.timeout(WAIT_S):
        while not ring.is_listening:  # noqa: ASYNC110 - the ring has no use for an event of its own
            await asyncio.sleep(PAUSE_S)


async def use_until_refused(ring: KeyRing, secret: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            with suppress(OverloadedError):
                await ring.authenticate(secret)
            await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def listening(ring: KeyRing) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(ring.run())
    try:
        await hears(ring)
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def new_organization(pool: Pool) -> Organization:
    async with pool.connection() as connection:
        return await create_organization(connection, "Example GmbH")


async def new_key(pool: Pool, organization: Organization) -> tuple[str, str]:
    async with pool.connection() as connection:
        key, secret = await create_key(connection, organization.organization_id, name="key")
    return key.key_id, secret


async def test_a_key_gives_its_organization_workspace_and_kind(pool: Pool) -> None:
    organization = await new_organization(pool)
    async with pool.connection() as connection:
        key, secret = await create_key(connection, organization.organization_id, name="key")
        admin, admin_secret = await create_key(
            connection, organization.organization_id, name="admin", kind="admin"
        )
    ring = KeyRing(pool)
    caller = await ring.authenticate(secret)
    admin_caller = await ring.authenticate(admin_secret)
    assert (caller.organization_id, caller.workspace_id, caller.key_id, caller.kind) == (
        organization.organization_id, key.workspace_id, key.key_id, "api",
    )  # fmt: skip
    assert (admin_caller.workspace_id, admin_caller.key_id, admin_caller.kind) == (
        None, admin.key_id, "admin",
    )  # fmt: skip


async def test_what_was_never_created_is_refused(pool: Pool) -> None:
    ring = KeyRing(pool)
    with pytest.raises(MissingKeyError):
        await ring.authenticate("")
    with pytest.raises(UnknownKeyError):
        await ring.authenticate("sk-jtn-api-" + "x" * 43)
    with pytest.raises(UnknownKeyError):
        await ring.authenticate("x" * 100_000)
    with pytest.raises(UnknownKeyError):
        await ring.authenticate("sk-jtn-api-\ud800\x00ü")


async def test_memory_answers_while_announcements_are_heard(pool: Pool, database_url: str) -> None:
    organization = await new_organization(pool)
    key_id, secret = await new_key(pool, organization)
    ring = KeyRing(pool)
    async with listening(ring):
        caller = await ring.authenticate(secret)
        with psycopg.connect(database_url) as other, other.cursor() as cursor:
            # Nobody can read the table now, so only memory can answer.
            cursor.execute("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
            async with asyncio.timeout(WAIT_S):
                again = await ring.authenticate(secret)
    assert caller == again
    assert caller.key_id == key_id


async def test_a_revoked_key_is_refused_once_announced(pool: Pool) -> None:
    organization = await new_organization(pool)
    key_id, secret = await new_key(pool, organization)
    ring = KeyRing(pool)
    async with listening(ring):
        await ring.authenticate(secret)
        async with pool.connection() as connection:
            await revoke_key(connection, organization.organization_id, key_id)
        with pytest.raises(RevokedKeyError):
            await use_until_refused(ring, secret)


async def test_a_key_is_known_as_soon_as_its_creation_is_announced(pool: Pool, database_url: str) -> None:
    organization = await new_organization(pool)
    _, secret = await new_key(pool, organization)
    with psycopg.connect(database_url) as other:
        other.execute("CREATE TABLE kept AS SELECT * FROM api_keys")
        other.execute("DELETE FROM api_keys")
    ring = KeyRing(pool)
    async with listening(ring):
        with pytest.raises(UnknownKeyError):
            await ring.authenticate(secret)
        with psycopg.connect(database_url) as other:
            other.execute("INSERT INTO api_keys SELECT * FROM kept")
        async with asyncio.timeout(5):
            while True:
                with suppress(UnknownKeyError):
                    await ring.authenticate(secret)
                    break
                await asyncio.sleep(PAUSE_S)


async def test_expiry_is_decided_at_each_use(pool: Pool) -> None:
    organization = await new_organization(pool)
    async with pool.connection() as connection:
        _, secret = await create_key(
            connection,
            organization.organization_id,
            name="short",
            expires_at=clock.now() + timedelta(milliseconds=300),
        )
    ring = KeyRing(pool)
    async with listening(ring):
        await ring.authenticate(secret)
        with pytest.raises(ExpiredKeyError):
            await use_until_refused(ring, secret)


async def test_a_lost_listener_forgets_everything_and_listens_again(pool: Pool, database_url: str) -> None:
    organization = await new_organization(pool)
    key_id, secret = await new_key(pool, organization)
    ring = KeyRing(pool)
    async with listening(ring):
        await ring.authenticate(secret)
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("ALTER TABLE api_keys DISABLE TRIGGER api_keys_notify")
            other.execute("UPDATE api_keys SET revoked_at = now()")
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        with pytest.raises(RevokedKeyError):
            await use_until_refused(ring, secret)
        await hears(ring)
    async with pool.connection() as connection:
        assert (await get_key(connection, organization.organization_id, key_id)).revoked_at is not None


async def test_a_key_that_stops_is_announced_to_every_node(pool: Pool) -> None:
    ring, stopped = KeyRing(pool), asyncio.Queue[str]()
    ring.on_stop = stopped.put_nowait
    async with listening(ring):
        async with pool.connection() as connection:
            await announce_stop(connection, "apikey_1")
        assert await asyncio.wait_for(stopped.get(), 10) == "apikey_1"


async def test_what_a_key_is_restricted_to_and_used_for_is_known(pool: Pool) -> None:
    organization = await new_organization(pool)
    ring, by, organization_id = KeyRing(pool), Actor("operator", "ada"), organization.organization_id
    key_id, secret = await new_key(pool, organization)
    wanted = parse_restriction(["claude-sonnet-5"], ["192.0.2.0/24"])
    async with pool.connection() as connection:
        await restrict_key(connection, organization_id, key_id, wanted, by=by)
    caller = await ring.authenticate(secret)
    assert (caller.models, caller.networks) == (
        frozenset({"claude-sonnet-5"}),
        (parse_network("192.0.2.0/24"),),
    )
    ring.note_model(caller, "claude-sonnet-5", address="192.0.2.9")
    await ring.uses.flush(pool)
    # A use that asks no model leaves what is known of the last one that did.
    await ring.authenticate(secret)
    await ring.uses.flush(pool)
    async with pool.connection() as connection:
        standing = await find_key_standing(connection, organization_id, key_id, at=clock.now())
        assert standing is not None
        assert (standing.last_model, standing.last_address) == ("claude-sonnet-5", "192.0.2.9")
        await restrict_key(connection, organization_id, key_id, UNRESTRICTED, by=by)
    assert (await ring.authenticate(secret)).models is None
