"""Links: a mail that signs in once. Whoever asks for one is told the same, whoever they are.

A link shows a page with a button, and only the button uses it up: programs that look into mails follow
links, but press nothing.
"""

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from jeton import clock
from jeton.console.routes.party import find_request_party
from jeton.console.routes.signing.entrance import HOME, Entrance, find_address, find_device
from jeton.console.routes.signing.welcome import WELCOME, is_first_run
from jeton.console.visit import Door, redirect
from jeton.errors import InvalidInputError, NotPermittedError
from jeton.identity.signing.links import LINK_LIFE

_log = structlog.get_logger(__name__)


class Links:
    """Mails a link, shows what it would do, and does it."""

    def __init__(self, door: Door) -> None:
        """Serve beside the other pages."""
        self._door = door
        self._entrance = Entrance(door)

    async def send(self, request: Request) -> Response:
        """Mail a link, if the e-mail is a member's."""
        return await self._door.guard(request, self._send(request))

    async def show(self, request: Request) -> Response:
        """Whom the link would sign in."""
        return await self._door.guard(request, self._show(request))

    async def open(self, request: Request) -> Response:
        """Sign in by the link, which is worth nothing any more."""
        return await self._door.guard(request, self._open(request))

    async def _send(self, request: Request) -> Response:
        form = await self._entrance.read(request)
        deps = self._door.deps
        if deps.postman is None:
            return redirect("/console/sign-in")
        try:
            email = deps.sign_in.admit_link_request(form.get("email", ""), address=find_address(request))
        except (InvalidInputError, NotPermittedError) as error:
            has_passkeys = find_request_party(request, deps) is not None
            values = {
                "email": form.get("email", ""),
                "place": HOME,
                "problem": str(error),
                "has_passkeys": has_passkeys,
            }
            return self._entrance.show(request, "signing/sign_in.html", values, status=401)
        told = {"email": email, "minutes": int(LINK_LIFE.total_seconds()) // 60}
        response = self._entrance.show(request, "signing/mailed.html", told)
        # After the answer, so that its time says nothing of whether anybody has this e-mail.
        response.background = BackgroundTask(self._mail, email)
        return response

    async def _mail(self, email: str) -> None:
        postman = self._door.deps.postman
        secret = await self._door.deps.sign_in.make_link(email)
        if secret is None or postman is None:
            return
        attempt = await postman.send_link(email, secret, until=clock.now() + LINK_LIFE)
        if attempt.problem:
            _log.warning("sign_in_link_not_sent", problem=attempt.problem)

    async def _show(self, request: Request) -> Response:
        secret = request.query_params.get("token", "")
        email = await self._door.deps.sign_in.peek_link(secret, address=find_address(request))
        return self._entrance.show(request, "signing/link.html", {"email": email, "token": secret})

    async def _open(self, request: Request) -> Response:
        form = await self._entrance.read(request)
        deps = self._door.deps
        secret = await deps.sign_in.open_by_link(
            form.get("token", ""), address=find_address(request), user_agent=find_device(request)
        )
        return self._entrance.let_in(secret, WELCOME if await is_first_run(deps, secret) else HOME)
