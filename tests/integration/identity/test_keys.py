"""Keys, members and organizations as they are stored."""

import hashlib
from datetime import timedelta

import pytest

from jeton import clock
from jeton.db.pool import Pool
from jeton.identity.errors import (
    EmailTakenError,
    InvalidExpiryError,
    InvalidNameError,
    UnknownKeyIdError,
    UnknownWorkspaceError,
)
from jeton.identity.keys import create_key, list_keys, revoke_key
from jeton.identity.members import create_member, find_member
from jeton.identity.organizations import create_organization, create_workspace, list_workspaces


async def test_a_new_organization_has_one_default_workspace(pool: Pool) -> None:
    async with pool.connection() as connection:
        organization = await create_organization(connection, "  Example GmbH ")
        await create_workspace(connection, organization.organization_id, name="Research")
        workspaces = await list_workspaces(connection, organization.organization_id)
    assert organization.name == "Example GmbH"
    assert [(workspace.name, workspace.is_default) for workspace in workspaces] == [
        ("Default", True),
        ("Research", False),
    ]


async def test_of_a_key_only_its_digest_and_its_hint_are_stored(pool: Pool) -> None:
    async with pool.connection() as connection:
        organization = await create_organization(connection, "Example GmbH")
        key, secret = await create_key(connection, organization.organization_id, name="ci")
        cursor = await connection.execute("SELECT digest, hint, api_keys::text FROM api_keys")
        rows = await cursor.fetchall()
    assert secret.startswith("sk-jtn-api-")
    assert len(secret) == len("sk-jtn-api-") + 43
    assert rows[0][0] == hashlib.sha256(secret.encode()).digest()
    assert rows[0][1] == key.hint == f"sk-jtn-api-…{secret[-4:]}"
    assert secret not in rows[0][2]


async def test_a_key_goes_through_active_expired_and_inactive(pool: Pool) -> None:
    soon = clock.now() + timedelta(hours=1)
    async with pool.connection() as connection:
        organization = await create_organization(connection, "Example GmbH")
        key, _ = await create_key(connection, organization.organization_id, name="ci", expires_at=soon)
        revoked = await revoke_key(connection, organization.organization_id, key.key_id)
        again = await revoke_key(connection, organization.organization_id, key.key_id)
        listed = await list_keys(connection, organization.organization_id)
    assert key.status_at(soon - timedelta(seconds=1)) == "active"
    assert key.status_at(soon) == "expired"
    assert revoked.status_at(soon) == "archived"
    assert again == revoked
    assert listed == [revoked]


async def test_a_key_of_another_organization_cannot_be_revoked(pool: Pool) -> None:
    async with pool.connection() as connection:
        ours = await create_organization(connection, "Ours")
        theirs = await create_organization(connection, "Theirs")
        key, _ = await create_key(connection, theirs.organization_id, name="ci")
        with pytest.raises(UnknownKeyIdError):
            await revoke_key(connection, ours.organization_id, key.key_id)
        with pytest.raises(UnknownWorkspaceError):
            await create_key(connection, ours.organization_id, name="ci", workspace_id=key.workspace_id)


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb", "a\x00b"])
async def test_a_key_needs_a_name_that_can_be_shown(pool: Pool, name: str) -> None:
    async with pool.connection() as connection:
        organization = await create_organization(connection, "Example GmbH")
        with pytest.raises(InvalidNameError):
            await create_key(connection, organization.organization_id, name=name)


async def test_a_key_cannot_be_born_expired(pool: Pool) -> None:
    async with pool.connection() as connection:
        organization = await create_organization(connection, "Example GmbH")
        with pytest.raises(InvalidExpiryError):
            await create_key(connection, organization.organization_id, name="ci", expires_at=clock.now())


async def test_an_e_mail_belongs_to_one_member_however_it_is_written(pool: Pool) -> None:
    async with pool.connection() as connection:
        organization = await create_organization(connection, "Example GmbH")
        member = await create_member(
            connection,
            organization.organization_id,
            email=" Ada@Example.com",
            password_hash="x",
            role="admin",
        )
        with pytest.raises(EmailTakenError):
            await create_member(
                connection,
                organization.organization_id,
                email="ada@example.com",
                password_hash="y",
                role="auditor",
            )
        assert await find_member(connection, "ada@example.com") == member
