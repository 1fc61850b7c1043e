"""Opening: a new organization by an operator's key."""

import msgspec
from starlette.routing import BaseRoute, Route

from jeton.admin.access.invites import describe_invite, render_invite
from jeton.admin.deps import AdminDeps
from jeton.admin.once import DoneBeforeError
from jeton.admin.resource import Call, Resource
from jeton.charging.onboarding import Opened, Opening, open_for
from jeton.notifications.notes import render_invite_link


class OpenOrganization(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that opens an organization; without an e-mail nobody is invited to it."""

    name: str
    admin_email: str = ""
    trial: bool = True


def opening_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The route that opens organizations."""
    return [Route("/v1/operator/organizations", Resource(deps, {"POST": _open}))]


async def _open(call: Call) -> dict[str, object]:
    by, body, deps = call.require_operator(), call.read_body(OpenOrganization), call.deps
    opening = Opening(body.name, body.admin_email, deps.trial if body.trial else None, call.once.key)
    # Not the request's own connection: its key is of an organization, and there is none yet.
    async with deps.pool.connection() as connection:
        opened = await open_for(connection, opening, by=by)
    invite, secret, postman = opened.invite, opened.secret, deps.postman
    if not opened.is_new:
        raise DoneBeforeError(_render(opened, None))
    if invite is None:
        return _render(opened, None)
    if postman is None:
        return _render(opened, render_invite_link(deps.base_url, secret))
    asked = describe_invite(invite)
    call.after.append(lambda: postman.send_invite(asked, secret))
    return _render(opened, None)


def _render(opened: Opened, link: str | None) -> dict[str, object]:
    return {
        "type": "organization",
        "id": str(opened.organization.organization_id),
        "name": opened.organization.name,
        "created_at": opened.organization.created_at.isoformat(),
        "trial_lot_id": opened.lot_id,
        "invite": None if opened.invite is None else render_invite(opened.invite),
        "invite_link": link,
    }
