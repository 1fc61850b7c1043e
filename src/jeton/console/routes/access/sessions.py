"""Sessions: one's own, on every device; ending them, a password, and another organization."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from jeton import clock
from jeton.console.errors import InvalidFormError
from jeton.console.visit import View, Visit
from jeton.identity.errors import UnknownOrganizationError, WrongPasswordError
from jeton.identity.members import find_password_hash, list_memberships, set_password_hash
from jeton.identity.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from jeton.identity.sessions import (
    end_session,
    end_sessions,
    list_sessions,
    move_session,
)

PLACE = "/console/sessions"
METHOD_NAMES = {
    "password": "password",
    "link": "link by mail",
    "invite": "invite",
    "oidc": "provider",
    "passkey": "passkey",
}
# Whoever proved the e-mail so lately may set a password without the one before.
FRESH = timedelta(minutes=15)


async def show_sessions(visit: Visit) -> View:
    """The sessions in force and the organizations of whoever looks."""
    at, email = clock.now(), visit.session.email
    async with visit.deps.pool.connection() as connection:
        sessions = await list_sessions(connection, email, at=at)
        memberships = await list_memberships(connection, email)
        has_password = await find_password_hash(connection, email) is not None
    context = {
        "as_of": at,
        "sessions": sessions,
        "memberships": memberships,
        "method_names": METHOD_NAMES,
        "has_password": has_password,
        "needs_password": has_password and not _is_fresh(visit),
        "chars_min": PASSWORD_CHARS_MIN,
        "chars_max": PASSWORD_CHARS_MAX,
    }
    data = {
        "type": "session_list",
        "as_of": at.isoformat(),
        "data": [
            {
                "id": one.session_id,
                "type": "session",
                "organization_name": one.organization_name,
                "method": one.method,
                "device": one.device,
                "is_this": one.session_id == visit.session.session_id,
                "created_at": one.created_at.isoformat(),
                "last_used_at": one.last_used_at.isoformat(),
                "expires_at": one.expires_at.isoformat(),
            }
            for one in sessions
        ],
        "organizations": [
            {"id": str(one.organization_id), "name": one.organization_name, "role": one.role}
            for one in memberships
        ],
    }
    return View("access/sessions.html", context, data)


async def end(visit: Visit, form: Mapping[str, str]) -> str:
    """End one of one's own sessions."""
    del form
    async with visit.deps.pool.connection() as connection:
        await end_session(connection, visit.session.email, str(visit.request.path_params["session_id"]))
    return PLACE


async def set_password(visit: Visit, form: Mapping[str, str]) -> str:
    """Set a password, which ends every other session; with the one before, unless the e-mail was just proved.

    Guessing the one before is limited as signing in is.
    """
    email, sign_in = visit.session.email, visit.deps.sign_in
    address = visit.request.client.host if visit.request.client else ""
    async with visit.deps.pool.connection() as connection:
        password_hash = await find_password_hash(connection, email)
    if password_hash is not None and not _is_fresh(visit):
        sign_in.limiter.check(email, address)
        sign_in.limiter.record_failure(email, address)
        if not await sign_in.passwords.verify(password_hash, form.get("password", "")):
            raise WrongPasswordError
        sign_in.limiter.record_success(email, address)
    password = form.get("new_password", "")
    if password != form.get("repeated", ""):
        raise InvalidFormError("the new password and its repetition differ")
    new_hash = await sign_in.passwords.hash(password)
    async with visit.deps.pool.connection() as connection:
        await set_password_hash(connection, email, new_hash)
        await end_sessions(connection, email, but=visit.session.session_id)
    return PLACE


async def end_all(visit: Visit, form: Mapping[str, str]) -> str:
    """Sign out everywhere, here too."""
    del form
    async with visit.deps.pool.connection() as connection:
        await end_sessions(connection, visit.session.email)
    return "/console/sign-in"


async def switch(visit: Visit, form: Mapping[str, str]) -> str:
    """Go on in another of one's organizations; the session stays the same."""
    wanted = form.get("organization_id", "")
    async with visit.deps.pool.connection() as connection:
        memberships = await list_memberships(connection, visit.session.email)
        chosen = next((one for one in memberships if str(one.organization_id) == wanted), None)
        if chosen is None:
            raise UnknownOrganizationError(_parse_uuid(wanted))
        await move_session(connection, visit.secret, chosen.member_id)
    return "/console"


def _is_fresh(visit: Visit) -> bool:
    """Whether this session began lately, by other means than the password."""
    return visit.session.method != "password" and visit.session.created_at > clock.now() - FRESH


def _parse_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidFormError("it names no organization") from None
