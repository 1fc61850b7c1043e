"""Inbox: what people ask of the operator, and the operator's word on it."""

from collections.abc import Mapping
from uuid import UUID

from jeton import clock
from jeton.charging.credits.errors import ItemNotFoundError
from jeton.charging.credits.granting import DAYS_MAX, REASON_CHARS_MAX, Grant
from jeton.charging.credits.inbox import KINDS, approve_item, decline_item, list_items, render_item
from jeton.console.errors import InvalidFormError
from jeton.console.visit import View, Visit
from jeton.identity.audit import Actor
from jeton.ledger.chart import LotKind
from jeton.money import parse_usd

DAYS_DEFAULT = 60


async def show_inbox(visit: Visit) -> View:
    """What waits first, then what was decided, newest first; for the operator."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        items = await list_items(connection)
    at = clock.now()
    context = {
        "as_of": at,
        "waiting": [item for item in items if item.state == "open"],
        "decided": [item for item in items if item.state != "open"],
        "kinds": {"promotional": "given (promotional)", "commit": "to be paid (commit)"},
        "days_max": DAYS_MAX,
        "days_default": DAYS_DEFAULT,
        "reason_chars_max": REASON_CHARS_MAX,
    }
    data = {
        "type": "inbox_item_list",
        "as_of": at.isoformat(),
        "data": [render_item(item) for item in items],
    }
    return View("operating/inbox.html", context, data)


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
        days=_parse_days(form.get("days", "")),
    )
    organization_id = _parse_organization(form.get("organization_id", ""))
    async with visit.deps.pool.connection() as connection:
        await approve_item(
            connection, _item_id(visit), organization_id=organization_id, given=given, by=_actor(visit)
        )
    return "/console/inbox"


async def decline(visit: Visit, form: Mapping[str, str]) -> str:
    """Keep the request as declined, in the operator's name."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        reason = form.get("reason", "").strip()
        await decline_item(connection, _item_id(visit), reason=reason, by=_actor(visit))
    return "/console/inbox"


def _actor(visit: Visit) -> Actor:
    return Actor("operator", visit.session.email)


def _item_id(visit: Visit) -> str:
    item_id: str = visit.request.path_params["item_id"]
    if not item_id.isprintable():
        raise ItemNotFoundError(ascii(item_id))
    return item_id


def _parse_days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(DAYS_MAX))):
        raise InvalidFormError(f"days is not a whole number from 1 to {DAYS_MAX}")
    return int(text)


def _parse_organization(text: str) -> UUID | None:
    try:
        return UUID(text.strip()) if text.strip() else None
    except ValueError:
        raise InvalidFormError("the organization is not an id of one") from None
