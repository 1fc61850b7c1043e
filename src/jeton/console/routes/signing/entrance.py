"""Entrance: what every way in shares: a form before there is a session, and where one goes after it."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.cookies import COOKIE_PATH, set_cookie
from jeton.console.errors import StaleFormError
from jeton.console.visit import SESSION_COOKIE, Door, read_form, redirect
from jeton.identity.credentials import new_session_secret
from jeton.identity.sessions import SESSION_LIFE, form_token, is_form_token

# Ties a form to the browser that loaded it, before there is any session.
FORM_COOKIE = "jeton_form"
HOME = "/console"


class Entrance:
    """Shows forms to strangers and lets them in."""

    def __init__(self, door: Door) -> None:
        """Stand beside the other pages."""
        self.door = door

    def show(
        self, request: Request, template: str, values: Mapping[str, object], *, status: int = 200
    ) -> Response:
        """A page with a form for a stranger."""
        secret = request.cookies.get(FORM_COOKIE) or new_session_secret()
        context = {"session": None, "path": request.url.path, "form_token": form_token(secret), **values}
        response = self.door.pages.answer(template, context, status=status)
        set_cookie(response, deps=self.door.deps, name=FORM_COOKIE, secret=secret)
        return response

    async def read(self, request: Request) -> dict[str, str]:
        """A stranger's form, which has to be of this browser; StaleFormError."""
        form = await read_form(request, self.door.deps.base_url)
        if not is_form_token(request.cookies.get(FORM_COOKIE, ""), form.get("form_token", "")):
            raise StaleFormError
        return form

    def let_in(self, secret: str, place: str) -> Response:
        """Go on with a new session; a page of the Console, whatever ``place`` says."""
        response = redirect(place_after(place))
        life_s = int(SESSION_LIFE.total_seconds())
        set_cookie(response, deps=self.door.deps, name=SESSION_COOKIE, secret=secret, life_s=life_s)
        response.delete_cookie(FORM_COOKIE, path=COOKIE_PATH)
        return response


def find_address(request: Request) -> str:
    """The address that a request comes from, "" if nobody knows."""
    return request.client.host if request.client else ""


def find_device(request: Request) -> str:
    """What the browser says of itself."""
    return request.headers.get("user-agent", "")


def place_after(text: str) -> str:
    """Where to go after signing in: a page of the Console, whatever the address says."""
    # Before urlsplit, which raises for some hosts, as that of //[.
    if not text.startswith(HOME) or "\\" in text or not text.isprintable():
        return HOME
    parts = urlsplit(text)
    if parts.path == HOME or parts.path.startswith(f"{HOME}/"):
        return text
    return HOME
