"""Joining: an invite's link, what it offers, and becoming a member by it."""

from starlette.requests import Request
from starlette.responses import Response

from jeton import clock
from jeton.console.errors import InvalidFormError
from jeton.console.routes.signing.entrance import Entrance, find_address, find_device
from jeton.console.routes.signing.welcome import WELCOME
from jeton.console.visit import Door
from jeton.errors import InvalidInputError
from jeton.identity.errors import SignInLinkError
from jeton.identity.invites.invites import Invite, accept_invite, find_invite
from jeton.identity.members import find_password_hash
from jeton.identity.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from jeton.identity.sessions import open_session


class Joining:
    """Shows an invite and accepts it."""

    def __init__(self, door: Door) -> None:
        """Serve beside the other pages."""
        self._door = door
        self._entrance = Entrance(door)

    async def show(self, request: Request) -> Response:
        """What one is invited to."""
        return await self._door.guard(request, self._show(request))

    async def accept(self, request: Request) -> Response:
        """Become a member, and be signed in."""
        return await self._door.guard(request, self._accept(request))

    async def _show(self, request: Request) -> Response:
        secret = request.query_params.get("token", "")
        invite, has_password = await self._find(secret, find_address(request))
        return self._form(request, invite, secret=secret, has_password=has_password)

    async def _accept(self, request: Request) -> Response:
        form = await self._entrance.read(request)
        secret, deps = form.get("token", ""), self._door.deps
        invite, has_password = await self._find(secret, find_address(request))
        try:
            password_hash = None if has_password else await self._hash(form)
        except InvalidInputError as error:
            return self._form(request, invite, secret=secret, has_password=False, problem=str(error))
        async with deps.pool.connection() as connection:
            member = await accept_invite(connection, secret, password_hash=password_hash)
            session = await open_session(
                connection, member.member_id, method="invite", user_agent=find_device(request)
            )
        return self._entrance.let_in(session, WELCOME)

    async def _find(self, secret: str, address: str) -> tuple[Invite, bool]:
        """The invite of a link, and whether its e-mail has a password; SignInLinkError."""
        limiter = self._door.deps.sign_in.links
        limiter.check("", address)
        async with self._door.deps.pool.connection() as connection:
            invite = await find_invite(connection, secret, at=clock.now())
            if invite is not None:
                return invite, await find_password_hash(connection, invite.email) is not None
        limiter.record_failure("", address)
        raise SignInLinkError

    async def _hash(self, form: dict[str, str]) -> str | None:
        """The hash of a first password; None for nobody who can sign in otherwise and wants none."""
        password = form.get("password", "")
        if not password and self._has_other_ways:
            return None
        if password != form.get("repeated", ""):
            raise InvalidFormError("the password and its repetition differ")
        return await self._door.deps.sign_in.passwords.hash(password)

    def _form(
        self, request: Request, invite: Invite, *, secret: str, has_password: bool, problem: str = ""
    ) -> Response:
        values: dict[str, object] = {
            "invite": invite,
            "token": secret,
            "has_password": has_password,
            "needs_password": not has_password and not self._has_other_ways,
            "chars_min": PASSWORD_CHARS_MIN,
            "chars_max": PASSWORD_CHARS_MAX,
            "problem": problem,
        }
        return self._entrance.show(request, "signing/invite.html", values, status=400 if problem else 200)

    @property
    def _has_other_ways(self) -> bool:
        return self._door.deps.postman is not None or self._door.deps.oidc is not None
