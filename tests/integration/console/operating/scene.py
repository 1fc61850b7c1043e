"""A scene: a member of one organization who is signed in, as the operator of the installation or not."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
from starlette.applications import Starlette
from tests.integration.notifications.receiving import PRIVATE
from tests.integration.world import BOOK, EMAIL, World, add_member

from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.identity.members import Role
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter

OPERATOR = "operator@example.com"
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


@dataclass(slots=True)
class Seat:
    """Somebody at the Console."""

    client: httpx2.AsyncClient
    token: str

    async def text(self, path: str) -> str:
        """A page that is there."""
        answer = await self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    async def twin(self, path: str) -> dict[str, object]:
        """A page's data."""
        place, mark, query = path.partition("?")
        answer = await self.client.get(f"{place}.json{mark}{query}")
        assert answer.status_code == 200, (path, answer.text)
        return dict(answer.json())

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        """Send a form."""
        return await self.client.post(path, data={"form_token": self.token, **fields})


def deps_of(world: World, *, has_mail: bool = False, served: frozenset[str] = frozenset()) -> ConsoleDeps:
    sign_in = SignIn(world.pool, Passwords(), SignInLimiter())
    return ConsoleDeps(
        world.pool,
        sign_in,
        "Jeton",
        operator_emails=frozenset({OPERATOR}),
        has_mail=has_mail,
        book=BOOK,
        address_rules=PRIVATE,
        served_models=lambda: served,
    )


@asynccontextmanager
async def seated(
    world: World, email: str = EMAIL, role: Role = "admin", *, deps: ConsoleDeps | None = None
) -> AsyncIterator[Seat]:
    """Somebody of the world's organization, signed in."""
    member = await add_member(world, email, role)
    async with world.pool.connection() as connection:
        secret = await open_session(connection, member.member_id)
    transport = httpx2.ASGITransport(app=Starlette(routes=console_routes(deps or deps_of(world))))
    async with httpx2.AsyncClient(transport=transport, base_url="http://jeton.test") as client:
        client.cookies.set("jeton_session", secret)
        found = TOKEN.search((await client.get("/console")).text)
        assert found
        yield Seat(client, found[1])
