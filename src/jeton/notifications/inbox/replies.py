"""Replies: what the operator answered to whoever wrote, and whether the mail has got there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.notifications.catalogue.inbox import InboxReplied
from jeton.notifications.events import Event, emit
from jeton.notifications.inbox.errors import NoReplyError
from jeton.notifications.inbox.items import KIND_NAMES, InboxItem, get_item, parse_text

REPLIES_MAX = 100

_COUNT = "SELECT count(*) FROM inbox_replies WHERE item_id = %s"
_INSERT = """
    INSERT INTO inbox_replies (reply_id, item_id, text, event_id, replied_at, replied_by)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
_LIST = """
    SELECT r.reply_id, r.item_id, r.text, r.replied_at, r.replied_by, d.delivered_at, d.gave_up_at,
           d.last_problem
    FROM inbox_replies AS r
    LEFT JOIN deliveries AS d ON d.event_id = r.event_id AND d.email IS NOT NULL
    WHERE r.item_id = ANY (%s) ORDER BY r.reply_id
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``delivered_at`` is when a mail server took it."""

    reply_id: str
    item_id: str
    text: str
    replied_at: datetime
    replied_by: str
    delivered_at: datetime | None
    gave_up_at: datetime | None
    last_problem: str | None


async def reply_to_item(
    connection: Connection, item_id: str, *, text: str, by: Actor, has_mail: bool
) -> InboxItem:
    """Answer whoever wrote, by mail, in the caller's transaction; return the item.

    Raises ItemNotFoundError, ItemTextError, and NoReplyError without an address, without a mail server
    (``has_mail``), or after REPLIES_MAX answers.
    """
    answer = parse_text("answer", text)
    at = clock.now()
    async with connection.transaction():
        item = await get_item(connection, item_id)
        row = await (await connection.execute(_COUNT, (item_id,))).fetchone()
        count = row[0] if row else 0
        if problem := _find_problem(item, count, has_mail=has_mail):
            raise NoReplyError(item_id, problem)
        about = item.subject or f"your message to {KIND_NAMES.get(item.kind, item.kind).lower()}"
        reply_id = new_id("reply")
        data = InboxReplied(item_id=item_id, about=about, text=answer, replied_by=by.name)
        event = Event(data, None, f"inbox_reply:{reply_id}", at, (item.email,))
        await emit(connection, event)
        await connection.execute(_INSERT, (reply_id, item_id, answer, event.event_id, at, by.name))
        await record_audit(connection, by, "inbox.replied", subject=item_id, details={"reply_id": reply_id})
    return item


async def list_replies(connection: Connection, item_ids: Sequence[str]) -> list[Reply]:
    """The answers to these items, oldest first."""
    async with connection.cursor(row_factory=class_row(Reply)) as cursor:
        await cursor.execute(_LIST, (list(item_ids),))
        return await cursor.fetchall()


def render_reply(reply: Reply) -> dict[str, object]:
    """An answer as the Console's twin gives it."""
    return {
        "id": reply.reply_id,
        "type": "inbox_reply",
        "item_id": reply.item_id,
        "text": reply.text,
        "replied_at": reply.replied_at.isoformat(),
        "replied_by": reply.replied_by,
        "delivered_at": None if reply.delivered_at is None else reply.delivered_at.isoformat(),
        "problem": reply.last_problem,
    }


def _find_problem(item: InboxItem, replies: int, *, has_mail: bool) -> str:
    if not item.email:
        return "whoever wrote left no e-mail"
    if not has_mail:
        return "no mail server is set (JETON_SMTP_HOST)"
    return f"it has {REPLIES_MAX} answers already" if replies >= REPLIES_MAX else ""
