"""Inbox: what people ask of the operator, what nobody could answer, and the operator's word on it."""

import json
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

from jeton import clock
from jeton.charging.credits.granting import DAYS_MAX, REASON_CHARS_MAX, Grant
from jeton.charging.credits.inbox import KINDS, approve_item, decline_item
from jeton.console.errors import InvalidFilterError, InvalidFormError
from jeton.console.files.downloading import Sheet
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.audit import Actor
from jeton.ledger.chart import LotKind
from jeton.money import parse_usd
from jeton.notifications.inbox.errors import ItemNotFoundError
from jeton.notifications.inbox.items import (
    DECIDED,
    ITEMS_LISTED_MAX,
    KIND_NAMES,
    MESSAGE_CHARS_MAX,
    InboxItem,
    ItemFilter,
    close_item,
    count_open,
    list_items,
    render_item,
)
from jeton.notifications.inbox.replies import list_replies, render_reply, reply_to_item

PLACE = "/console/inbox"
DAYS_DEFAULT = 60
PAGE_ROWS = 25
STATES = ("open", "decided")
EXPORTED_MAX = 10_000
COLUMNS = (
    *("item_id", "kind", "state", "created_at", "times", "last_at", "name", "email", "company", "subject"),
    *("message", "details", "decided_at", "decided_by", "reason"),
)


async def show_inbox(visit: Visit) -> View:
    """What waits, or what was decided, newest first; of one ``kind`` where the address names one."""
    visit.require_operator()
    state, kind, wanted = _read_filter(visit)
    async with visit.deps.pool.connection() as connection:
        found = await list_items(connection, wanted, limit=PAGE_ROWS + 1)
        items = found[:PAGE_ROWS]
        replies = await list_replies(connection, [item.item_id for item in items])
        counts = await count_open(connection)
    at = clock.now()
    has_more = len(found) > PAGE_ROWS
    context = {
        "as_of": at,
        "items": items,
        "replies": {
            item.item_id: [reply for reply in replies if reply.item_id == item.item_id] for item in items
        },
        "counts": counts,
        "kind_names": {**{name: name.replace("_", " ").capitalize() for name in counts}, **KIND_NAMES},
        "state": state,
        "kind": kind,
        "next_id": items[-1].item_id if has_more else "",
        "kinds": {"promotional": "given (promotional)", "commit": "to be paid (commit)"},
        "days_max": DAYS_MAX,
        "days_default": DAYS_DEFAULT,
        "reason_chars_max": REASON_CHARS_MAX,
        "message_chars_max": MESSAGE_CHARS_MAX,
        "has_mail": visit.deps.has_mail,
    }
    data = {
        "type": "inbox_item_list",
        "as_of": at.isoformat(),
        "open": counts,
        "data": [render_item(item) for item in items],
        "replies": [render_reply(reply) for reply in replies],
        "has_more": has_more,
    }
    return View("operating/inbox.html", context, data)


async def export_inbox(visit: Visit) -> Sheet:
    """Every item that the page would list, newest first, EXPORTED_MAX at most."""
    visit.require_operator()
    _, _, wanted = _read_filter(visit)
    async with visit.deps.pool.connection() as connection:
        rows = [
            (
                item.item_id,
                item.kind,
                item.state,
                item.created_at.isoformat(),
                item.times,
                None if item.last_at is None else item.last_at.isoformat(),
                item.name,
                item.email,
                item.company,
                item.subject,
                item.message,
                json.dumps(item.details, sort_keys=True),
                None if item.decided_at is None else item.decided_at.isoformat(),
                item.decided_by,
                item.reason,
            )
            async for item in _read_items(connection, wanted)
        ]
    return Sheet("inbox.csv", COLUMNS, rows)


async def approve(visit: Visit, form: Mapping[str, str]) -> str:
    """Grant the credit that the form says, in the operator's name."""
    visit.require_operator()
    kind = form.get("kind", "")
    if kind not in KINDS:
        raise InvalidFormError("it has a choice that the page does not offer")
    given = Grant(
        kind=LotKind(kind),
        amount_nano=parse_usd(form.get("amount", "").strip().removeprefix("$")),
        reason=form.get("reason", "").strip(),
        days=parse_days(form.get("days", "")),
    )
    organization_id = _parse_organization(form.get("organization_id", ""))
    async with visit.deps.pool.connection() as connection:
        await approve_item(
            connection, _item_id(visit), organization_id=organization_id, given=given, by=operator(visit)
        )
    return PLACE


async def decline(visit: Visit, form: Mapping[str, str]) -> str:
    """Keep the request as declined, in the operator's name."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        reason = form.get("reason", "").strip()
        await decline_item(connection, _item_id(visit), reason=reason, by=operator(visit))
    return PLACE


async def close(visit: Visit, form: Mapping[str, str]) -> str:
    """Be done with an item, in the operator's name."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        reason = form.get("reason", "").strip()
        await close_item(connection, _item_id(visit), reason=reason, by=operator(visit))
    return PLACE


async def reply(visit: Visit, form: Mapping[str, str]) -> str:
    """Answer whoever wrote, by mail; with ``is_done`` the item is closed as well."""
    visit.require_operator()
    item_id, by = _item_id(visit), operator(visit)
    async with visit.deps.pool.connection() as connection, connection.transaction():
        item = await reply_to_item(
            connection, item_id, text=form.get("text", ""), by=by, has_mail=visit.deps.has_mail
        )
        if form.get("is_done") and item.state == "open":
            await close_item(connection, item_id, reason="answered", by=by)
    return PLACE


def operator(visit: Visit) -> Actor:
    """The operator who looks, for the audit log."""
    return Actor("operator", visit.session.email)


def parse_days(text: str) -> int:
    """A number of days of a form; InvalidFormError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(DAYS_MAX))):
        raise InvalidFormError(f"days is not a whole number from 1 to {DAYS_MAX}")
    return int(text)


def _read_filter(visit: Visit) -> tuple[str, str, ItemFilter]:
    """State and kind as the address names them, and what they come to."""
    state, kind = visit.find_filter("state") or "open", visit.find_filter("kind")
    if state not in STATES:
        raise InvalidFilterError("state", f"is {state!r}, not one of {', '.join(STATES)}")
    states = ("open",) if state == "open" else DECIDED
    return state, kind, ItemFilter(states, kind or None, visit.find_filter("before") or None)


async def _read_items(connection: Connection, wanted: ItemFilter) -> AsyncIterator[InboxItem]:
    count = 0
    while count < EXPORTED_MAX:
        items = await list_items(connection, wanted, limit=ITEMS_LISTED_MAX)
        for item in items:
            yield item
        if len(items) < ITEMS_LISTED_MAX:
            return
        count += len(items)
        wanted = ItemFilter(wanted.states, wanted.kind, items[-1].item_id)


def _item_id(visit: Visit) -> str:
    item_id: str = visit.request.path_params["item_id"]
    if not item_id.isprintable():
        raise ItemNotFoundError(ascii(item_id))
    return item_id


def _parse_organization(text: str) -> UUID | None:
    try:
        return UUID(text.strip()) if text.strip() else None
    except ValueError:
        raise InvalidFormError("the organization is not an id of one") from None
