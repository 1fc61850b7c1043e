"""Documents of every organization: read, issued by hand, cancelled, made anew, credited, written off."""

from uuid import UUID

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidQueryError
from jeton.admin.finance.files import send_any_file, send_our_file
from jeton.admin.money.payments import LIMIT_DEFAULT, LIMIT_MAX, office_of
from jeton.admin.resource import Call, Resource, render_list
from jeton.billing.currencies import parse_minor
from jeton.billing.invoicing.correcting import Request
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.issuing.period import issue_period
from jeton.billing.paper.judged.storage import read_e_invoice
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.collecting.correcting import cancel_and_settle, credit_and_settle
from jeton.billing.receivables.dunning.plan import read_plan, render_plan
from jeton.billing.receivables.write_offs import GiveUp, write_off
from jeton.billing.rendering.documents import render_document, render_head
from jeton.billing.words import Document
from jeton.identity.errors import UnknownOrganizationError

PLACE = "/v1/operator/invoices"


class CorrectDocument(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that cancels a document; the reason stands on the credit note."""

    reason: str


class CreditDocument(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that credits a part of a document, before tax, in its currency."""

    amount: str
    reason: str


class WriteOffDocument(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that gives up what is due on a document: so much with tax, or all of it."""

    reason: str
    amount: str | None = None


def operator_document_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The operator's routes of documents, and files of them for their own organization too."""
    return [
        Route(PLACE, Resource(deps, {"GET": _list})),
        Route(f"{PLACE}/{{document_id}}", Resource(deps, {"GET": _get})),
        Route(f"{PLACE}/{{document_id}}/files/{{form}}", Resource(deps, {"GET": send_any_file})),
        Route(f"{PLACE}/{{document_id}}/void", Resource(deps, {"POST": _void})),
        Route(f"{PLACE}/{{document_id}}/reissue", Resource(deps, {"POST": _reissue})),
        Route(f"{PLACE}/{{document_id}}/credit_notes", Resource(deps, {"POST": _credit})),
        Route(f"{PLACE}/{{document_id}}/write_offs", Resource(deps, {"POST": _write_off})),
        Route("/v1/operator/organizations/{organization_id}/invoices", Resource(deps, {"POST": _issue})),
        Route(
            "/v1/organizations/invoices/{document_id}/files/{form}", Resource(deps, {"GET": send_our_file})
        ),
    ]


async def _list(call: Call) -> dict[str, object]:
    call.require_operator()
    limit = call.find_count("limit", default=LIMIT_DEFAULT, count_max=LIMIT_MAX)
    chosen = DocumentFilter(_find_organization(call))
    async with call.connect() as connection:
        found = await list_documents(
            connection, chosen, limit=limit + 1, before=call.find_text("after_id") or None
        )
    return render_list([render_head(one) for one in found[:limit]], has_more=len(found) > limit)


async def _get(call: Call) -> dict[str, object]:
    call.require_operator()
    document = await find_document(call)
    async with call.connect() as connection:
        plan = await read_plan(connection, document.document_id, office_of(call).dunning, at=clock.now())
        e_invoice = await read_e_invoice(connection, document)
    return {**render_document(document), "dunning": render_plan(plan), "e_invoice": e_invoice}


async def _issue(call: Call) -> dict[str, object]:
    by, organization_id = call.require_operator(), read_organization_id(call)
    rules = office_of(call).rules
    async with call.connect(organization_id) as connection, connection.transaction():
        made = await issue_period(connection, organization_id, rules=rules, at=clock.now(), by=by)
    return render_list([render_head(one) for one in made], has_more=False)


async def _void(call: Call) -> dict[str, object]:
    return await _cancel(call, is_reissue=False)


async def _reissue(call: Call) -> dict[str, object]:
    return await _cancel(call, is_reissue=True)


async def _cancel(call: Call, *, is_reissue: bool) -> dict[str, object]:
    call.require_operator()
    document = await find_document(call)
    request = _request(call, call.read_body(CorrectDocument).reason)
    async with call.connect(document.organization_id) as connection, connection.transaction():
        made = await cancel_and_settle(connection, document.document_id, request, is_reissue=is_reissue)
    return {
        "type": "correction",
        "credit_note": render_head(made.credit_note),
        "documents": [render_head(one) for one in made.documents],
    }


async def _credit(call: Call) -> dict[str, object]:
    call.require_operator()
    document, body = await find_document(call), call.read_body(CreditDocument)
    request = _request(call, body.reason)
    amount_minor = parse_minor(body.amount, document.currency)
    async with call.connect(document.organization_id) as connection, connection.transaction():
        made = await credit_and_settle(connection, document.document_id, amount_minor, request)
    return {"type": "correction", "credit_note": render_head(made.credit_note), "documents": []}


async def _write_off(call: Call) -> dict[str, object]:
    by = call.require_operator()
    document, body = await find_document(call), call.read_body(WriteOffDocument)
    amount_minor = None if body.amount is None else parse_minor(body.amount, document.currency)
    async with call.connect(document.organization_id) as connection, connection.transaction():
        asked = GiveUp(document.document_id, amount_minor)
        await write_off(connection, asked, Act(by, clock.now(), body.reason))
        return render_head(await get_document(connection, document.document_id))


async def find_document(call: Call) -> Document:
    """The document of the path, by its id or its number; UnknownDocumentError."""
    async with call.deps.pool.connection() as connection:
        return await get_document(connection, str(call.request.path_params["document_id"]))


def read_organization_id(call: Call) -> UUID:
    """The organization of the path; UnknownOrganizationError for what is no id of one."""
    text = str(call.request.path_params["organization_id"])
    try:
        return UUID(text)
    except ValueError:
        raise UnknownOrganizationError(text) from None


def _find_organization(call: Call) -> UUID | None:
    """The organization of the query, None for every one; InvalidQueryError."""
    text = call.find_text("organization_id")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidQueryError("organization_id", "must be the id of an organization") from None


def _request(call: Call, reason: str) -> Request:
    # The key of the request is kept around all of it, so it has none of its own.
    return Request(office_of(call).rules, call.require_operator(), reason, clock.now())
