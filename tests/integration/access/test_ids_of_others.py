"""What is ours by its real id in queries, forms and bodies of others: it is as good as made up."""

import json
import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from types import MappingProxyType

import httpx2
from tests.integration.access.every_line import ADMIN as API_LINES
from tests.integration.access.every_line import CONSOLE
from tests.integration.access.scene import STRANGER, Scene, playing
from tests.integration.access.test_things_of_others import (
    MARKS,
    TABLES,
    ask_as_person,
    ask_with_key,
    is_operators,
    read_rows,
)
from tests.integration.access.things import open_things

from jeton.identity.keys import create_key

INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00| UTC)?")
# What addresses and reports call the ids that they take.
QUERIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "workspace_id": ("workspace", "workspace_id", "workspace_ids[]", "workspaces"),
        "key_id": ("key", "key_id", "api_key_ids[]", "api_key_id", "after_id"),
        "member_id": ("member", "member_id", "after_id", "owner"),
        "organization_id": ("organization", "organization_id"),
        "batch_id": ("batch", "batch_id", "after_id", "before_id"),
        "budget_id": ("budget", "budget_id"),
        "request_id": ("request", "request_id", "before", "after", "cursor"),
        "document_id": ("document", "document_id", "after_id"),
        "invite_id": ("after_id",),
        "event_id": ("after_id", "event"),
    }
)
BUDGET = {"period": "day", "kind": "hard", "limit": "1"}
# path and fields: of theirs, with something of ours in it.
FORMS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("/console/keys", {"name": "x", "kind": "api", "workspace_id": "{workspace_id}"}),
    ("/console/keys/{own}/change", {"name": "x", "workspace_id": "{workspace_id}"}),
    ("/console/keys/{own}/change", {"name": "x", "member_id": "{member_id}"}),
    ("/console/keys/{own}/change", {"name": "x", "member_id": "\0"}),
    *(
        (
            "/console/budgets",
            {"scope": f"{kind}:{{{kind}_id}}", "period": "day", "kind": "hard", "limit": "1"},
        )
        for kind in ("workspace", "key", "member")
    ),
    ("/console/alerts/snooze", {"hours": "1", "about": "{budget_id}"}),
    ("/console/sessions/switch", {"organization_id": "{organization_id}"}),
    ("/console/limits", {"workspace_id": "{workspace_id}", "group": "all", "requests": "1"}),
)
BODIES: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("/v1/organizations/api_keys", {"name": "x", "workspace_id": "{workspace_id}"}),
    ("/v1/organizations/api_keys/{own}", {"name": "x", "workspace_id": "{workspace_id}"}),
    ("/v1/organizations/api_keys/{own}", {"name": "x", "member_id": "{member_id}"}),
    *(
        ("/v1/organizations/budgets", {"limit": "1", "period": "day", f"{kind}_id": f"{{{kind}_id}}"})
        for kind in ("workspace", "key", "member")
    ),
    *(
        ("/v1/organizations/budgets/dry_run", {"limit": "1", "period": "day", f"{kind}_id": f"{{{kind}_id}}"})
        for kind in ("workspace", "key", "member")
    ),
    ("/v1/organizations/alerts/snooze", {"hours": 1, "budget_id": "{budget_id}"}),
    ("/v1/organizations/events/{event_id}/replay", {"webhook_id": "{webhook_id}"}),
    ("/v1/organizations/payments", {"credit": "10", "payment_method_id": "{payment_method_id}"}),
)


def list_pages(scene: Scene) -> list[str]:
    """Every page and every report of several things, as data."""
    lines = {**CONSOLE, **API_LINES}
    found = set()
    for name in scene.list_routes(lambda route: "{" not in route.path):
        method, _, path = name.partition(" ")
        line = lines.get(name)
        is_data = path.endswith((".json", ".csv", ".jsonl")) or path.startswith("/v1/")
        if method == "GET" and line and is_data and not line.is_stream and not is_operators(name, lines):
            found.add(path)
    return sorted(found)


def fill(text: str, things: Mapping[str, str], own: str) -> str:
    """A text with the things in the place of their names."""
    for name, value in {**things, "own": own}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def make_up(real: str) -> str:
    """An id of the same form, beside it in every order, that nothing has."""
    return real[:-1] + ("0" if real[-1] != "0" else "1")


async def read_as(client: httpx2.AsyncClient, path: str, query: str) -> tuple[int, str]:
    """What their admin, or their admin key, is told; instants aside."""
    answer = await client.get(f"{path}?{query}")
    return answer.status_code, INSTANT.sub("INSTANT", answer.text)


async def _find_difference(client: httpx2.AsyncClient, path: str, name: str, real: str) -> list[str]:
    start = "starting_at=2026-01-01T00:00:00Z&" if "_report" in path else ""
    told = []
    for value in (real, make_up(real)):
        query = start + "&".join(f"{field}={value}" for field in QUERIES[name])
        status, text = await read_as(client, path, query)
        told.append((status, text.replace(value, "ID")))
    faults = [f"{path} by {name} shows {mark}" for mark in MARKS if mark in told[0][1]]
    if told[0] != told[1] or told[0][0] >= 500:
        faults.append(f"{path} by {name}: {told[0][0]} and {told[1][0]}: {told[0][1][:300]}")
    return faults


async def test_an_id_of_ours_in_a_query_is_as_good_as_a_made_up_one(
    database_url: str, tmp_path: Path
) -> None:
    faults = []
    async with playing(database_url, tmp_path / "data") as scene:
        things = await open_things(scene)
        pages = list_pages(scene)
        assert len(pages) > 40
        async with scene.client() as client:
            client.cookies.set("jeton_session", await scene.sign_in(STRANGER))
            client.headers["x-api-key"] = scene.theirs.admin_secret
            for path, name in product(pages, QUERIES):
                faults += await _find_difference(client, path, name, things[name])
    assert not faults, "\n".join(faults)


async def test_an_id_of_ours_in_a_form_or_a_body_does_nothing_at_all(
    database_url: str, tmp_path: Path
) -> None:
    """The part of a form that had nothing wrong was done, though the rest was refused."""
    faults = []
    async with playing(database_url, tmp_path / "data") as scene:
        things = await open_things(scene)
        theirs = scene.theirs.organization.organization_id
        async with scene.theirs.pool.connection() as connection:
            key, _ = await create_key(connection, theirs, name="before")
        for path, fields in (*FORMS, *BODIES):
            async with scene.theirs.pool.connection() as connection:
                before = await read_rows(connection, theirs)
            place = fill(path, things, key.key_id)
            sent = json.loads(fill(json.dumps(fields), things, key.key_id))
            if path.startswith("/console"):
                answer = await ask_as_person(scene, STRANGER, "POST", place, sent)
            else:
                secret = scene.theirs.admin_secret
                answer = await ask_with_key(scene, secret, "POST", place, json.dumps(sent))
            async with scene.theirs.pool.connection() as connection:
                after = await read_rows(connection, theirs)
            if not 400 <= answer.status_code < 500:
                faults.append(f"{path} {dict(fields)}: {answer.status_code}")
            faults += [
                f"{path} {dict(fields)}: {answer.status_code}, and yet {table} is changed"
                for table in TABLES
                if before[table] != after[table]
            ]
    assert not faults, "\n".join(faults)
