"""A directory's word and the other ways in: an invite lets nobody in whom the directory let go."""

from uuid import UUID

import pytest
from tests.integration.world import open_world

from jeton.db.pool import Pool
from jeton.identity.audit import Actor, list_audit
from jeton.identity.errors import SignInLinkError
from jeton.identity.invites.invites import accept_invite, create_invite, list_invites
from jeton.identity.members import list_members
from jeton.identity.scim.authority import DirectoryDecidesError
from jeton.identity.scim.terms import Profile
from jeton.identity.scim.tokens import create_token, revoke_token
from jeton.identity.scim.users import change_user, create_user, delete_user

ADA, SCIM, BOB = Actor("member", "ada@example.com"), Actor("system", "scim"), "bob@example.com"


async def invite(pool: Pool, organization_id: UUID) -> str:
    async with pool.connection() as connection:
        return (await create_invite(connection, organization_id, email=BOB, role="admin", by=ADA))[1]


async def accept(pool: Pool, secret: str) -> str:
    async with pool.connection() as connection:
        return (await accept_invite(connection, secret, password_hash=None)).email


@pytest.mark.parametrize("word", ["deactivated", "deleted", "renamed", "never active"])
async def test_whom_the_directory_lets_go_no_earlier_invite_lets_in(pool: Pool, word: str) -> None:
    world = await open_world(pool)
    own = world.organization.organization_id
    secret = await invite(pool, own)
    async with pool.connection() as connection:
        await create_token(connection, own, name="Okta", by=ADA)
        if word == "never active":
            await create_user(connection, own, Profile(BOB), is_active=False, by=SCIM)
        else:
            # Known, and out already, so that the invite is still open.
            user = await create_user(connection, own, Profile("b@example.com"), is_active=False, by=SCIM)
            email = "b@example.com" if word == "renamed" else BOB
            await connection.execute("UPDATE scim_users SET email = %s", (BOB,))
            if word == "deleted":
                await delete_user(connection, own, user.user_id, by=SCIM)
            else:
                await change_user(connection, own, user.user_id, Profile(email), is_active=False, by=SCIM)
    with pytest.raises(SignInLinkError):
        await accept(pool, secret)
    async with pool.connection() as connection:
        assert [one.email for one in await list_members(connection, own)] == []
        [kept] = await list_invites(connection, own)
        log = await list_audit(connection, organization_id=own)
    assert kept.deleted_at is not None
    assert [(one.actor, one.subject) for one in log if one.action == "invite.deleted"] == [
        ("scim", kept.invite_id)
    ]
    await world.close()


async def test_whom_a_connected_directory_deactivated_is_not_invited_and_joins_by_no_link(pool: Pool) -> None:
    world = await open_world(pool)
    own = world.organization.organization_id
    async with pool.connection() as connection:
        await create_user(connection, own, Profile(BOB), is_active=False, by=SCIM)
    secret = await invite(pool, own)
    async with pool.connection() as connection:
        token, _ = await create_token(connection, own, name="Okta", by=ADA)
    with pytest.raises(DirectoryDecidesError, match="is deactivated in the directory"):
        await invite(pool, own)
    with pytest.raises(DirectoryDecidesError):
        await accept(pool, secret)
    # Once no directory calls any more, an admin decides.
    async with pool.connection() as connection:
        await revoke_token(connection, own, token.token_id, by=ADA)
    assert await accept(pool, secret) == BOB
    await world.close()


async def test_a_directory_decides_for_its_own_organization_only(pool: Pool) -> None:
    world = await open_world(pool)
    own = world.organization.organization_id
    other = await open_world(pool, name="Others AG")
    async with pool.connection() as connection:
        await create_token(connection, other.organization.organization_id, name="Okta", by=ADA)
        await create_user(
            connection, other.organization.organization_id, Profile(BOB), is_active=False, by=SCIM
        )
    assert await accept(pool, await invite(pool, own)) == BOB
    await other.close()
    await world.close()
