"""Passkeys: one's own: adding one, by somebody who signed in just now, and removing one."""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from starlette.requests import Request
from starlette.responses import Response

from jeton import clock
from jeton.console.errors import StaleFormError, ViewingOnlyError
from jeton.console.routes.party import answer_options, find_request_party, get_request_party
from jeton.console.visit import Door, View, Visit, read_form
from jeton.errors import NotAuthenticatedError
from jeton.identity.passkeys.ceremonies import begin_adding, finish_adding
from jeton.identity.passkeys.keeping import list_passkeys, remove_passkey
from jeton.identity.passkeys.terms import PASSKEYS_MAX, Passkey, PasskeyError, SignInTooOldError
from jeton.identity.sessions import is_form_token

PLACE = "/console/passkeys"
# A session that somebody else got hold of must not become a key of theirs.
FRESH = timedelta(minutes=15)

_log = structlog.get_logger(__name__)


async def show_passkeys(visit: Visit) -> View:
    """One's own passkeys."""
    at = clock.now()
    async with visit.deps.pool.connection() as connection:
        passkeys = await list_passkeys(connection, visit.session.email)
    context = {
        "as_of": at,
        "passkeys": passkeys,
        "passkeys_max": PASSKEYS_MAX,
        "is_available": find_request_party(visit.request, visit.deps) is not None,
        "is_fresh": _is_fresh(visit),
        "fresh_minutes": int(FRESH.total_seconds()) // 60,
    }
    data = {
        "type": "passkey_list",
        "as_of": at.isoformat(),
        "data": [_render(passkey) for passkey in passkeys],
    }
    return View("access/passkeys.html", context, data)


async def add(visit: Visit, form: Mapping[str, str]) -> str:
    """Keep the passkey that the authenticator made, and tell its person by mail."""
    _check_fresh(visit)
    party = get_request_party(visit.request, visit.deps)
    problem: PasskeyError | None = None
    passkey: Passkey | None = None
    async with visit.deps.pool.connection() as connection:
        try:
            passkey = await finish_adding(
                connection,
                party,
                visit.session,
                browser=visit.secret,
                name=form.get("name", ""),
                answer=form.get("answer", ""),
            )
        except PasskeyError as error:
            # What is committed is that the question was answered.
            problem = error
    if problem is not None:
        raise problem
    postman = visit.deps.postman
    if passkey is not None and postman is not None:
        attempt = await postman.send_passkey_added(passkey.email, passkey.name, at=passkey.created_at)
        if attempt.problem:
            _log.warning("passkey_mail_not_sent", problem=attempt.problem)
    return PLACE


async def remove(visit: Visit, form: Mapping[str, str]) -> str:
    """Remove one of one's own passkeys."""
    del form
    async with visit.deps.pool.connection() as connection:
        await remove_passkey(
            connection,
            visit.session.email,
            str(visit.request.path_params["passkey_id"]),
            organization_id=visit.session.organization_id,
        )
    return PLACE


class PasskeyOptions:
    """What the page's script hands to the browser's authenticators, as JSON."""

    def __init__(self, door: Door) -> None:
        """Serve beside the other pages."""
        self._door = door

    async def answer(self, request: Request) -> Response:
        """The question for a new passkey."""
        return await self._door.guard(request, self._answer(request))

    async def _answer(self, request: Request) -> Response:
        visit = await self._door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        form = await read_form(request, visit.deps.base_url)
        if not is_form_token(visit.secret, form.get("form_token", "")):
            raise StaleFormError
        if visit.viewing is not None:
            raise ViewingOnlyError(visit.viewing.organization_name)
        _check_fresh(visit)
        party = get_request_party(request, visit.deps)
        async with visit.deps.pool.connection() as connection:
            options = await begin_adding(connection, party, visit.session, browser=visit.secret)
        return answer_options(options)


def _is_fresh(visit: Visit) -> bool:
    return visit.session.created_at > clock.now() - FRESH


def _check_fresh(visit: Visit) -> None:
    if not _is_fresh(visit):
        raise SignInTooOldError(int(FRESH.total_seconds()) // 60)


def _render(passkey: Passkey) -> dict[str, object]:
    last = passkey.last_used_at
    return {
        "id": passkey.passkey_id,
        "type": "passkey",
        "name": passkey.name,
        "is_synced": passkey.is_synced,
        "created_at": passkey.created_at.isoformat(),
        "last_used_at": None if last is None else last.isoformat(),
    }
