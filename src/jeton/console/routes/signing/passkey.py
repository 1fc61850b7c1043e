"""Passkey: signing in by an authenticator's answer; the question comes to the browser's script as JSON.

The script puts the answer into a form, so what follows is a page as after every other way in.
"""

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.routes.party import answer_options, get_request_party
from jeton.console.routes.signing.entrance import (
    FORM_COOKIE,
    HOME,
    Entrance,
    find_address,
    find_device,
    place_after,
)
from jeton.console.routes.signing.welcome import WELCOME, is_first_run
from jeton.console.visit import Door


class PasskeySigning:
    """Asks authenticators and lets in whom they speak for."""

    def __init__(self, door: Door) -> None:
        """Serve beside the other pages."""
        self._door = door
        self._entrance = Entrance(door)

    async def ask(self, request: Request) -> Response:
        """The question, for the script of the sign-in page."""
        return await self._door.guard(request, self._ask(request))

    async def open(self, request: Request) -> Response:
        """Sign in."""
        return await self._door.guard(request, self._open(request))

    async def _ask(self, request: Request) -> Response:
        await self._entrance.read(request)
        deps = self._door.deps
        options = await deps.sign_in.ask_passkey(
            get_request_party(request, deps),
            browser=request.cookies.get(FORM_COOKIE, ""),
            address=find_address(request),
        )
        return answer_options(options)

    async def _open(self, request: Request) -> Response:
        form = await self._entrance.read(request)
        deps = self._door.deps
        secret = await deps.sign_in.open_by_passkey(
            get_request_party(request, deps),
            form.get("answer", ""),
            browser=request.cookies.get(FORM_COOKIE, ""),
            address=find_address(request),
            user_agent=find_device(request),
        )
        place = place_after(form.get("next", ""))
        if place == HOME and await is_first_run(deps, secret):
            place = WELCOME
        return self._entrance.let_in(secret, place)
