"""Signing in and out: a password becomes a session's cookie, and a session ends."""

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.cookies import COOKIE_PATH
from jeton.console.errors import StaleFormError
from jeton.console.routes.party import find_request_party
from jeton.console.routes.signing.entrance import HOME, Entrance, find_address, find_device, place_after
from jeton.console.routes.signing.welcome import WELCOME, is_first_run
from jeton.console.visit import SESSION_COOKIE, Door, read_form, redirect
from jeton.errors import NotAuthenticatedError, NotPermittedError
from jeton.identity.sessions import is_form_token, revoke_session


class Signing:
    """The sign-in form and what it opens."""

    def __init__(self, door: Door) -> None:
        """Serve beside the other pages."""
        self._door = door
        self._entrance = Entrance(door)

    async def show(self, request: Request) -> Response:
        """The form; whoever is signed in goes on."""
        return await self._door.guard(request, self._show(request))

    async def open(self, request: Request) -> Response:
        """Sign in."""
        return await self._door.guard(request, self._open(request))

    async def close(self, request: Request) -> Response:
        """Sign out: the session ends here and now, not only its cookie."""
        return await self._door.guard(request, self._close(request))

    async def _show(self, request: Request) -> Response:
        if await self._door.find_visit(request) is not None:
            return redirect(place_after(request.query_params.get("next", "")))
        return self._form(request, email="", place=request.query_params.get("next", ""))

    async def _open(self, request: Request) -> Response:
        form = await self._entrance.read(request)
        email, place = form.get("email", ""), form.get("next", "")
        deps = self._door.deps
        try:
            secret = await deps.sign_in.open(
                email,
                form.get("password", ""),
                address=find_address(request),
                user_agent=find_device(request),
            )
        except (NotAuthenticatedError, NotPermittedError) as error:
            return self._form(request, email=email, place=place, problem=str(error))
        if place_after(place) == HOME and await is_first_run(deps, secret):
            place = WELCOME
        return self._entrance.let_in(secret, place)

    async def _close(self, request: Request) -> Response:
        secret = request.cookies.get(SESSION_COOKIE, "")
        form = await read_form(request, self._door.deps.base_url)
        if not is_form_token(secret, form.get("form_token", "")):
            raise StaleFormError
        async with self._door.deps.pool.connection() as connection:
            await revoke_session(connection, secret)
        response = redirect("/console/sign-in")
        response.delete_cookie(SESSION_COOKIE, path=COOKIE_PATH)
        return response

    def _form(self, request: Request, *, email: str, place: str, problem: str = "") -> Response:
        values = {
            "email": email,
            "place": place_after(place),
            "problem": problem,
            "has_passkeys": find_request_party(request, self._door.deps) is not None,
        }
        return self._entrance.show(request, "signing/sign_in.html", values, status=401 if problem else 200)
