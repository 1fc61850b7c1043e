"""Documents of every organization, and one of them with what the operator can do about it."""

from uuid import UUID

from jeton import clock
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.receivables.collecting.pausing import WAIT_DAYS_MAX
from jeton.billing.rendering.documents import render_head
from jeton.console.errors import InvalidFilterError
from jeton.console.routes.billing.desk import office_of, read_id
from jeton.console.routes.invoices.document import (
    describe_around,
    describe_document,
    read_around,
    render_whole,
)
from jeton.console.routes.invoices.listing import KIND_NAMES, STATE_NAMES, read_filter
from jeton.console.visit import View, Visit
from jeton.ids import new_id
from jeton.insight.operating.names import list_organization_names

PLACE = "/console/receivables"
PAGE_ROWS = 50
REASON_CHARS_MAX = 500


async def show_documents(visit: Visit) -> View:
    """A page of documents, newest first, by ``state``, ``kind`` and ``organization``."""
    visit.require_operator()
    chosen, state, kind = read_filter(visit)
    organization = visit.find_filter("organization")
    chosen = DocumentFilter(_parse(organization), chosen.kinds, chosen.states)
    before, at = visit.find_filter("before"), clock.now()
    async with visit.deps.pool.connection() as connection:
        found = await list_documents(connection, chosen, limit=PAGE_ROWS + 1, before=before or None)
        names = await list_organization_names(connection, {one.organization_id for one in found})
    shown = found[:PAGE_ROWS]
    next_id = shown[-1].document_id if len(found) > PAGE_ROWS else ""
    context = {
        "as_of": at,
        "documents": shown,
        "names": names,
        "state": state,
        "kind": kind,
        "organization": organization,
        "states": STATE_NAMES,
        "kinds": KIND_NAMES,
        "next_id": next_id,
        "before": before,
    }
    data = {
        "type": "document_list",
        "as_of": at.isoformat(),
        "data": [render_head(one) for one in shown],
        "has_more": bool(next_id),
        "next_id": next_id or None,
    }
    return View("finance/documents.html", context, data)


async def show_document(visit: Visit) -> View:
    """One document of anybody, with forms to cancel, credit, write off and wait."""
    visit.require_operator()
    at = clock.now()
    async with visit.deps.pool.connection() as connection:
        document = await get_document(connection, read_id(visit, "document_id"))
        around = await read_around(connection, document, office_of(visit).dunning, at=at)
        names = await list_organization_names(connection, {document.organization_id})
    can_correct = document.purpose == "period" and document.state != "void"
    context = {
        **describe_document(visit, document, at),
        **describe_around(around, at),
        "place": f"{PLACE}/documents/{document.document_id}",
        "organization_name": names.get(document.organization_id, str(document.organization_id)),
        "may_cancel": can_correct and not document.credited_minor and not document.written_off_minor,
        "may_credit": document.kind != "credit_note" and document.state != "void",
        "may_write_off": document.due_minor > 0,
        "idempotency_key": new_id("form"),
        "reason_chars_max": REASON_CHARS_MAX,
        "wait_days_max": WAIT_DAYS_MAX,
    }
    return View("finance/document.html", context, render_whole(document, around, at))


def _parse(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidFilterError("organization", f"is {text!r}, not the id of one") from None
