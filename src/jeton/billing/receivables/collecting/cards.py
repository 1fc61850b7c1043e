"""Cards: a document is paid by a saved card, by its organization or by the schedule of dunning.

The provider is only asked outside every transaction; what it says is booked by ``book_card_payment``, in the
transaction that ends the payment, whoever brings the news.
"""

from collections.abc import Mapping
from datetime import datetime

from jeton.billing.payments.errors import NoCardError, PaymentOpenError
from jeton.billing.payments.opening import open_payment
from jeton.billing.payments.sending import send_payment
from jeton.billing.payments.till import Till
from jeton.billing.payments.words import Payment, PaymentOrder
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.dunning.debts import list_late
from jeton.billing.receivables.dunning.deciding import decide_card
from jeton.billing.receivables.dunning.words import CardAttempt, Debt, DunningTerms
from jeton.billing.receivables.errors import ApplicationError
from jeton.billing.receivables.recording import record_payment
from jeton.billing.receivables.storage import find_open_document
from jeton.billing.receivables.words import Receipt, Share
from jeton.db.pool import Connection
from jeton.identity.audit import SYSTEM

PAGE = 500
# A second payment of one document by card (what paid it was taken off again) is a subject of its own.
_AGAIN = ":"
_MONTHS = 12

_FIND_CARD = """
    SELECT payment_method_id FROM payment_methods
    WHERE organization_id = %s AND is_default AND removed_at IS NULL
        AND expires_year * 12 + expires_month >= %s
"""
# All of the card in the last month, what it said no to for good at any time, and all at the document.
_ATTEMPTS = """
    SELECT coalesce(payment_method_id, ''), split_part(subject_id, ':', 1) AS document_id, started_at,
           settled_at IS NULL, state = 'succeeded', is_hard_decline
    FROM payments
    WHERE (purpose = 'document' AND split_part(subject_id, ':', 1) = %(document_id)s)
        OR (payment_method_id = %(card_id)s
            AND (is_hard_decline OR started_at > %(at)s::timestamptz - interval '31 days'))
"""
_PAID_BEFORE = """
    SELECT count(*) FROM payments
    WHERE purpose = 'document' AND state = 'succeeded' AND split_part(subject_id, ':', 1) = %s
"""


async def try_cards(till: Till, terms: DunningTerms, at: datetime) -> Mapping[str, int]:
    """Try the saved card of every debt whose day has come; how many were tried, and how many paid.

    What was tried stands in ``payments``, so a worker that dies repeats nothing.
    """
    counts = {"tried": 0, "paid": 0}
    if not till.door.is_there:
        return counts
    last: Debt | None = None
    while True:
        async with till.pool.connection() as connection:
            late = await list_late(connection, at, after=last, limit=PAGE)
        for debt in late:
            payment = await try_card(till, debt, terms, at=at)
            if payment is not None:
                counts["tried"] += 1
                counts["paid"] += payment.state == "succeeded"
        if len(late) < PAGE:
            return counts
        last = late[-1]


async def try_card(till: Till, debt: Debt, terms: DunningTerms, *, at: datetime) -> Payment | None:
    """Try the saved card of one debt if its day has come; None where it was not tried."""
    async with till.pool.connection() as connection:
        card_id = await _find_card(connection, debt, at=at)
        attempts = await _list_attempts(connection, debt.document_id, card_id, at=at)
        if not decide_card(debt, card_id, attempts=attempts, terms=terms, at=at):
            return None
        order = await order_document(connection, debt.document_id, started_by=SYSTEM.name)
        try:
            payment = await open_payment(connection, order, at=at)
        except (PaymentOpenError, NoCardError):
            # Somebody else was faster, or the card was removed just now.
            return None
    return await send_payment(till, payment.payment_id, at=at)


async def order_document(
    connection: Connection,
    document_id: str,
    *,
    started_by: str,
    is_off_session: bool = True,
    payment_method_id: str = "",
) -> PaymentOrder:
    """The order to take what is due on a document now from its organization's card, the default one for "".

    Raises UnknownDocumentError, and ApplicationError where nothing is due.
    """
    document = await find_open_document(connection, document_id)
    if document.due_minor <= 0 or document.kind == "credit_note":
        raise ApplicationError(f"Nothing is due on {document.number}.")
    row = await (await connection.execute(_PAID_BEFORE, (document_id,))).fetchone()
    before = 0 if row is None else int(row[0])
    return PaymentOrder(
        organization_id=document.organization_id,
        purpose="document",
        subject_id=f"{document_id}{_AGAIN}{before + 1}" if before else document_id,
        currency=document.currency,
        net_minor=document.due_minor,
        net_nano=document.due_nano,
        is_off_session=is_off_session,
        payment_method_id=payment_method_id,
        started_by=started_by,
    )


async def book_card_payment(connection: Connection, payment: Payment, at: datetime) -> None:
    """Book the money that a card paid for a document: the hook ``settled["document"]`` of payments.

    What is no longer due by then (a transfer was faster) is credit of the organization.
    """
    document = await find_open_document(connection, payment.subject_id.partition(_AGAIN)[0])
    amount_minor = min(payment.amount_minor, max(0, document.due_minor))
    shares = [Share(document.document_id, amount_minor)] if amount_minor else []
    receipt = Receipt(
        organization_id=payment.organization_id,
        method="card",
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        received_on=at.date(),
        reason=f"card, for {document.number}",
        external_id=payment.payment_id,
        reference=payment.provider_payment_id or "",
    )
    await record_payment(connection, receipt, shares, Act(SYSTEM, at, "by card"))


async def _find_card(connection: Connection, debt: Debt, *, at: datetime) -> str:
    month = at.year * _MONTHS + at.month
    row = await (await connection.execute(_FIND_CARD, (debt.organization_id, month))).fetchone()
    return "" if row is None else str(row[0])


async def _list_attempts(
    connection: Connection, document_id: str, card_id: str, *, at: datetime
) -> list[CardAttempt]:
    cursor = await connection.execute(_ATTEMPTS, {"document_id": document_id, "card_id": card_id, "at": at})
    return [
        CardAttempt(
            payment_method_id=card,
            document_id=document,
            started_at=started_at,
            is_open=is_open,
            is_paid=is_paid,
            is_hard_decline=is_hard,
        )
        async for card, document, started_at, is_open, is_paid, is_hard in cursor
    ]
