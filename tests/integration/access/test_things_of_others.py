"""What is ours by its real id, asked for by another organization: as each of its roles, with all its keys.

Every route that has a parameter in its path is tried; a new parameter fails here until ``things.py`` knows
whose it is.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from psycopg import sql
from tests.integration.access.every_line import ADMIN as API_LINES
from tests.integration.access.every_line import CONSOLE
from tests.integration.access.scene import ROLES, STRANGER, Scene, playing
from tests.integration.access.things import ADMIN, HOUSE, WORDS, fill, list_paths, open_things

from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM
from jeton.identity.keys import create_key
from jeton.identity.members import create_member
from jeton.identity.organizations import create_workspace
from jeton.identity.scim.tokens import create_token
from jeton.identity.sessions import form_token

TABLES = (
    "api_keys", "audit_entries", "billing_profiles", "budgets", "documents", "invites", "members",
    "payment_methods", "payments", "rate_limits", "reload_rules", "saved_charts",
    "scim_groups", "scim_tokens", "scim_users", "webhook_endpoints", "workspaces",
)  # fmt: skip
MARKS = ("Ours GmbH", "ours.example", "apikey_ours")
SCIM_BODIES = {
    "PUT": '{"userName": "taken@theirs.example", "displayName": "taken"}',
    "PATCH": '{"Operations": [{"op": "replace", "path": "externalId", "value": "taken"}]}',
}
PUBLIC = re.compile(r"/(static|docs|faq|brand|v1/models|v1/billing/webhooks)(/|$)")
# What an admin of ours does not get by the real id, and why.
NOT_OURS_TO_SEE = {
    # Nothing was charged to the batch yet, and its results are not there before its end.
    "/console/batches/{batch_id}/results",
    "/v1/messages/batches/{batch_id}/results",
    # No more than a model of the scheme.
    "/scim/v2/ResourceTypes/{name}",
    "/scim/v2/Schemas/{name}",
}


def is_operators(name: str, lines: Mapping[str, object]) -> bool:
    """Whether only the operator has a route, by its line."""
    return getattr(lines.get(name), "audience", "") in {"OPERATOR", "OPERATOR_KEY"}


async def read_rows(connection: Connection, organization_id: UUID) -> dict[str, list[str]]:
    """The rows that an organization has in the tables which nobody but people and keys writes."""
    found = {}
    for table in TABLES:
        # That a webhook's receiver is away, and that a job looked at a document, is not anybody's doing.
        query = sql.SQL("SELECT (to_jsonb(t) - %s::text[])::text FROM {} AS t WHERE organization_id = %s")
        cursor = await connection.execute(
            query.format(sql.Identifier(table)), (["failing_since", "is_judged"], organization_id)
        )
        found[table] = sorted(row[0] for row in await cursor.fetchall())
    return found


async def ask_as_person(
    scene: Scene, email: str, method: str, path: str, form: Mapping[str, str]
) -> httpx2.Response:
    async with scene.client() as client:
        secret = await scene.sign_in(email)
        client.cookies.set("jeton_session", secret)
        data = {**form, "form_token": form_token(secret)} if method == "POST" else None
        return await client.request(method, path, data=data)


async def ask_with_key(
    scene: Scene, secret: str, method: str, path: str, body: str = "{}"
) -> httpx2.Response:
    async with scene.client() as client:
        headers = {"x-api-key": secret, "anthropic-version": "2023-06-01"}
        if path.startswith("/scim/"):
            headers = {"authorization": f"Bearer {secret}"}
        content = body if method in {"POST", "PUT", "PATCH"} else None
        return await client.request(method, path, content=content, headers=headers)


def find_fault(name: str, who: str, answer: httpx2.Response, *, may_refuse: bool) -> list[str]:
    """What is wrong with an answer to a stranger."""
    wanted = {403, 404} if may_refuse else {404}
    faults = [] if answer.status_code in wanted else [f"{name} as {who}: {answer.status_code}"]
    return faults + [f"{name} as {who} shows {mark}" for mark in MARKS if mark in answer.text]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data directory."""
    return tmp_path / "data"


async def _find_console_faults(scene: Scene, things: Mapping[str, str]) -> list[str]:
    faults = []
    async with scene.theirs.pool.connection() as connection:
        for role in ROLES:
            await create_member(
                connection, scene.theirs.organization.organization_id,
                email=f"{role}@theirs-too.example", role=role,
            )  # fmt: skip
    for method, path in list_paths(scene):
        if not path.startswith("/console"):
            continue
        name = f"{method} {path}"
        for role in ROLES:
            email = STRANGER if role == "admin" else f"{role}@theirs-too.example"
            answer = await ask_as_person(scene, email, method, fill(path, things), CONSOLE[name].form)
            may_refuse = role != "admin" or is_operators(name, CONSOLE)
            faults += find_fault(name, f"their {role}", answer, may_refuse=may_refuse)
    return faults


async def _find_api_faults(scene: Scene, things: Mapping[str, str], *, other: str) -> list[str]:
    """``other`` is a key of another workspace of ours."""
    faults = []
    async with scene.theirs.pool.connection() as connection:
        theirs = scene.theirs.organization.organization_id
        _, scim = await create_token(connection, theirs, name="theirs", by=SYSTEM)
    for method, path in list_paths(scene):
        if path.startswith("/console") or not path.startswith(("/v1/", "/scim/")) or PUBLIC.match(path):
            continue
        name = f"{method} {path}"
        body = getattr(API_LINES.get(name), "body", "{}")
        if path.startswith("/scim/"):
            body = SCIM_BODIES.get(method, "{}")
        keys = {"API key": scene.theirs.secret, "admin key": scene.theirs.admin_secret}
        if path.startswith("/scim/"):
            keys = {"token": scim}
        if "/batches/" in path:
            keys["API key of another workspace of ours"] = other
        is_word = set(re.findall(r"{(\w+)}", path)) <= WORDS.keys()
        for who, secret in keys.items():
            answer = await ask_with_key(scene, secret, method, fill(path, things), body)
            is_right_kind = who == ("API key" if "/batches/" in path else "admin key") or "of" in who
            if not is_word or is_operators(name, API_LINES):
                may_refuse = not (is_right_kind or who == "token") or is_operators(name, API_LINES)
                faults += find_fault(name, f"their {who}", answer, may_refuse=may_refuse)
    return faults


async def _find_unreal(scene: Scene, things: Mapping[str, str]) -> list[str]:
    """Addresses at which ours would not find it either, so that a 404 there proves nothing."""
    faults = []
    for method, path in list_paths(scene):
        name = f"{method} {path}"
        if method != "GET" or path in NOT_OURS_TO_SEE or PUBLIC.match(path):
            continue
        if path.startswith("/console"):
            if is_operators(name, CONSOLE):
                continue
            answer = await ask_as_person(scene, ADMIN, method, fill(path, things), {})
        elif path.startswith(("/v1/messages/", "/v1/receipts/")):
            answer = await ask_with_key(scene, scene.ours.secret, method, fill(path, things))
        elif path.startswith("/v1/") and not is_operators(name, API_LINES):
            answer = await ask_with_key(scene, scene.ours.admin_secret, method, fill(path, things))
        else:
            continue
        if answer.status_code != 200:
            faults.append(f"{name}: {answer.status_code} for ours: {answer.text[:200]}")
    return faults


async def test_what_is_ours_nobody_else_sees_or_changes(database_url: str, folder: Path) -> None:
    async with playing(database_url, folder) as scene:
        own = scene.ours.organization.organization_id
        things = await open_things(scene)
        named = {one for _, path in list_paths(scene) for one in re.findall(r"{(\w+)(?::\w+)?}", path)}
        unknown = named - things.keys() - HOUSE - WORDS.keys()
        assert unknown == set(), "parameters without a thing of ours in tests/integration/access/things.py"
        faults = await _find_unreal(scene, things)
        async with scene.ours.pool.connection() as connection:
            aside = await create_workspace(connection, own, name="aside")
            _, other = await create_key(connection, own, name="aside", workspace_id=aside.workspace_id)
            before = await read_rows(connection, own)
        faults += await _find_console_faults(scene, things)
        faults += await _find_api_faults(scene, things, other=other)
        async with scene.ours.pool.connection() as connection:
            after = await read_rows(connection, own)
        faults += [f"{table} of ours is changed" for table in TABLES if before[table] != after[table]]
        faults += await _find_unreal(scene, things)
    assert not faults, "\n".join(faults)
