"""Tickets: what is written to support; and the number of it back by mail to whoever wrote, to sales too."""

from dataclasses import dataclass

from jeton import clock
from jeton.db.pool import Connection
from jeton.notifications.catalogue.inbox import InboxReplied
from jeton.notifications.events import Event, emit
from jeton.notifications.inbox.errors import ItemTextError
from jeton.notifications.inbox.items import NAME_CHARS_MAX, WantedItem, open_item

KIND = "contact_support"
TOPICS = ("A charge or a receipt", "An error of the API", "Keys and signing in", "Limits and budgets", "Else")
REQUEST_ID_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class Ticket:
    """What somebody asks; ``organization_id`` is theirs where they are signed in, else ""."""

    email: str
    name: str
    topic: str
    message: str
    organization: str = ""
    request_id: str = ""
    organization_id: str = ""


async def open_ticket(connection: Connection, ticket: Ticket) -> str:
    """Put it into the inbox, tell the operator, and send the number to whoever wrote; return the number.

    Raises ItemTextError, InvalidEmailError, and OverloadedError when the inbox is full.
    """
    if ticket.topic not in TOPICS:
        raise ItemTextError("topic", NAME_CHARS_MAX)
    request_id = ticket.request_id.strip()
    if len(request_id) > REQUEST_ID_CHARS_MAX or not request_id.isprintable():
        raise ItemTextError("request id", REQUEST_ID_CHARS_MAX)
    if not ticket.name.strip():
        raise ItemTextError("name", NAME_CHARS_MAX)
    details = {"request_id": request_id, "organization_id": ticket.organization_id}
    wanted = WantedItem(
        KIND,
        ticket.message,
        email=ticket.email,
        name=ticket.name,
        company=ticket.organization,
        subject=ticket.topic,
        details={name: value for name, value in details.items() if value},
        is_told=True,
    )
    async with connection.transaction():
        item_id = await open_item(connection, wanted)
        await tell_number(connection, item_id, to="support", email=ticket.email)
    return item_id


async def tell_number(connection: Connection, item_id: str, *, to: str, email: str) -> None:
    """Send the number of what somebody wrote ``to`` sales or support back to them, once.

    Nothing of what was written is in it: nobody has checked that the address is theirs.
    """
    text = f"Your message to {to} has arrived; its number is {item_id}. The answer comes to this address."
    told = InboxReplied(item_id=item_id, about=f"your message to {to}", text=text, replied_by=to)
    await emit(connection, Event(told, None, f"inbox_ticket:{item_id}", clock.now(), (email.strip(),)))
