"""Items: what waits in the inbox, of whatever kind, and that somebody is done with it.

What a kind of item needs beside that (credit for an extended trial) is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import OverloadedError
from jeton.identity.audit import Actor, record_audit
from jeton.identity.names import parse_email
from jeton.ids import new_id
from jeton.notifications.catalogue.inbox import InboxItemOpened
from jeton.notifications.events import Event, emit
from jeton.notifications.inbox.errors import ItemDecidedError, ItemNotFoundError, ItemTextError

NAME_CHARS_MAX = 200
MESSAGE_CHARS_MAX = 4_000
REASON_CHARS_MAX = 500
# Of a message so much is told by webhook and mail; the inbox has all of it.
MESSAGE_CHARS_TOLD = 500
# Of each kind, so that what one door lets in never shuts another.
OPEN_ITEMS_MAX = 1_000
ITEMS_LISTED_MAX = 200

ItemState = Literal["open", "done", "approved", "declined"]
DECIDED: tuple[ItemState, ...] = ("done", "approved", "declined")

# The kinds that pages have a name for; any other code is a kind as well.
KIND_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "contact_sales": "Sales",
        "contact_support": "Support",
        "docs_feedback": "Docs feedback",
        "unanswered_question": "Unanswered questions",
        "limit_request": "Limit requests",
        "invoice_correction": "Invoice corrections",
        "search_miss": "Searches in vain",
        "charge_dispute": "Disputed charges",
    }
)

_COLUMNS = (
    "i.item_id, i.kind, i.email, i.name, i.company, i.subject, i.message, i.details, i.times, i.state,"
    " i.created_at, i.last_at, i.decided_at, i.decided_by, i.reason, i.organization_id, i.lot_id,"
    " m.organization_id AS member_of"
)
# Who is a member of several is known by the first.
_FROM = (
    "inbox_items AS i LEFT JOIN LATERAL (SELECT organization_id FROM members WHERE email = i.email"
    " ORDER BY member_id LIMIT 1) AS m ON true"
)
_LIST = f"""
    SELECT {_COLUMNS} FROM {_FROM}
    WHERE (%(states)s::text[] IS NULL OR i.state = ANY (%(states)s))
      AND (%(kind)s::text IS NULL OR i.kind = %(kind)s)
      AND (%(before_id)s::text IS NULL OR i.item_id < %(before_id)s)
    ORDER BY i.state = 'open' DESC, i.item_id DESC LIMIT %(limit)s
"""  # noqa: S608 - the columns above
_GET = f"SELECT {_COLUMNS} FROM {_FROM} WHERE i.item_id = %s FOR UPDATE OF i"  # noqa: S608 - the columns above
_COUNT_OPEN = "SELECT count(*) FROM inbox_items WHERE state = 'open' AND kind = %s"
_FIND_OPEN = (
    "SELECT created_at FROM inbox_items"
    " WHERE kind = %s AND dedup_key = %s AND dedup_key <> '' AND state = 'open'"
)
_COUNT = "SELECT kind, count(*) FROM inbox_items WHERE state = 'open' GROUP BY kind ORDER BY kind"
_OPEN = """
    INSERT INTO inbox_items AS i
        (item_id, kind, email, name, company, subject, message, details, dedup_key, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (kind, dedup_key) WHERE state = 'open' AND dedup_key <> ''
        DO UPDATE SET times = i.times + 1, last_at = excluded.created_at
    RETURNING item_id
"""
_DECIDE = """
    UPDATE inbox_items SET state = %s, decided_at = %s, decided_by = %s, reason = %s, organization_id = %s,
        lot_id = %s
    WHERE item_id = %s
"""


@dataclass(frozen=True, slots=True)
class WantedItem:
    """Something for the inbox; texts are "" where nobody said them.

    The same ``dedup_key`` again, while the first is open, counts it up. ``is_told``: the operator gets a
    mail and a webhook, as for what somebody waits for an answer to. ``details`` are JSON-able.
    """

    kind: str
    message: str
    email: str = ""
    name: str = ""
    company: str = ""
    subject: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    dedup_key: str = ""
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class InboxItem:
    """An item and what became of it; ``member_of`` is the organization that knows the e-mail."""

    item_id: str
    kind: str
    email: str
    name: str
    company: str
    subject: str
    message: str
    details: dict[str, Any]
    times: int
    state: ItemState
    created_at: datetime
    last_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    organization_id: UUID | None
    lot_id: str | None
    member_of: UUID | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word on an item: its state from now on, why, and what was granted for it."""

    state: ItemState
    reason: str
    organization_id: UUID | None = None
    lot_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items: None is every one; ``before_id`` goes on after a page of one state."""

    states: tuple[ItemState, ...] | None = None
    kind: str | None = None
    before_id: str | None = None


async def open_item(connection: Connection, wanted: WantedItem) -> str:
    """Put an item into the inbox, or count up the one that is there; return its id.

    Raises ItemTextError, InvalidEmailError, and OverloadedError when the inbox is full of this kind.
    """
    email = parse_email(wanted.email) if wanted.email else ""
    name, company, subject = (
        _parse_line(label, text)
        for label, text in (("name", wanted.name), ("company", wanted.company), ("subject", wanted.subject))
    )
    message = parse_text("message", wanted.message)
    row = await (await connection.execute(_COUNT_OPEN, (wanted.kind,))).fetchone()
    if row is not None and row[0] >= OPEN_ITEMS_MAX:
        raise OverloadedError("Too many requests wait for an answer; write an e-mail, or try again later.")
    at = clock.now()
    texts = (wanted.kind, email, name, company, subject, message, Jsonb(dict(wanted.details)))
    async with connection.transaction():
        cursor = await connection.execute(_OPEN, (new_id("inbox"), *texts, wanted.dedup_key, at))
        found = await cursor.fetchone()
        item_id = str(found[0]) if found else ""
        if wanted.is_told:
            told = InboxItemOpened(
                item_id=item_id,
                email=email,
                name=name,
                company=company,
                message=_shorten(message),
                kind=wanted.kind,
            )
            await emit(connection, Event(told, None, f"inbox:{item_id}", at))
    return item_id


async def list_items(
    connection: Connection, filter_: ItemFilter | None = None, *, limit: int = ITEMS_LISTED_MAX
) -> list[InboxItem]:
    """Items, open ones first, then newest first."""
    wanted = filter_ or ItemFilter()
    async with connection.cursor(row_factory=class_row(InboxItem)) as cursor:
        await cursor.execute(
            _LIST,
            {
                "states": None if wanted.states is None else list(wanted.states),
                "kind": wanted.kind,
                "before_id": wanted.before_id,
                "limit": min(limit, ITEMS_LISTED_MAX),
            },
        )
        return await cursor.fetchall()


async def count_open(connection: Connection) -> dict[str, int]:
    """How many items wait, by kind; at most OPEN_ITEMS_MAX of each are read."""
    return dict(await (await connection.execute(_COUNT)).fetchall())


async def find_open_since(connection: Connection, kind: str, dedup_key: str) -> datetime | None:
    """Since when an item of this key waits; None if none does."""
    row = await (await connection.execute(_FIND_OPEN, (kind, dedup_key))).fetchone()
    return None if row is None else row[0]


async def get_item(connection: Connection, item_id: str) -> InboxItem:
    """The item, locked against other changes in this transaction; ItemNotFoundError."""
    if not item_id.isprintable():
        raise ItemNotFoundError(ascii(item_id))
    async with connection.cursor(row_factory=class_row(InboxItem)) as cursor:
        await cursor.execute(_GET, (item_id,))
        item = await cursor.fetchone()
    if item is None:
        raise ItemNotFoundError(item_id)
    return item


async def get_open_item(connection: Connection, item_id: str) -> InboxItem:
    """The item as above; ItemDecidedError if somebody has decided on it."""
    item = await get_item(connection, item_id)
    if item.state != "open":
        raise ItemDecidedError(item_id, item.state, by=item.decided_by or "")
    return item


async def decide_item(connection: Connection, item_id: str, verdict: Verdict, *, by: Actor) -> None:
    """Write the word on an item, which the caller has locked."""
    await connection.execute(
        _DECIDE,
        (
            verdict.state,
            clock.now(),
            by.name,
            verdict.reason,
            verdict.organization_id,
            verdict.lot_id,
            item_id,
        ),
    )


async def close_item(connection: Connection, item_id: str, *, reason: str, by: Actor) -> None:
    """Be done with an item, in the caller's transaction; ``reason`` may be "".

    Raises ItemNotFoundError, ItemDecidedError and ItemTextError.
    """
    if len(reason) > REASON_CHARS_MAX or "\x00" in reason:
        raise ItemTextError("reason", REASON_CHARS_MAX)
    async with connection.transaction():
        item = await get_open_item(connection, item_id)
        await decide_item(connection, item_id, Verdict("done", reason, item.organization_id), by=by)
        await record_audit(connection, by, "inbox.closed", subject=item_id, details={"reason": reason})


def parse_text(name: str, text: str) -> str:
    """A text of some lines without surrounding space; else ItemTextError."""
    parsed = text.replace("\r\n", "\n").strip()
    if not 0 < len(parsed) <= MESSAGE_CHARS_MAX or "\x00" in parsed:
        raise ItemTextError(name, MESSAGE_CHARS_MAX)
    return parsed


def render_item(item: InboxItem) -> dict[str, object]:
    """An item as the command line and the Console's twin give it."""
    organization_id = item.organization_id or item.member_of
    return {
        "id": item.item_id,
        "type": "inbox_item",
        "kind": item.kind,
        "state": item.state,
        "email": item.email,
        "name": item.name,
        "company": item.company,
        "subject": item.subject,
        "message": item.message,
        "details": item.details,
        "times": item.times,
        "created_at": item.created_at.isoformat(),
        "last_at": None if item.last_at is None else item.last_at.isoformat(),
        "decided_at": None if item.decided_at is None else item.decided_at.isoformat(),
        "decided_by": item.decided_by,
        "reason": item.reason,
        "organization_id": None if organization_id is None else str(organization_id),
        "lot_id": item.lot_id,
    }


def _shorten(message: str) -> str:
    """The beginning of a message, in one line."""
    line = " ".join(message.split())
    return line if len(line) <= MESSAGE_CHARS_TOLD else f"{line[: MESSAGE_CHARS_TOLD - 1]}…"


def _parse_line(name: str, text: str) -> str:
    line = text.strip()
    if len(line) > NAME_CHARS_MAX or not line.isprintable():
        raise ItemTextError(name, NAME_CHARS_MAX)
    return line
