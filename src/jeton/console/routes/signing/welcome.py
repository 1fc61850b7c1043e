"""Welcome: the first run: the trial and its end, a first key, a real request with it, and its receipt."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from jeton import clock
from jeton.console.deps import ConsoleDeps
from jeton.console.errors import InvalidFormError
from jeton.console.routes.access.keys import Created
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.errors import NotFoundError, OverloadedError
from jeton.identity.audit import Actor
from jeton.identity.credentials import KEY_PREFIX, SECRET_CHARS_MAX
from jeton.identity.keys import WantedKey, issue_key, record_key_audit
from jeton.identity.roles.permissions import PERMISSIONS, Permission
from jeton.identity.sessions import find_session
from jeton.insight.balance import Balance, LotBalance, get_balance, render_balance
from jeton.insight.receipt import Receipt, get_receipt
from jeton.insight.receipt_json import render_receipt

WELCOME = "/console/welcome"
MODEL = "jeton-extract-1"
FIRST_KEY = "first key"
QUESTION = "A jeton is a counter, with which accounts were reckoned. What is a jeton?"
OUTPUT_TOKENS_MAX = 64
OK = 200


class _Block(msgspec.Struct):
    text: str = ""


class _Problem(msgspec.Struct):
    message: str = ""


class _Reply(msgspec.Struct):
    content: tuple[_Block, ...] = ()
    error: _Problem | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of the test request: the model's words or the reason for none, and the receipt, if any."""

    request_id: str
    status: int
    text: str
    receipt: Receipt | None


async def is_first_run(deps: ConsoleDeps, secret: str) -> bool:
    """Whether nobody of the session's organization has sent a request yet, and its member may make a key."""
    async with deps.pool.connection() as connection:
        session = await find_session(connection, secret, at=clock.now())
        if session is None or Permission.MANAGE_KEYS not in PERMISSIONS[session.role]:
            return False
        cursor = await connection.execute(
            "SELECT NOT EXISTS (SELECT FROM charges WHERE organization_id = %s)", (session.organization_id,)
        )
        row = await cursor.fetchone()
    return bool(row and row[0])


async def show_welcome(visit: Visit) -> View:
    """The trial first, then what to do with it."""
    async with visit.deps.pool.connection() as connection:
        return await _view(visit, connection)


async def create(visit: Visit, form: Mapping[str, str]) -> View:
    """Create the first key and show its secret, this one time."""
    visit.require(Permission.MANAGE_KEYS)
    wanted = WantedKey(form.get("name", "").strip() or FIRST_KEY)
    async with visit.deps.pool.connection() as connection:
        key, secret = await issue_key(
            connection, visit.session.organization_id, wanted, created_by=visit.session.member_id
        )
        await record_key_audit(connection, Actor("member", visit.session.email), "key.created", key)
        return await _view(visit, connection, created=Created(key, secret))


async def send(visit: Visit, form: Mapping[str, str]) -> View:
    """Send a request with the key through the gateway, and show what it cost and why."""
    visit.require(Permission.MANAGE_KEYS)
    secret, send_message = form.get("secret", "").strip(), visit.deps.send_message
    if not secret.startswith(KEY_PREFIX) or len(secret) > SECRET_CHARS_MAX or not secret.isascii():
        raise InvalidFormError(f"a key begins with {KEY_PREFIX}")
    if send_message is None:
        raise OverloadedError("Nothing can be sent from here now.")
    async with visit.deps.pool.connection() as connection:
        balance = await get_balance(connection, visit.session.organization_id)
    body = {
        "model": choose_model(balance, visit.deps.served_models()),
        "max_tokens": OUTPUT_TOKENS_MAX,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    # Outside of any transaction: the request is held, answered and settled as everybody's.
    answer = await send_message(secret, msgspec.json.encode(body))
    async with visit.deps.pool.connection() as connection:
        try:
            receipt = await get_receipt(connection, visit.session.organization_id, answer.request_id)
        except NotFoundError:
            # Refused before there was anything to hold, or with a key of another organization.
            receipt = None
        sent = Sent(answer.request_id, answer.status, _read_reply(answer.body), receipt)
        return await _view(visit, connection, sent=sent)


async def _view(
    visit: Visit, connection: Connection, *, created: Created | None = None, sent: Sent | None = None
) -> View:
    balance = await get_balance(connection, visit.session.organization_id)
    context = {
        "balance": balance,
        "as_of": balance.as_of,
        "trial": _find_trial(balance),
        "created": created,
        "sent": sent,
        "ok": OK,
        "model": choose_model(balance, visit.deps.served_models()),
        "question": QUESTION,
        "first_key": FIRST_KEY,
        "base_url": visit.deps.base_url or f"{visit.request.url.scheme}://{visit.request.url.netloc}",
        "may_create": visit.may(Permission.MANAGE_KEYS),
    }
    return View("signing/welcome.html", context, _render(balance, sent))


def choose_model(balance: Balance, served: frozenset[str]) -> str:
    """The model of the test request: one that the trial pays for and that somebody answers here."""
    trial = _find_trial(balance)
    paid = trial.models if trial is not None and trial.models else (MODEL,)
    if MODEL in paid:
        return MODEL
    return next((model for model in paid if model in served), paid[0])


def _find_trial(balance: Balance) -> LotBalance | None:
    return next((lot for lot in balance.lots if lot.reason == "trial"), None)


def _render(balance: Balance, sent: Sent | None) -> dict[str, object]:
    receipt = None if sent is None or sent.receipt is None else render_receipt(sent.receipt)
    return {
        "type": "welcome",
        "as_of": balance.as_of.isoformat(),
        "balance": render_balance(balance),
        "receipt": receipt,
    }


def _read_reply(body: bytes) -> str:
    try:
        reply = msgspec.json.decode(body, type=_Reply)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if reply.error is not None:
        return reply.error.message
    return "".join(block.text for block in reply.content)
