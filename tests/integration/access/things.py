"""Things: one real object of ours for every parameter that a path of an organization has."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from starlette.routing import Route
from tests.integration.access.scene import MAKERS, Scene
from tests.integration.console.money.test_invoices import PROFILE, RULES

from jeton import clock
from jeton.billing.invoicing.issuing.period import issue_period
from jeton.billing.payments.storage import insert_payment
from jeton.charging.credits.limits import set_credit_limit
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM
from jeton.identity.scim.groups import create_group
from jeton.identity.scim.terms import Profile
from jeton.identity.scim.tokens import create_token
from jeton.identity.scim.users import create_user
from jeton.identity.sessions import form_token
from jeton.ids import new_id

# Of the installation and of no organization: only the operator has their paths, which the lines say.
HOUSE = frozenset(
    {
        "alarm_id",
        "item_id",
        "application_id",
        "line_id",
        "proposal_id",
        "rerating_id",
        "supplement_id",
        "terms_id",
    }
)
# Words and no ids, or an id within the thing that stands before it.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "form": "pdf",
        "month": "2020-01",
        "name": "User",
        "rate_limit_id": "rl_any",
        "slug": "quickstart",
        "model": "claude-sonnet-5-5",
    }
)
NEVER = "none_01934b2e"
ADMIN = "admin@ours.example"
_CARD = """
    INSERT INTO payment_methods (payment_method_id, organization_id, provider, provider_method_id, brand,
        last4, expires_year, expires_month, is_default, added_at)
    VALUES (%s, %s, 'stripe', 'pm_ours', 'visa', '4242', 2199, 12, true, %s)
"""
_EVENT = """
    INSERT INTO events (event_id, organization_id, type, data, emails, dedup_key, occurred_at)
    VALUES (%s, %s, 'credit.low', '{}', '{}', 'ours', %s)
"""
_PASSKEY = """
    INSERT INTO passkeys (passkey_id, email, name, credential_id, public_key, user_handle, sign_count,
        is_synced, created_at)
    VALUES (%s, %s, 'ours', '\\x01', '\\x02', '\\x03', 0, false, %s)
"""


def list_paths(scene: Scene) -> list[tuple[str, str]]:
    """``(method, path)`` of every route of the application that has a parameter."""
    found = set()
    for route in scene.app.routes:
        if isinstance(route, Route) and "{" in route.path:
            handlers = getattr(route.endpoint, "_handlers", None) or getattr(route.endpoint, "_answers", None)
            found |= {(method, route.path) for method in handlers or (route.methods or {"GET"}) - {"HEAD"}}
    return sorted(found)


async def open_things(scene: Scene) -> dict[str, str]:
    """An id for each parameter that an organization's paths have; ``scim_user_id`` is of its directory."""
    own, at = scene.ours.organization.organization_id, clock.now()
    things = {"request_id": scene.request_id}
    things["batch_id"] = await _send_batch(scene)
    things["draft_id"] = await _keep_draft(scene)
    async with scene.ours.pool.connection() as connection:
        for name, make in MAKERS.items():
            if name not in HOUSE | WORDS.keys() | things.keys():
                things[name] = await make(scene, connection)
        for name, table in (("payment_method_id", _CARD), ("event_id", _EVENT)):
            things[name] = new_id("pmeth" if name == "payment_method_id" else "evt")
            await connection.execute(table, (things[name], own, at))
        things["passkey_id"] = new_id("passkey")
        await connection.execute(_PASSKEY, (things["passkey_id"], ADMIN, at))
        things["payment_id"] = await _pay(connection, scene, things["payment_method_id"])
        token, _ = await create_token(connection, own, name="ours", by=SYSTEM)
        things["token_id"] = token.token_id
        group = await create_group(connection, own, name="ours", external_id=None, role=None)
        things["group_id"] = group.group_id
        user = await create_user(
            connection, own, Profile("directory@ours.example"), is_active=True, by=SYSTEM
        )
        things["scim_user_id"] = user.user_id
    things["document_id"] = await _issue(scene)
    return things


def fill(path: str, things: Mapping[str, str]) -> str:
    """A path with what is ours in the place of its parameters."""
    named = {**WORDS, **dict.fromkeys(HOUSE, NEVER), **things}
    if path.startswith("/scim/"):
        named["user_id"] = things["scim_user_id"]
    for name, value in named.items():
        path = path.replace(f"{{{name}}}", value)
    return path


async def _send_batch(scene: Scene) -> str:
    question = {"role": "user", "content": "A jeton is a counter. What is a jeton?"}
    params = {"model": "jeton-extract-1", "max_tokens": 20, "messages": [question]}
    async with scene.client() as client:
        answer = await client.post(
            "/v1/messages/batches",
            json={"requests": [{"custom_id": "ours", "params": params}]},
            headers={"x-api-key": scene.ours.secret, "anthropic-version": "2023-06-01"},
        )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def _keep_draft(scene: Scene) -> str:
    async with scene.ours.pool.connection() as connection:
        key_id = await MAKERS["key_id"](scene, connection)
    async with scene.client() as client:
        secret = await scene.sign_in(ADMIN)
        client.cookies.set("jeton_session", secret)
        line = (
            b'{"custom_id": "a", "params": {"model": "jeton-extract-1", "max_tokens": 20,'
            b' "messages": [{"role": "user", "content": "What is a jeton?"}]}}'
        )
        form = {"form_token": form_token(secret), "key": key_id, "key_id": key_id}
        answer = await client.post(
            "/console/batches/quote", data=form, files={"file": ("ours.jsonl", line, "application/jsonl")}
        )
    place = answer.headers.get("location", "")
    assert "/drafts/" in place, f"{answer.status_code}: {answer.text[:3000]}"
    return place.rpartition("/drafts/")[2].partition("?")[0]


async def _pay(connection: Connection, scene: Scene, card_id: str) -> str:
    at, payment_id = clock.now(), new_id("pay")
    values: dict[str, Any] = {
        "payment_id": payment_id, "organization_id": scene.ours.organization.organization_id,
        "purpose": "purchase", "subject_id": "purch_ours", "attempt": 1, "provider": "stripe",
        "idempotency_key": "purch_ours", "payment_method_id": card_id, "is_off_session": False,
        "currency": "USD", "net_minor": 100, "amount_minor": 100, "net_nano": 10**9, "credit_nano": 10**9,
        "state": "failed", "started_by": ADMIN, "started_at": at, "updated_at": at, "settled_at": at,
    }  # fmt: skip
    await insert_payment(connection, values)
    return payment_id


async def _issue(scene: Scene) -> str:
    """The document of a period that is over by then, with one request on it."""
    own = scene.ours.organization.organization_id
    async with scene.client() as client:
        secret = await scene.sign_in(ADMIN)
        client.cookies.set("jeton_session", secret)
        form = {**PROFILE, "legal_name": "Ours GmbH", "form_token": form_token(secret)}
        assert (await client.post("/console/invoices/profile", data=form)).status_code == 303
    async with scene.ours.pool.connection() as connection:
        await set_credit_limit(connection, own, 10**12, by=SYSTEM)
        (document,) = await issue_period(
            connection, own, rules=RULES, at=clock.now() + timedelta(days=40), by=SYSTEM
        )
    return document.document_id
