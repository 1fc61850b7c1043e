"""Admitting: what becomes of somebody for whom the provider has vouched: invites, membership, role."""

from contextlib import suppress
from uuid import UUID

from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.errors import LastAdminError
from jeton.identity.invites.invites import accept_invites_of
from jeton.identity.members import (
    Member,
    Role,
    change_role,
    create_member,
    find_member,
    list_memberships,
    record_joining,
)
from jeton.identity.oidc.terms import Identity, OidcRefusedError, OidcTerms
from jeton.identity.scim.authority import is_connected, is_deactivated, lock_directory

BY = Actor("system", "oidc")


async def admit(connection: Connection, identity: Identity, terms: OidcTerms) -> Member:
    """The membership that somebody signs in to; OidcRefusedError for whoever has none.

    Open invites are accepted. In the organization of ``terms`` the role follows the groups at each sign-in,
    but the last admin stays one. Whom its directory deactivated does not come back by the provider's word,
    and where a directory is connected nobody becomes a member by it.
    """
    role = terms.find_role(identity.groups)
    if terms.roles and role is None:
        raise OidcRefusedError("you are in no group that may sign in here")
    await accept_invites_of(connection, identity.email, how="oidc")
    if terms.organization_id is not None and role is not None:
        await _join(connection, identity.email, terms.organization_id, role, has_groups=bool(terms.roles))
    member = await find_member(connection, identity.email)
    if member is None:
        raise OidcRefusedError(f"{identity.email} is no member here")
    return member


async def _join(
    connection: Connection, email: str, organization_id: UUID, role: Role, *, has_groups: bool
) -> None:
    """Become a member, unless the directory says otherwise, or get the role that the groups give."""
    # Nobody is taken away between the question below and the answer to it.
    await lock_directory(connection, organization_id)
    memberships = await list_memberships(connection, email)
    known = next((one for one in memberships if one.organization_id == organization_id), None)
    if known is None:
        if await is_connected(connection, organization_id) or await is_deactivated(
            connection, organization_id, email
        ):
            return
        member = await create_member(connection, organization_id, email=email, role=role)
        await record_joining(connection, BY, member, how="oidc")
    elif has_groups and known.role != role:
        with suppress(LastAdminError):
            await change_role(connection, organization_id, known.member_id, role, by=BY)
