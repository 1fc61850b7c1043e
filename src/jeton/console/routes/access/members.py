"""Members: who they are, what each may do, who was invited; roles change and members go."""

from collections.abc import Mapping
from typing import get_args

from jeton import clock
from jeton.console.errors import InvalidFormError
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.identity.invites.invites import Invite, create_invite, delete_invite, list_invites
from jeton.identity.members import Member, Role, change_role, list_members, remove_member
from jeton.identity.roles.permissions import PERMISSIONS, Permission
from jeton.notifications.notes import Asked, render_invite_link

PLACE = "/console/members"
ROLES: tuple[Role, ...] = get_args(Role)


async def show_members(visit: Visit) -> View:
    """The members and the open invites."""
    async with visit.deps.pool.connection() as connection:
        return await _view(visit, connection)


async def invite(visit: Visit, form: Mapping[str, str]) -> View:
    """Invite somebody, or again: the link goes by mail, and where there is none to the operator's eyes."""
    visit.require(Permission.MANAGE_MEMBERS)
    role = _parse_role(form)
    if not _may_invite(visit):
        raise InvalidFormError("nobody can be invited here: this installation sends no mail")
    async with visit.deps.pool.connection() as connection:
        invite, secret = await create_invite(
            connection,
            visit.session.organization_id,
            email=form.get("email", ""),
            role=role,
            by=Actor("member", visit.session.email),
        )
    told, link = await hand_over(visit, invite, secret)
    async with visit.deps.pool.connection() as connection:
        return await _view(visit, connection, told=told, link=link)


async def hand_over(visit: Visit, invite: Invite, secret: str) -> tuple[str, str]:
    """Mail the link; what to tell whoever invited, and the link itself where only the operator can see it."""
    postman = visit.deps.postman
    if postman is not None:
        attempt = await postman.send_invite(_describe(invite), secret)
        if attempt.problem:
            problem = f"The mail to {invite.email} could not be sent: {attempt.problem}"
            return f"{problem} Invite again to try once more.", ""
        return f"A mail with the link is on its way to {invite.email}.", ""
    if visit.is_operator:
        told = (
            "There is no mail server. You run this installation, so here is the link, this once: hand it on."
        )
        return told, render_invite_link(_find_base(visit), secret)
    return f"{invite.email} becomes a member by signing in with {visit.deps.oidc_name}.", ""


async def delete(visit: Visit, form: Mapping[str, str]) -> str:
    """Take an invite back."""
    del form
    visit.require(Permission.MANAGE_MEMBERS)
    invite_id = str(visit.request.path_params["invite_id"])
    async with visit.deps.pool.connection() as connection:
        by = Actor("member", visit.session.email)
        await delete_invite(connection, visit.session.organization_id, invite_id, by=by)
    return PLACE


async def change(visit: Visit, form: Mapping[str, str]) -> str:
    """Give a member another role."""
    visit.require(Permission.MANAGE_MEMBERS)
    role = _parse_role(form)
    async with visit.deps.pool.connection() as connection:
        by = Actor("member", visit.session.email)
        await change_role(connection, visit.session.organization_id, _member_id(visit), role, by=by)
    return PLACE


async def remove(visit: Visit, form: Mapping[str, str]) -> str:
    """Take a member out of the organization; its sessions end, its keys stay."""
    del form
    visit.require(Permission.MANAGE_MEMBERS)
    async with visit.deps.pool.connection() as connection:
        by = Actor("member", visit.session.email)
        await remove_member(connection, visit.session.organization_id, _member_id(visit), by=by)
    return PLACE


async def _view(visit: Visit, connection: Connection, *, told: str = "", link: str = "") -> View:
    at = clock.now()
    organization_id = visit.session.organization_id
    members = await list_members(connection, organization_id)
    invites = await list_invites(connection, organization_id, is_open=True)
    context = {
        "as_of": at,
        "members": members,
        "invites": [(one, one.status_at(at)) for one in invites],
        "roles": ROLES,
        "permissions": {permission: _list_roles(permission) for permission in Permission},
        "told": told,
        "link": link,
        "may_change": visit.may(Permission.MANAGE_MEMBERS),
        "may_invite": visit.may(Permission.MANAGE_MEMBERS) and _may_invite(visit),
    }
    data = {
        "type": "member_list",
        "as_of": at.isoformat(),
        "data": [_render_member(member) for member in members],
        "invites": [_render_invite(one, one.status_at(at)) for one in invites],
    }
    return View("access/members.html", context, data)


def _may_invite(visit: Visit) -> bool:
    return visit.deps.postman is not None or bool(visit.deps.oidc_name) or visit.is_operator


def _list_roles(permission: Permission) -> list[Role]:
    return [role for role in ROLES if permission in PERMISSIONS[role]]


def _describe(invite: Invite) -> Asked:
    return Asked(invite.email, invite.organization_name, invite.role, invite.invited_by, invite.expires_at)


def _find_base(visit: Visit) -> str:
    return visit.deps.base_url or f"{visit.request.url.scheme}://{visit.request.url.netloc}"


def _parse_role(form: Mapping[str, str]) -> Role:
    role = form.get("role", "")
    if role not in ROLES:
        raise InvalidFormError("it has a choice that the page does not offer")
    return role


def _member_id(visit: Visit) -> str:
    return str(visit.request.path_params["member_id"])


def _render_member(member: Member) -> dict[str, object]:
    return {
        "id": member.member_id,
        "type": "user",
        "email": member.email,
        "role": member.role,
        "added_at": member.created_at.isoformat(),
    }


def _render_invite(invite: Invite, status: str) -> dict[str, object]:
    return {
        "id": invite.invite_id,
        "type": "invite",
        "email": invite.email,
        "role": invite.role,
        "status": status,
        "invited_by": invite.invited_by,
        "invited_at": invite.invited_at.isoformat(),
        "expires_at": invite.expires_at.isoformat(),
    }
