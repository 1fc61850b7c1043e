"""Access: who and what may use the organization."""

from starlette.routing import BaseRoute, Route

from jeton.console.routes.access import directory, key, keys, members, passkeys, sessions, workspaces
from jeton.console.routes.access.passkeys import PasskeyOptions
from jeton.console.visit import Door


def access_routes(door: Door) -> list[BaseRoute]:
    """Keys, workspaces, members, and one's own sessions."""
    return [
        *door.pages_at("/console/keys", keys.show_keys),
        Route("/console/keys", door.form(keys.create), methods=["POST"]),
        Route("/console/keys/pause-unused", door.form(keys.pause_unused), methods=["POST"]),
        *door.pages_at("/console/keys/{key_id}", key.show_key),
        Route("/console/keys/{key_id}/restrict", door.form(key.restrict), methods=["POST"]),
        Route("/console/keys/{key_id}/leaked", door.form(key.end_leaked), methods=["POST"]),
        Route("/console/keys/{key_id}/change", door.form(key.change), methods=["POST"]),
        Route("/console/keys/{key_id}/rotate", door.form(key.rotate), methods=["POST"]),
        Route("/console/keys/{key_id}/pause", door.form(key.pause), methods=["POST"]),
        Route("/console/keys/{key_id}/resume", door.form(key.resume), methods=["POST"]),
        Route("/console/keys/{key_id}/revoke", door.form(key.revoke), methods=["POST"]),
        *door.pages_at("/console/workspaces", workspaces.show_workspaces),
        Route("/console/workspaces", door.form(workspaces.create), methods=["POST"]),
        Route("/console/workspaces/{workspace_id}/change", door.form(workspaces.change), methods=["POST"]),
        Route("/console/workspaces/{workspace_id}/archive", door.form(workspaces.archive), methods=["POST"]),
        *door.pages_at("/console/members", members.show_members),
        Route("/console/members/{member_id}/role", door.form(members.change), methods=["POST"]),
        Route("/console/members/{member_id}/remove", door.form(members.remove), methods=["POST"]),
        Route("/console/invites", door.form(members.invite), methods=["POST"]),
        Route("/console/invites/{invite_id}/delete", door.form(members.delete), methods=["POST"]),
        *door.pages_at("/console/directory", directory.show_directory),
        Route("/console/directory/tokens", door.form(directory.create), methods=["POST"]),
        Route("/console/directory/tokens/{token_id}/revoke", door.form(directory.revoke), methods=["POST"]),
        Route("/console/directory/role", door.form(directory.change_usual_role), methods=["POST"]),
        Route(
            "/console/directory/groups/{group_id}/role",
            door.form(directory.change_group_role),
            methods=["POST"],
        ),
        *door.pages_at("/console/passkeys", passkeys.show_passkeys),
        Route("/console/passkeys", door.form(passkeys.add), methods=["POST"]),
        Route("/console/passkeys/options", PasskeyOptions(door).answer, methods=["POST"]),
        Route("/console/passkeys/{passkey_id}/remove", door.form(passkeys.remove), methods=["POST"]),
        *door.pages_at("/console/sessions", sessions.show_sessions),
        Route("/console/sessions/end", door.form(sessions.end_all), methods=["POST"]),
        Route("/console/sessions/password", door.form(sessions.set_password), methods=["POST"]),
        Route("/console/sessions/switch", door.form(sessions.switch), methods=["POST"]),
        Route("/console/sessions/{session_id}/end", door.form(sessions.end), methods=["POST"]),
    ]
