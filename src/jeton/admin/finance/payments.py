"""Payments on documents: recorded by hand, put on documents, taken back, and read from a bank's statement."""

from collections.abc import Awaitable, Callable
from datetime import date

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidBodyError
from jeton.admin.finance.documents import read_organization_id
from jeton.admin.finance.months import ReasonOnly
from jeton.admin.money.payments import LIMIT_DEFAULT, LIMIT_MAX, office_of
from jeton.admin.resource import Call, Resource, render_list
from jeton.billing.currencies import parse_minor
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.receivables.applying import Act, apply_payment, unapply
from jeton.billing.receivables.listing import PaymentFilter, list_received, render_payment
from jeton.billing.receivables.recording import pay_back, record_payment, void_payment
from jeton.billing.receivables.statements.importing import StatementFile, import_statement
from jeton.billing.receivables.statements.words import STATEMENT_BYTES_MAX
from jeton.billing.receivables.storage import find_open_document, get_received_payment
from jeton.billing.receivables.words import METHODS_BY_HAND, Method, Receipt, ReceivedPayment, Share
from jeton.db.pool import Connection

PLACE = "/v1/operator/received_payments"
NAME_DEFAULT = "statement"


class RecordPayment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that records money; on a document where one is named, else on what is due longest."""

    amount: str
    currency: str
    received_on: date
    reason: str
    method: Method = "bank_transfer"
    external_id: str = ""
    payer: str = ""
    reference: str = ""
    document: str = ""


class ApplyPayment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that puts what is left of a payment on a document: so much, or as much as is due."""

    document: str
    reason: str
    amount: str | None = None


class PayBack(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that notes that money was paid back at the bank."""

    amount: str
    reason: str


class UnapplyPayment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that takes a part of a payment off its document."""

    application_id: str
    reason: str


def received_payment_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The operator's routes of payments on documents, and of bank statements."""
    record = {"POST": _record}
    take = Resource(deps, {"POST": _take_statement}, body_bytes_max=STATEMENT_BYTES_MAX)
    return [
        Route(PLACE, Resource(deps, {"GET": _list})),
        Route("/v1/operator/organizations/{organization_id}/received_payments", Resource(deps, record)),
        Route(f"{PLACE}/{{payment_id}}/applications", Resource(deps, {"POST": _apply})),
        Route(f"{PLACE}/{{payment_id}}/unapply", Resource(deps, {"POST": _unapply})),
        Route(f"{PLACE}/{{payment_id}}/void", Resource(deps, {"POST": _void})),
        Route(f"{PLACE}/{{payment_id}}/pay_back", Resource(deps, {"POST": _pay_back})),
        Route("/v1/operator/bank_statements", take),
    ]


async def _list(call: Call) -> dict[str, object]:
    call.require_operator()
    limit = call.find_count("limit", default=LIMIT_DEFAULT, count_max=LIMIT_MAX)
    chosen = PaymentFilter(only_left=call.find_text("only_left") == "true", before=call.find_text("after_id"))
    async with call.connect() as connection:
        found = await list_received(connection, chosen, limit=limit + 1)
    return render_list([render_payment(one) for one in found[:limit]], has_more=len(found) > limit)


async def _record(call: Call) -> dict[str, object]:
    by, organization_id = call.require_operator(), read_organization_id(call)
    body, at = call.read_body(RecordPayment), clock.now()
    if body.method not in METHODS_BY_HAND:
        raise InvalidBodyError(f"method is one of {', '.join(METHODS_BY_HAND)}")
    amount_minor = parse_minor(body.amount, body.currency)
    async with call.connect(organization_id) as connection, connection.transaction():
        shares = None
        if body.document:
            found = await get_document(connection, body.document, organization_id=organization_id)
            document = await find_open_document(connection, found.document_id)
            share = Share(document.document_id, min(amount_minor, max(document.due_minor, 0)))
            shares = [share] if share.amount_minor else []
        receipt = Receipt(
            organization_id=organization_id,
            method=body.method,
            currency=body.currency,
            amount_minor=amount_minor,
            received_on=body.received_on,
            reason=body.reason,
            external_id=body.external_id,
            payer=body.payer,
            reference=body.reference,
        )
        recorded = await record_payment(connection, receipt, shares, Act(by, at, body.reason))
        return await _describe(connection, recorded.payment.payment_id)


async def _apply(call: Call) -> dict[str, object]:
    body = call.read_body(ApplyPayment)

    async def act(connection: Connection, payment: ReceivedPayment, act: Act) -> None:
        found = await get_document(connection, body.document, organization_id=payment.organization_id)
        document = await find_open_document(connection, found.document_id)
        amount_minor = min(payment.unapplied_minor, max(document.due_minor, 0))
        if body.amount is not None:
            amount_minor = parse_minor(body.amount, payment.currency)
        await apply_payment(connection, payment.payment_id, [Share(document.document_id, amount_minor)], act)

    return await _do(call, body.reason, act)


async def _unapply(call: Call) -> dict[str, object]:
    body = call.read_body(UnapplyPayment)

    async def act(connection: Connection, payment: ReceivedPayment, act: Act) -> None:
        del payment
        await unapply(connection, body.application_id, act)

    return await _do(call, body.reason, act)


async def _void(call: Call) -> dict[str, object]:
    async def act(connection: Connection, payment: ReceivedPayment, act: Act) -> None:
        await void_payment(connection, payment.payment_id, act)

    return await _do(call, call.read_body(ReasonOnly).reason, act)


async def _pay_back(call: Call) -> dict[str, object]:
    body = call.read_body(PayBack)

    async def act(connection: Connection, payment: ReceivedPayment, act: Act) -> None:
        amount_minor = parse_minor(body.amount, payment.currency)
        await pay_back(connection, payment.payment_id, amount_minor, act)

    return await _do(call, body.reason, act)


async def _do(
    call: Call, reason: str, act: Callable[[Connection, ReceivedPayment, Act], Awaitable[None]]
) -> dict[str, object]:
    """Do something to the payment of the path, once under its key; the payment as it is then."""
    by, payment_id = call.require_operator(), str(call.request.path_params["payment_id"])
    async with call.deps.pool.connection() as connection:
        payment = await get_received_payment(connection, payment_id)
    async with call.connect(payment.organization_id) as connection, connection.transaction():
        await act(connection, payment, Act(by, clock.now(), reason))
        return await _describe(connection, payment_id)


async def _take_statement(call: Call) -> dict[str, object]:
    """The body is the file; the same file again changes nothing, so it needs no key."""
    by = call.require_operator()
    made = await import_statement(
        call.deps.pool,
        StatementFile(call.find_text("name") or NAME_DEFAULT, call.body),
        office_of(call).bank,
        by=by,
        at=clock.now(),
    )
    return {
        "type": "bank_statement",
        "id": made.statement_id,
        "lines": made.lines,
        "applied": made.applied,
        "waiting": made.waiting,
        "outgoing": made.outgoing,
        "known": made.known,
    }


async def _describe(connection: Connection, payment_id: str) -> dict[str, object]:
    (listed,) = await list_received(connection, PaymentFilter(payment_id=payment_id), limit=1)
    return render_payment(listed)
