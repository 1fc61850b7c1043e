"""Listing: an organization's documents by state, with what this period comes to so far and what is due."""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.invoicing.documents.reading import DocumentFilter, list_documents
from jeton.billing.invoicing.drafting.planning import draft_period
from jeton.billing.invoicing.errors import MissingRateError
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.paper.judged.storage import list_e_invoices, render_e_invoice
from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.paper.wording import display_period
from jeton.billing.receivables.storage import list_open_documents
from jeton.billing.rendering.documents import render_head
from jeton.billing.words import Document, DocumentKind, DocumentState
from jeton.console.errors import InvalidFilterError
from jeton.console.routes.billing.desk import office_of, our_id
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.roles.permissions import Permission

PLACE = "/console/invoices"
PAGE_ROWS = 25
STATES: Mapping[str, tuple[DocumentState, ...]] = {
    "": (),
    "open": ("issued", "overdue"),
    "overdue": ("overdue",),
    "paid": ("paid",),
    "void": ("void",),
    "written_off": ("written_off",),
}
STATE_NAMES = {
    "": "every one",
    "open": "to be paid",
    "overdue": "overdue",
    "paid": "paid",
    "void": "cancelled",
    "written_off": "written off",
}
KINDS: Mapping[str, tuple[DocumentKind, ...]] = {
    "": (),
    "invoice": ("invoice",),
    "receipt": ("receipt",),
    "credit_note": ("credit_note",),
}
KIND_NAMES = {"": "every kind", "invoice": "invoices", "receipt": "receipts", "credit_note": "credit notes"}


async def show_invoices(visit: Visit) -> View:
    """A page of documents, newest first, by ``state`` and ``kind``; the draft of the period that runs."""
    visit.require(Permission.SEE_BILLING)
    chosen, state, kind = read_filter(visit)
    chosen = DocumentFilter(our_id(visit), chosen.kinds, chosen.states)
    before, at = visit.find_filter("before"), clock.now()
    async with visit.deps.pool.connection() as connection:
        found = await list_documents(connection, chosen, limit=PAGE_ROWS + 1, before=before or None)
        due = await list_open_documents(connection, our_id(visit))
        profile = await get_profile(connection, our_id(visit))
        drafts, problem = await find_drafts(visit, connection)
        judged = await list_e_invoices(connection, [one.document_id for one in found])
    shown = found[:PAGE_ROWS]
    obstacles = {one.document_id: find_obstacle(one, is_head=True) for one in shown}
    next_id = shown[-1].document_id if len(found) > PAGE_ROWS else ""
    context = {
        "as_of": at,
        "documents": shown,
        "obstacles": obstacles,
        "judged": judged,
        "due": [one for one in due if one.due_minor > 0],
        "profile": profile,
        "drafts": drafts,
        "period": display_period(drafts[0]) if drafts else "",
        "draft_problem": problem,
        "state": state,
        "kind": kind,
        "states": STATE_NAMES,
        "kinds": KIND_NAMES,
        "before": before,
        "next_id": next_id,
        "may_change": visit.may(Permission.MANAGE_BILLING),
    }
    data = {
        "type": "document_list",
        "as_of": at.isoformat(),
        "drafts": [render_head(one) for one in drafts],
        "draft_problem": problem or None,
        "data": [
            {
                **render_head(one),
                "e_invoice": render_e_invoice(obstacles[one.document_id], judged.get(one.document_id)),
            }
            for one in shown
        ],
        "has_more": bool(next_id),
        "next_id": next_id or None,
    }
    return View("invoices/list.html", context, data)


def read_filter(visit: Visit) -> tuple[DocumentFilter, str, str]:
    """What the address chooses of states and kinds, with their names; InvalidFilterError."""
    state, kind = visit.find_filter("state"), visit.find_filter("kind")
    if state not in STATES:
        raise InvalidFilterError("state", f"is {state!r}, not one of {', '.join(filter(None, STATES))}")
    if kind not in KINDS:
        raise InvalidFilterError("kind", f"is {kind!r}, not one of {', '.join(filter(None, KINDS))}")
    return DocumentFilter(None, KINDS[kind], STATES[state]), state, kind


async def find_drafts(visit: Visit, connection: Connection) -> tuple[list[Document], str]:
    """What the period that runs comes to so far, or the sentence why that cannot be said."""
    try:
        drafts = await draft_period(connection, our_id(visit), rules=office_of(visit).rules, at=clock.now())
    except MissingRateError as error:
        return [], str(error)
    return drafts, ""
