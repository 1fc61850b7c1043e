"""Signing in and out: a password becomes a session's cookie, and a session ends."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.errors import StaleFormError
from jeton.console.visit import SESSION_COOKIE, Door, read_form, redirect
from jeton.errors import NotAuthenticatedError, NotPermittedError
from jeton.identity.credentials import new_session_secret
from jeton.identity.sessions import SESSION_LIFE, form_token, is_form_token, revoke_session

# Ties the sign-in form to the browser that loaded it, before there is any session.
FORM_COOKIE = "jeton_form"
HOME = "/console"
# Not /console: a browser would keep such a cookie from /console.json.
COOKIE_PATH = "/"


class Signing:
    """The sign-in form and what it opens."""

    def __init__(self, door: Door) -> None:
        """Serve beside the other pages."""
        self._door = door

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
        form = await read_form(request, self._door.deps.base_url)
        if not is_form_token(request.cookies.get(FORM_COOKIE, ""), form.get("form_token", "")):
            raise StaleFormError
        email, place = form.get("email", ""), form.get("next", "")
        address = request.client.host if request.client else ""
        try:
            secret = await self._door.deps.sign_in.open(email, form.get("password", ""), address=address)
        except (NotAuthenticatedError, NotPermittedError) as error:
            return self._form(request, email=email, place=place, problem=str(error))
        response = redirect(place_after(place))
        self._set_cookie(response, SESSION_COOKIE, secret, life_s=int(SESSION_LIFE.total_seconds()))
        response.delete_cookie(FORM_COOKIE, path=COOKIE_PATH)
        return response

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
        secret = request.cookies.get(FORM_COOKIE) or new_session_secret()
        context = {
            "session": None,
            "path": request.url.path,
            "form_token": form_token(secret),
            "email": email,
            "place": place_after(place),
            "problem": problem,
        }
        response = self._door.pages.answer("signing/sign_in.html", context, status=401 if problem else 200)
        self._set_cookie(response, FORM_COOKIE, secret)
        return response

    def _set_cookie(self, response: Response, name: str, secret: str, *, life_s: int | None = None) -> None:
        response.set_cookie(
            name,
            secret,
            max_age=life_s,
            path=COOKIE_PATH,
            httponly=True,
            samesite="lax",
            secure=self._door.deps.base_url.startswith("https:"),
        )


def place_after(text: str) -> str:
    """Where to go after signing in: a page of the Console, whatever the address says."""
    parts = urlsplit(text)
    is_ours = not parts.scheme and not parts.netloc and "\\" not in text and text.isprintable()
    if is_ours and (parts.path == HOME or parts.path.startswith(f"{HOME}/")):
        return text
    return HOME
