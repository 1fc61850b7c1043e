"""The scene: the whole application, two organizations, somebody of every role, an object of every kind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message
from tests.integration.world import TRIAL

from jeton import clock
from jeton.app.parts import open_parts
from jeton.app.routes import build_app, open_gateway
from jeton.charging.budgets.opening import WantedBudget, create_budget
from jeton.charging.onboarding import open_organization
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import SYSTEM
from jeton.identity.charts.saved import Owner, save_chart
from jeton.identity.invites.invites import create_invite
from jeton.identity.keys import create_key
from jeton.identity.members import Role, create_member, find_member
from jeton.identity.organizations import Organization, create_workspace
from jeton.identity.sessions import open_session
from jeton.ids import new_id
from jeton.notifications.addresses import Target
from jeton.notifications.endpoints import WantedEndpoint, create_endpoint
from jeton.settings import Settings
from jeton.settings.parsers import parse_networks

BASE_URL = "http://jeton.test"
ROLES: tuple[Role, ...] = ("developer", "billing", "admin", "auditor")
OPERATOR = "operator@ours.example"
STRANGER = "admin@theirs.example"
PASSWORD_HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"
# Settings that no page may show.
SECRETS = (
    "the-mail-password",
    "the-provider-secret",
    "the-upstream-key",
    "the-metrics-token",
    "the-operators-key-of-32-characters",
)


@dataclass(frozen=True, slots=True)
class House:
    """An organization with its two keys."""

    pool: Pool
    organization: Organization
    secret: str
    admin_secret: str


@dataclass(slots=True)
class Scene:
    """Our organization, theirs, and the application over both; ``seen`` are secrets that were given out."""

    app: Starlette
    ours: House
    theirs: House
    request_id: str = ""
    seen: set[str] = field(default_factory=set)

    def client(self) -> httpx2.AsyncClient:
        """A browser, or a program, that nobody knows."""
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=BASE_URL)

    def list_routes(self, is_wanted: Callable[[Route], bool]) -> set[str]:
        """``GET /path`` for every method of every route that is wanted."""
        found = set()
        for route in self.app.routes:
            if isinstance(route, Route) and is_wanted(route):
                handlers = getattr(route.endpoint, "_handlers", None)
                methods = handlers or (route.methods or {"GET"}) - {"HEAD"}
                found |= {f"{method} {route.path}" for method in methods}
        return found

    async def sign_in(self, email: str) -> str:
        """A new session's secret."""
        async with self.ours.pool.connection() as connection:
            member = await find_member(connection, email)
            assert member is not None
            secret = await open_session(connection, member.member_id)
        self.seen.add(secret)
        return secret

    async def fill(self, path: str) -> str:
        """The path with an object of ours, newly made, in the place of each parameter."""
        async with self.ours.pool.connection() as connection:
            for name, make in MAKERS.items():
                if f"{{{name}}}" in path:
                    path = path.replace(f"{{{name}}}", await make(self, connection))
        return path

    async def find_status(self, path: str, headers: dict[str, str]) -> int:
        """The status of an answer that does not end; whoever asked leaves at its first word."""
        status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        unsent = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            if unsent:
                return unsent.pop()
            await status
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start" and not status.done():
                status.set_result(message["status"])

        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.1", 1), "server": ("jeton.test", 80),
        }  # fmt: skip
        task = asyncio.create_task(self.app(scope, receive, send))
        found = await asyncio.wait_for(status, 30)
        task.cancel()
        await asyncio.wait([task])
        return found


Maker = Callable[[Scene, Connection], Awaitable[str]]


async def _key(scene: Scene, connection: Connection) -> str:
    key, secret = await create_key(connection, scene.ours.organization.organization_id, name="ours")
    scene.seen.add(secret)
    return key.key_id


async def _workspace(scene: Scene, connection: Connection) -> str:
    organization_id = scene.ours.organization.organization_id
    return (await create_workspace(connection, organization_id, name="ours")).workspace_id


async def _member(scene: Scene, connection: Connection) -> str:
    member = await create_member(
        connection,
        scene.ours.organization.organization_id,
        email=f"{new_id('user')}@ours.example",
        role="developer",
    )
    return member.member_id


async def _invite(scene: Scene, connection: Connection) -> str:
    invite, secret = await create_invite(
        connection,
        scene.ours.organization.organization_id,
        email=f"{new_id('user')}@ours.example",
        role="developer",
        by=SYSTEM,
    )
    scene.seen.add(secret)
    return invite.invite_id


async def _budget(scene: Scene, connection: Connection) -> str:
    organization_id = scene.ours.organization.organization_id
    return await create_budget(connection, organization_id, WantedBudget(10**12, "total"), by=SYSTEM)


async def _webhook(scene: Scene, connection: Connection) -> str:
    host = "hooks.example"
    target = Target(f"https://{host}/", host, 443, is_tls=True, host_header=host, path="/")
    wanted = WantedEndpoint(target, created_by="x")
    organization_id = scene.ours.organization.organization_id
    # An organization has few, and each is looked at once.
    await connection.execute("UPDATE webhook_endpoints SET deleted_at = now() WHERE deleted_at IS NULL")
    endpoint, secret = await create_endpoint(connection, organization_id, wanted, at=clock.now())
    scene.seen.add(secret)
    return endpoint.endpoint_id


async def _chart(scene: Scene, connection: Connection) -> str:
    """The organization's, by our admin."""
    member = await find_member(connection, "admin@ours.example")
    assert member is not None
    owner = Owner(scene.ours.organization.organization_id, member.member_id, member.email)
    # There may be so many, and each is looked at once.
    await connection.execute("DELETE FROM saved_charts WHERE member_id IS NULL")
    chart = await save_chart(connection, owner, name="ours", page="usage", state="", is_shared=True)
    return chart.chart_id


async def _session(scene: Scene, connection: Connection) -> str:
    """Of our admin."""
    member = await find_member(connection, "admin@ours.example")
    assert member is not None
    scene.seen.add(await open_session(connection, member.member_id))
    cursor = await connection.execute(
        "SELECT session_id FROM sessions WHERE member_id = %s ORDER BY created_at DESC", (member.member_id,)
    )
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def _request(scene: Scene, _: Connection) -> str:
    return scene.request_id


async def _organization(scene: Scene, _: Connection) -> str:
    return str(scene.ours.organization.organization_id)


async def _pdf(_: Scene, __: Connection) -> str:
    return "pdf"


async def _month(_: Scene, __: Connection) -> str:
    return "2020-01"


async def _none(_: Scene, __: Connection) -> str:
    return "none_01934b2e"


MAKERS: dict[str, Maker] = {
    "key_id": _key,
    "workspace_id": _workspace,
    "member_id": _member,
    "user_id": _member,
    "invite_id": _invite,
    "budget_id": _budget,
    "webhook_id": _webhook,
    "session_id": _session,
    "chart_id": _chart,
    "request_id": _request,
    "organization_id": _organization,
    "batch_id": _none,
    "payment_id": _none,
    "payment_method_id": _none,
    "document_id": _none,
    "application_id": _none,
    "line_id": _none,
    "form": _pdf,
    "month": _month,
    "alarm_id": _none,
    "item_id": _none,
    "event_id": _none,
    "rate_limit_id": _none,
}


@asynccontextmanager
async def playing(database_url: str, folder: Path, *, proxies: str = "") -> AsyncIterator[Scene]:
    """The application on a fresh database, behind these proxies."""
    settings = Settings(
        data_dir=folder,
        database_url=database_url,
        is_demo=False,
        public_url=BASE_URL,
        operator_emails=(OPERATOR,),
        smtp_host="127.0.0.1",
        smtp_port=9,
        smtp_from="jeton@ours.example",
        smtp_user="jeton",
        smtp_password=SECRETS[0],
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id="jeton",
        oidc_client_secret=SECRETS[1],
        upstream_api_key=SECRETS[2],
        metrics_token=SECRETS[3],
        operator_api_keys=(("finance", SECRETS[4]),),
        trusted_proxies=parse_networks(proxies),
    )
    async with open_parts(settings, lambda _: None) as parts:
        ours = await _open_house(parts.pool, "Ours GmbH")
        theirs = await _open_house(parts.pool, "Theirs AG")
        async with parts.pool.connection() as connection:
            organization_id = ours.organization.organization_id
            for role in ROLES:
                email = f"{role}@ours.example"
                await create_member(
                    connection, organization_id, email=email, role=role, password_hash=PASSWORD_HASH
                )
            await create_member(connection, organization_id, email=OPERATOR, role="auditor")
            theirs_id = theirs.organization.organization_id
            await create_member(connection, theirs_id, email=STRANGER, role="admin")
        secrets = {ours.secret, ours.admin_secret, theirs.secret, theirs.admin_secret}
        scene = Scene(build_app(parts, open_gateway(parts)), ours, theirs, seen=secrets)
        async with scene.client() as client:
            question = {"role": "user", "content": "A jeton is a counter. What is a jeton?"}
            body = {"model": "jeton-extract-1", "max_tokens": 20, "messages": [question]}
            headers = {"x-api-key": ours.secret, "anthropic-version": "2023-06-01"}
            answer = await client.post("/v1/messages", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            scene.request_id = answer.headers["request-id"]
        yield scene


async def _open_house(pool: Pool, name: str) -> House:
    async with pool.connection() as connection:
        organization = await open_organization(connection, name=name, trial=TRIAL)
        organization_id = organization.organization_id
        _, secret = await create_key(connection, organization_id, name="first")
        _, admin_secret = await create_key(connection, organization_id, name="admin", kind="admin")
    return House(pool, organization, secret, admin_secret)
