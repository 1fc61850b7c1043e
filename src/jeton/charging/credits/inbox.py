"""Inbox: what people ask of the operator, and the operator's word on it, each given once.

Approving a request for an extended trial grants a lot; declining keeps the request with the reason.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.charging.credits.errors import ItemDecidedError, ItemNotFoundError, SalesRequestError
from jeton.charging.credits.granting import REASON_CHARS_MAX, Grant, grant
from jeton.charging.errors import GrantError
from jeton.db.pool import Connection
from jeton.errors import OverloadedError
from jeton.identity.audit import Actor, record_audit
from jeton.identity.names import parse_email
from jeton.ids import new_id
from jeton.ledger.chart import LotKind
from jeton.notifications.catalogue import InboxItemOpened
from jeton.notifications.events import Event, emit

NAME_CHARS_MAX = 200
MESSAGE_CHARS_MAX = 4_000
# Of a message so much is told by webhook and mail; the inbox has all of it.
MESSAGE_CHARS_TOLD = 500
OPEN_ITEMS_MAX = 1_000
ITEMS_LISTED_MAX = 200

# What an extended trial may be.
KINDS = frozenset({LotKind.PROMOTIONAL, LotKind.COMMIT})

ItemState = Literal["open", "approved", "declined"]

_COLUMNS = (
    "i.item_id, i.email, i.name, i.company, i.message, i.state, i.created_at, i.decided_at, i.decided_by,"
    " i.reason, i.organization_id, i.lot_id, m.organization_id AS member_of"
)
_LIST = f"""
    SELECT {_COLUMNS} FROM inbox_items AS i LEFT JOIN members AS m ON m.email = lower(i.email)
    WHERE %(state)s::text IS NULL OR i.state = %(state)s
    ORDER BY i.state = 'open' DESC, i.item_id DESC LIMIT %(limit)s
"""  # noqa: S608 - the columns above
_GET = f"""
    SELECT {_COLUMNS} FROM inbox_items AS i LEFT JOIN members AS m ON m.email = lower(i.email)
    WHERE i.item_id = %s FOR UPDATE OF i
"""  # noqa: S608 - the columns above
_COUNT_OPEN = "SELECT count(*) FROM inbox_items WHERE state = 'open'"
_OPEN = """
    INSERT INTO inbox_items (item_id, kind, email, name, company, message, created_at)
    VALUES (%s, 'contact_sales', %s, %s, %s, %s, %s)
"""
_DECIDE = """
    UPDATE inbox_items SET state = %s, decided_at = %s, decided_by = %s, reason = %s, organization_id = %s,
        lot_id = %s
    WHERE item_id = %s
"""


@dataclass(frozen=True, slots=True)
class SalesRequest:
    """What somebody wrote to the people who sell."""

    email: str
    name: str
    company: str
    message: str


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A request and what became of it; ``member_of`` is the organization that knows the e-mail."""

    item_id: str
    email: str
    name: str
    company: str
    message: str
    state: ItemState
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    organization_id: UUID | None
    lot_id: str | None
    member_of: UUID | None


async def open_item(connection: Connection, asked: SalesRequest) -> str:
    """Put a request into the inbox and have the operator told of it; return its id.

    Raises SalesRequestError for a field that cannot be, InvalidEmailError, and OverloadedError when the
    inbox is full.
    """
    email, name = parse_email(asked.email), _parse_line("name", asked.name)
    company = _parse_line("company", asked.company, is_needed=False)
    message = asked.message.replace("\r\n", "\n").strip()
    if not 0 < len(message) <= MESSAGE_CHARS_MAX or "\x00" in message:
        raise SalesRequestError("message", MESSAGE_CHARS_MAX)
    row = await (await connection.execute(_COUNT_OPEN)).fetchone()
    if row is not None and row[0] >= OPEN_ITEMS_MAX:
        raise OverloadedError("Too many requests wait for an answer; write an e-mail, or try again later.")
    item_id = new_id("inbox")
    at = clock.now()
    async with connection.transaction():
        await connection.execute(_OPEN, (item_id, email, name, company, message, at))
        told = InboxItemOpened(
            item_id=item_id, email=email, name=name, company=company, message=_shorten(message)
        )
        await emit(connection, Event(told, None, f"inbox:{item_id}", at))
    return item_id


async def list_items(
    connection: Connection, *, state: ItemState | None = None, limit: int = ITEMS_LISTED_MAX
) -> list[InboxItem]:
    """Items, open ones first, then newest first."""
    async with connection.cursor(row_factory=class_row(InboxItem)) as cursor:
        await cursor.execute(_LIST, {"state": state, "limit": min(limit, ITEMS_LISTED_MAX)})
        return await cursor.fetchall()


async def approve_item(
    connection: Connection, item_id: str, *, organization_id: UUID | None, given: Grant, by: Actor
) -> str:
    """Grant what was asked for, in the caller's transaction; return the lot's id.

    Without an organization it is the one whose member wrote. Raises ItemNotFoundError, ItemDecidedError
    for the second word on an item, and GrantError.
    """
    if given.kind not in KINDS:
        raise GrantError(f"An extended trial is {' or '.join(sorted(KINDS))} credit, not {given.kind}.")
    async with connection.transaction():
        item = await _get_open(connection, item_id)
        to = organization_id or item.member_of
        if to is None:
            raise GrantError(f"{item.email} is no member of an organization here; say which one is granted.")
        lot_id = await grant(connection, to, given, by=by)
        await connection.execute(
            _DECIDE, ("approved", clock.now(), by.name, given.reason, to, lot_id, item_id)
        )
        await record_audit(
            connection,
            by,
            "inbox.approved",
            subject=item_id,
            organization_id=to,
            details={"lot_id": lot_id, "reason": given.reason},
        )
    return lot_id


async def decline_item(connection: Connection, item_id: str, *, reason: str, by: Actor) -> None:
    """Keep an item as declined, with the reason, in the caller's transaction; raises as approving does."""
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        raise SalesRequestError("reason", REASON_CHARS_MAX)
    async with connection.transaction():
        await _get_open(connection, item_id)
        await connection.execute(_DECIDE, ("declined", clock.now(), by.name, reason, None, None, item_id))
        await record_audit(connection, by, "inbox.declined", subject=item_id, details={"reason": reason})


def render_item(item: InboxItem) -> dict[str, object]:
    """An item as the command line and the Console's twin give it."""
    organization_id = item.organization_id or item.member_of
    return {
        "id": item.item_id,
        "type": "inbox_item",
        "state": item.state,
        "email": item.email,
        "name": item.name,
        "company": item.company,
        "message": item.message,
        "created_at": item.created_at.isoformat(),
        "decided_at": None if item.decided_at is None else item.decided_at.isoformat(),
        "decided_by": item.decided_by,
        "reason": item.reason,
        "organization_id": None if organization_id is None else str(organization_id),
        "lot_id": item.lot_id,
    }


async def _get_open(connection: Connection, item_id: str) -> InboxItem:
    async with connection.cursor(row_factory=class_row(InboxItem)) as cursor:
        await cursor.execute(_GET, (item_id,))
        item = await cursor.fetchone()
    if item is None:
        raise ItemNotFoundError(item_id)
    if item.state != "open":
        raise ItemDecidedError(item_id, item.state, by=item.decided_by or "")
    return item


def _shorten(message: str) -> str:
    """The beginning of a message, in one line."""
    line = " ".join(message.split())
    return line if len(line) <= MESSAGE_CHARS_TOLD else f"{line[: MESSAGE_CHARS_TOLD - 1]}…"


def _parse_line(name: str, text: str, *, is_needed: bool = True) -> str:
    line = text.strip()
    if len(line) > NAME_CHARS_MAX or not line.isprintable() or (is_needed and not line):
        raise SalesRequestError(name, NAME_CHARS_MAX)
    return line
