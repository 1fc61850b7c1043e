"""Document: one of them whole, by workspace, with its taxes, payments, corrections and dunning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jeton import clock
from jeton.billing.invoicing.documents.mailed import Mailed, list_mailed
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.paper.judged.storage import EInvoice, list_e_invoices, render_e_invoice
from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.paper.wording import (
    CATEGORY_REASONS,
    TITLES,
    describe_line,
    describe_party,
    display_percent,
    display_period,
    display_price,
    is_counted,
)
from jeton.billing.payments.saving import list_cards
from jeton.billing.payments.storage import list_attempts
from jeton.billing.payments.words import Payment
from jeton.billing.receivables.dunning.plan import Plan, read_plan, render_plan
from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.billing.receivables.storage import get_received_payment, list_of_document
from jeton.billing.receivables.words import Application, ReceivedPayment
from jeton.billing.rendering.documents import render_document, render_head
from jeton.billing.words import Document, Line
from jeton.console.errors import InvalidFilterError
from jeton.console.routes.billing.buying import ON_PAGE
from jeton.console.routes.billing.desk import office_of, our_id, read_id
from jeton.console.routes.billing.payments import STATE_NAMES as PAYMENT_STATES
from jeton.console.routes.invoices.listing import PLACE, find_drafts
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.roles.permissions import Permission

LINES_SHOWN = 100
REASON_CHARS_MAX = 2_000
STEP_NAMES = {"mail": "reminded by mail", "soft_limit": "limited", "stop": "stopped"}


@dataclass(frozen=True, slots=True)
class Paid:
    """What of a payment is on a document, and the payment."""

    application: Application
    payment: ReceivedPayment


@dataclass(frozen=True, slots=True)
class Around:
    """What stands beside a document: what was paid and tried, corrections, dunning, mails, its XML judged."""

    paid: tuple[Paid, ...]
    attempts: tuple[Payment, ...]
    corrections: tuple[Document, ...]
    plan: Plan
    mailed: tuple[Mailed, ...] = ()
    judged: EInvoice | None = None


async def show_document(visit: Visit) -> View:
    """An issued document of the organization."""
    visit.require(Permission.SEE_BILLING)
    async with visit.deps.pool.connection() as connection:
        document = await get_document(
            connection, read_id(visit, "document_id"), organization_id=our_id(visit)
        )
        office, at = office_of(visit), clock.now()
        around = await read_around(connection, document, office.dunning, at=at)
        cards = await list_cards(connection, our_id(visit))
    may_act = visit.may(Permission.MANAGE_BILLING)
    context = {
        **describe_document(visit, document, at),
        **describe_around(around, at),
        "cards": cards,
        "on_page": ON_PAGE,
        "has_cards": office.has_cards,
        "may_pay": may_act and document.due_minor > 0,
        "may_ask": may_act and document.kind != "credit_note" and document.state != "void",
        "is_asked": bool(visit.find_filter("asked")),
        "reason_chars_max": REASON_CHARS_MAX,
    }
    return View("invoices/document.html", context, render_whole(document, around, at))


async def show_draft(visit: Visit) -> View:
    """What the period that runs comes to so far, as the document that it would be now."""
    visit.require(Permission.SEE_BILLING)
    at = clock.now()
    async with visit.deps.pool.connection() as connection:
        drafts, problem = await find_drafts(visit, connection)
    if not drafts:
        context = {"as_of": at, "problem": problem}
        return View("invoices/no_draft.html", context, {"as_of": at.isoformat(), "drafts": []})
    context = {
        **describe_document(visit, drafts[0], at),
        **describe_around(Around((), (), (), Plan()), at),
        "others": drafts[1:],
    }
    return View(
        "invoices/document.html",
        context,
        {"as_of": at.isoformat(), "drafts": [render_document(one) for one in drafts]},
    )


async def read_around(
    connection: Connection, document: Document, terms: DunningTerms, *, at: datetime
) -> Around:
    """Everything beside a document, as it is now."""
    applications = await list_of_document(connection, document.document_id)
    paid = [Paid(one, await get_received_payment(connection, one.payment_id)) for one in applications]
    corrections = await list_documents(connection, DocumentFilter(corrects=document.document_id))
    plan = await read_plan(connection, document.document_id, terms, at=at)
    attempts = await list_attempts(connection, "document", document.document_id)
    mailed = await list_mailed(connection, document.document_id)
    judged = await list_e_invoices(connection, [document.document_id])
    return Around(tuple(paid), attempts, corrections, plan, mailed, judged.get(document.document_id))


def describe_document(visit: Visit, document: Document, at: datetime) -> dict[str, object]:
    """What a template says of a document, with those of its lines that the address wants."""
    first = read_first(visit)
    lines = document.lines[first : first + LINES_SHOWN]
    if first and not lines:
        raise InvalidFilterError("after", f"is {first}; the document has {len(document.lines)} lines")
    return {
        "as_of": at,
        "document": document,
        "title": TITLES[document.kind],
        "period": display_period(document),
        "seller": describe_party(document.seller),
        "buyer": describe_party(document.buyer),
        "groups": group_lines(lines),
        "first": first,
        "lines_shown": len(lines),
        "next_after": first + LINES_SHOWN if first + LINES_SHOWN < len(document.lines) else 0,
        "describe": describe_line,
        "price": lambda line: display_price(document, line),
        "is_counted": is_counted,
        "percent_of": display_percent,
        "category_reasons": CATEGORY_REASONS,
        "others": [],
        "place": f"{PLACE}/{document.document_id or 'draft'}",
        "is_issued": document.state != "draft",
        "e_invoice_obstacle": find_obstacle(document),
        "may_pay": False,
        "may_ask": False,
        "is_asked": False,
        "has_cards": False,
        "cards": (),
        "on_page": ON_PAGE,
    }


def describe_around(around: Around, at: datetime) -> dict[str, object]:
    """What a template says beside a document."""
    return {
        "around": around,
        "is_paused": around.plan.debt is not None and around.plan.debt.is_paused(at),
        "step_names": STEP_NAMES,
        "payment_states": PAYMENT_STATES,
    }


def render_whole(document: Document, around: Around, at: datetime) -> dict[str, object]:
    """The twin of a document's page."""
    return {
        **render_document(document),
        "as_of": at.isoformat(),
        "payments": [
            {
                "payment_id": one.payment.payment_id,
                "method": one.payment.method,
                "received_on": one.payment.received_on.isoformat(),
                "amount_minor": one.application.amount_minor,
            }
            for one in around.paid
        ],
        "corrections": [render_head(one) for one in around.corrections],
        "e_invoice": render_e_invoice(find_obstacle(document), around.judged),
        "mailed": [
            {
                "email": one.email,
                "delivered_at": None if one.delivered_at is None else one.delivered_at.isoformat(),
                "gave_up_at": None if one.gave_up_at is None else one.gave_up_at.isoformat(),
            }
            for one in around.mailed
        ],
        "dunning": render_plan(around.plan),
    }


def group_lines(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    """Lines under the name of their workspace, in the order in which they stand."""
    groups: list[tuple[str, list[Line]]] = []
    for line in lines:
        name = line.workspace_name or line.workspace_id
        if not groups or groups[-1][0] != name:
            groups.append((name, []))
        groups[-1][1].append(line)
    return groups


def read_first(visit: Visit) -> int:
    """How many lines come before those that are wanted; InvalidFilterError."""
    text = visit.find_filter("after")
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= len("100000")):
        raise InvalidFilterError("after", f"is {text!r}, not a number of lines")
    return int(text)
