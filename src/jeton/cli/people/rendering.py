"""Rendering: a member and an invite as the command line gives them, which is as the Admin API does."""

from jeton import clock
from jeton.identity.invites.invites import Invite
from jeton.identity.members import Member


def render_member(member: Member) -> dict[str, object]:
    """A member with ``--json``."""
    return {
        "id": member.member_id,
        "type": "user",
        "organization_id": str(member.organization_id),
        "email": member.email,
        "role": member.role,
        "added_at": member.created_at.isoformat(),
    }


def render_invite(invite: Invite) -> dict[str, object]:
    """An invite with ``--json``; its secret is not in it."""
    return {
        "id": invite.invite_id,
        "type": "invite",
        "organization_id": str(invite.organization_id),
        "email": invite.email,
        "role": invite.role,
        "status": invite.status_at(clock.now()),
        "invited_by": invite.invited_by,
        "invited_at": invite.invited_at.isoformat(),
        "expires_at": invite.expires_at.isoformat(),
    }
