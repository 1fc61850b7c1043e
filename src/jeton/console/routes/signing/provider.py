"""Provider: signing in by the word of the operator's identity provider; there and back again.

The browser takes a secret along in a cookie, from which everything that the provider sends back is checked.
Nothing is asked of the provider inside a transaction.
"""

from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.cookies import COOKIE_PATH, set_cookie
from jeton.console.routes.signing.entrance import Entrance, find_address, find_device, place_after
from jeton.console.visit import Door, redirect
from jeton.errors import JetonError, NotFoundError
from jeton.identity.credentials import new_session_secret
from jeton.identity.oidc.admitting import admit
from jeton.identity.oidc.provider import OidcClient
from jeton.identity.oidc.terms import OidcError
from jeton.identity.sessions import open_session

OIDC_COOKIE = "jeton_oidc"
# How long somebody may take at the provider's.
LIFE_S = 600
_SEPARATOR = "."


class Provider:
    """Sends people to the provider and takes them back."""

    def __init__(self, door: Door) -> None:
        """Serve beside the other pages."""
        self._door = door
        self._entrance = Entrance(door)

    async def begin(self, request: Request) -> Response:
        """Go to the provider."""
        return await self._door.guard(request, self._begin(request))

    async def finish(self, request: Request) -> Response:
        """Come back from the provider, with a session or with the reason why not."""
        return await self._door.guard(request, self._finish(request))

    async def _begin(self, request: Request) -> Response:
        client = self._find_client()
        secret = new_session_secret()
        # To the provider itself, whose address the operator gave, so this is no open redirect.
        response = redirect(await client.begin(secret))
        place = quote(place_after(request.query_params.get("next", "")), safe="")
        value = f"{secret}{_SEPARATOR}{place}"
        set_cookie(response, deps=self._door.deps, name=OIDC_COOKIE, secret=value, life_s=LIFE_S)
        return response

    async def _finish(self, request: Request) -> Response:
        client, sign_in = self._find_client(), self._door.deps.sign_in
        address = find_address(request)
        sign_in.links.check("", address)
        secret, _, place = request.cookies.get(OIDC_COOKIE, "").partition(_SEPARATOR)
        query = request.query_params
        try:
            if query.get("error"):
                raise OidcError("the provider refused, or you did")
            identity = await client.finish(secret, state=query.get("state", ""), code=query.get("code", ""))
            async with self._door.deps.pool.connection() as connection:
                member = await admit(connection, identity, client.terms)
                session = await open_session(
                    connection, member.member_id, method="oidc", user_agent=find_device(request)
                )
        except JetonError:
            sign_in.links.record_failure("", address)
            raise
        response = self._entrance.let_in(session, unquote(place))
        response.delete_cookie(OIDC_COOKIE, path=COOKIE_PATH)
        return response

    def _find_client(self) -> OidcClient:
        client = self._door.deps.oidc
        if client is None:
            raise NotFoundError("No provider signs people in here.")
        return client
