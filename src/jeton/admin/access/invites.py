"""Invites over the Admin API: asked, listed, taken back. The link goes by mail and is in no answer."""

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidBodyError
from jeton.admin.resource import Call, Resource, render_list
from jeton.identity.audit import Actor
from jeton.identity.invites.invites import (
    INVITES_LISTED_MAX,
    Invite,
    create_invite,
    delete_invite,
    get_invite,
    list_invites,
)
from jeton.identity.members import Role
from jeton.notifications.notes import Asked

INVITES_LISTED = 20


class CreateInvite(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that invites somebody."""

    email: str
    role: Role


def invite_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of invites."""
    one = {"GET": _get, "DELETE": _delete}
    return [
        Route("/v1/organizations/invites", Resource(deps, {"GET": _list, "POST": _create})),
        Route("/v1/organizations/invites/{invite_id}", Resource(deps, one)),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    limit = call.find_count("limit", default=INVITES_LISTED, count_max=INVITES_LISTED_MAX - 1)
    after_id = call.find_text("after_id")
    async with call.connect() as connection:
        invites = await list_invites(connection, caller.organization_id, after_id=after_id, limit=limit + 1)
    return render_list([render_invite(invite) for invite in invites[:limit]], has_more=len(invites) > limit)


async def _create(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(CreateInvite)
    postman = call.deps.postman
    if postman is None and not call.deps.has_oidc:
        raise InvalidBodyError("nobody can be invited: this installation sends no mail and knows no provider")
    async with call.connect() as connection:
        by = Actor("key", caller.key_id)
        invite, secret = await create_invite(
            connection, caller.organization_id, email=body.email, role=body.role, by=by
        )
    if postman is not None:
        call.after.append(lambda: postman.send_invite(describe_invite(invite), secret))
    return render_invite(invite)


async def _get(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return render_invite(await get_invite(connection, caller.organization_id, _invite_id(call)))


async def _delete(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        by = Actor("key", caller.key_id)
        invite = await delete_invite(connection, caller.organization_id, _invite_id(call), by=by)
    return {"id": invite.invite_id, "type": "invite_deleted"}


def _invite_id(call: Call) -> str:
    return str(call.request.path_params["invite_id"])


def describe_invite(invite: Invite) -> Asked:
    """What the mail of an invite says; a key that invites is the organization itself."""
    by = invite.invited_by if "@" in invite.invited_by else invite.organization_name
    return Asked(invite.email, invite.organization_name, invite.role, by, invite.expires_at)


def render_invite(invite: Invite) -> dict[str, object]:
    """An invite as the Admin API shows it, without its link."""
    return {
        "type": "invite",
        "id": invite.invite_id,
        "email": invite.email,
        "role": invite.role,
        "status": invite.status_at(clock.now()),
        "invited_at": invite.invited_at.isoformat(),
        "expires_at": invite.expires_at.isoformat(),
        "accepted_at": None if invite.accepted_at is None else invite.accepted_at.isoformat(),
    }
