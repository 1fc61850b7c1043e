"""Acting: a member pays a document by card, or asks for a correction of it, which goes to the inbox."""

from collections.abc import Mapping

from jeton import clock
from jeton.billing.currencies import render_minor
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.receivables.collecting.paying import pay_document
from jeton.billing.words import Document
from jeton.console.errors import InvalidFormError
from jeton.console.routes.billing.buying import ON_PAGE, PAYMENTS
from jeton.console.routes.billing.desk import member, office_of, our_id, read_id
from jeton.console.routes.invoices.document import REASON_CHARS_MAX
from jeton.console.routes.invoices.listing import PLACE
from jeton.console.visit import Visit
from jeton.identity.roles.permissions import Permission
from jeton.notifications.inbox.items import WantedItem, open_item

INBOX_KIND = "invoice_correction"


async def pay(visit: Visit, form: Mapping[str, str]) -> str:
    """Pay what is due on a document by card; the payment's page says what became of it."""
    visit.require(Permission.MANAGE_BILLING)
    document, way = await _find(visit), form.get("way", ON_PAGE)
    payment = await pay_document(
        office_of(visit).till,
        document.document_id,
        payment_method_id=None if way == ON_PAGE else way,
        by=member(visit),
        at=clock.now(),
    )
    return f"{PAYMENTS}/{payment.payment_id}"


async def ask_correction(visit: Visit, form: Mapping[str, str]) -> str:
    """Ask the operator to correct a document; one open request for each of them."""
    visit.require(Permission.MANAGE_BILLING)
    document, reason = await _find(visit), form.get("reason", "").strip()
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        raise InvalidFormError(f"say what is wrong, in 1 to {REASON_CHARS_MAX} characters")
    item = WantedItem(
        INBOX_KIND,
        reason,
        email=visit.session.email,
        company=visit.session.organization_name,
        subject=f"Correction of {document.number}",
        details={
            "organization_id": str(document.organization_id),
            "document_id": document.document_id,
            "number": document.number,
            "total": f"{document.currency} {render_minor(document.total_minor, document.currency)}",
        },
        dedup_key=document.document_id,
        is_told=True,
    )
    async with visit.deps.pool.connection() as connection:
        await open_item(connection, item)
    return f"{PLACE}/{document.document_id}?asked=yes"


async def _find(visit: Visit) -> Document:
    async with visit.deps.pool.connection() as connection:
        return await get_document(connection, read_id(visit, "document_id"), organization_id=our_id(visit))
