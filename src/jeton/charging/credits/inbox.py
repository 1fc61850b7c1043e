"""Inbox: the operator's word on who asks for an extended trial, each given once.

Approving grants a lot; declining keeps the request with the reason.
"""

from dataclasses import dataclass
from uuid import UUID

from jeton.charging.credits.errors import SalesRequestError
from jeton.charging.credits.granting import REASON_CHARS_MAX, Grant, grant
from jeton.charging.errors import GrantError
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.identity.names import parse_email
from jeton.ledger.chart import LotKind
from jeton.notifications.inbox import items
from jeton.notifications.inbox.errors import ItemNotFoundError
from jeton.notifications.inbox.items import MESSAGE_CHARS_MAX, NAME_CHARS_MAX, Verdict, WantedItem
from jeton.notifications.inbox.tickets import tell_number

# What is written to sales; only that is approved or declined.
KIND = "contact_sales"

# What an extended trial may be.
KINDS = frozenset({LotKind.PROMOTIONAL, LotKind.COMMIT})


@dataclass(frozen=True, slots=True)
class SalesRequest:
    """What somebody wrote to the people who sell."""

    email: str
    name: str
    company: str
    message: str


async def open_item(connection: Connection, asked: SalesRequest) -> str:
    """Put a request into the inbox, tell the operator, and mail its id to whoever wrote; return the id.

    Raises SalesRequestError for a field that cannot be, InvalidEmailError, and OverloadedError when the
    inbox is full.
    """
    email, name = parse_email(asked.email), _parse_line("name", asked.name)
    company = _parse_line("company", asked.company, is_needed=False)
    message = asked.message.replace("\r\n", "\n").strip()
    if not 0 < len(message) <= MESSAGE_CHARS_MAX or "\x00" in message:
        raise SalesRequestError("message", MESSAGE_CHARS_MAX)
    wanted = WantedItem(KIND, message, email=email, name=name, company=company, is_told=True)
    async with connection.transaction():
        item_id = await items.open_item(connection, wanted)
        await tell_number(connection, item_id, to="sales", email=email)
    return item_id


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
        verdict = Verdict("approved", given.reason, to, lot_id)
        await items.decide_item(connection, item_id, verdict, by=by)
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
        await items.decide_item(connection, item_id, Verdict("declined", reason), by=by)
        await record_audit(connection, by, "inbox.declined", subject=item_id, details={"reason": reason})


async def _get_open(connection: Connection, item_id: str) -> items.InboxItem:
    """An open request to sales: an item of another kind is none."""
    item = await items.get_open_item(connection, item_id)
    if item.kind != KIND:
        raise ItemNotFoundError(item_id)
    return item


def _parse_line(name: str, text: str, *, is_needed: bool = True) -> str:
    line = text.strip()
    if len(line) > NAME_CHARS_MAX or not line.isprintable() or (is_needed and not line):
        raise SalesRequestError(name, NAME_CHARS_MAX)
    return line
