"""A stage: the Console over a small world, members who are signed in, and a postman whose mails one reads."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from starlette.applications import Starlette
from tests.integration.world import BOOK, EMAIL, World, add_member

from jeton.console.deps import ConsoleDeps
from jeton.console.routes import console_routes
from jeton.identity.members import Role
from jeton.identity.oidc.provider import OidcClient
from jeton.identity.passwords import Passwords
from jeton.identity.sessions import open_session
from jeton.identity.sign_in import SignIn, SignInLimiter
from jeton.notifications.mail import Mailer, Note, SmtpServer
from jeton.notifications.notes import Postman
from jeton.notifications.webhook import Attempt

BASE_URL = "http://jeton.test"
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')
LINK = re.compile(r"http://jeton\.test(/console/\S+)")
SECRET = re.compile(r"sk-jtn-(?:api|admin)-[\w-]{43}")


class Letterbox(Mailer):
    """A mailer that keeps what it was given: the real one, but for its way out."""

    def __init__(self) -> None:
        super().__init__(
            SmtpServer("mail.test", 25, "none", "jeton@jeton.test"),
            brand_name="Jeton",
            console_url=f"{BASE_URL}/console",
        )
        self.notes: list[Note] = []

    async def send_note(self, note: Note) -> Attempt:
        """Keep it, once it has become a mail."""
        self.render_note(note)
        self.notes.append(note)
        return Attempt("")

    @property
    def last_path(self) -> str:
        """The path of the last link."""
        found = LINK.search(self.notes[-1].link)
        assert found
        return found[1]


@dataclass(slots=True)
class Stage:
    """A world with its Console."""

    world: World
    has_mail: bool = True
    oidc: OidcClient | None = None
    operator_emails: frozenset[str] = frozenset()
    letterbox: Letterbox = field(default_factory=Letterbox)
    sign_in: SignIn | None = None
    base_url: str = BASE_URL

    def client(self) -> httpx2.AsyncClient:
        """A browser without any cookie."""
        self.sign_in = self.sign_in or SignIn(self.world.pool, Passwords(), SignInLimiter())
        deps = ConsoleDeps(
            pool=self.world.pool,
            sign_in=self.sign_in,
            brand_name="Jeton",
            base_url=self.base_url,
            operator_emails=self.operator_emails,
            postman=Postman(self.letterbox, self.base_url, "Jeton") if self.has_mail else None,
            oidc=self.oidc,
            book=BOOK,
        )
        transport = httpx2.ASGITransport(app=Starlette(routes=console_routes(deps)))
        return httpx2.AsyncClient(transport=transport, base_url=self.base_url)

    @asynccontextmanager
    async def signed_in(self, role: Role = "admin", email: str = EMAIL) -> AsyncIterator[httpx2.AsyncClient]:
        """A browser of a new member."""
        member = await add_member(self.world, email, role)
        async with self.world.pool.connection() as connection:
            secret = await open_session(connection, member.member_id, user_agent="Firefox/140 (X11; Linux)")
        async with self.client() as client:
            client.cookies.set("jeton_session", secret)
            yield client


async def token_of(client: httpx2.AsyncClient, path: str) -> str:
    """The token of the forms of a page."""
    found = TOKEN.search((await client.get(path)).text)
    assert found
    return found[1]
