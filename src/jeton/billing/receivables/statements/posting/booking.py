"""Booking: lines that leave no doubt become payments on documents, many in one transaction.

Each is what ``record_payment`` makes of it; here what they need is read once for all, and written once.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from uuid import UUID

from jeton.billing.currencies import render_minor
from jeton.billing.invoicing.rates import LEDGER_CURRENCY
from jeton.billing.invoicing.rounding import scale, to_nano
from jeton.billing.receivables.applying import Act, book_share
from jeton.billing.receivables.dunning.standing import settle_standing
from jeton.billing.receivables.recording import book_receipt
from jeton.billing.receivables.statements.matching import Candidate
from jeton.billing.receivables.storage import (
    insert_rows,
    list_in_arrears,
    list_known,
    lock_documents,
    mark_all_paid,
)
from jeton.billing.receivables.telling import describe_received
from jeton.billing.receivables.words import Application, OpenDocument, Receipt, ReceivedPayment, Share
from jeton.charging.credits.books import Desk, open_desks
from jeton.db.pool import Connection
from jeton.identity.audit import Change, record_changes
from jeton.notifications.events import Event, emit_all


@dataclass(slots=True)
class Posting:
    """Books and documents that are locked, and what is to be written of payments on them."""

    act: Act
    desks: Mapping[UUID, Desk]
    documents: dict[str, OpenDocument]
    known: frozenset[str] = frozenset()
    changed: list[str] = field(default_factory=list)
    payments: list[ReceivedPayment] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def is_ready(self, receipt: Receipt, shares: Sequence[Share]) -> bool:
        """Whether this can be booked here: what is not locked, or was recorded before, is left to others."""
        return (
            bool(shares)
            and receipt.external_id not in self.known
            and receipt.organization_id in self.desks
            and all(share.document_id in self.documents for share in shares)
        )

    def book(self, receipt: Receipt, shares: Sequence[Share]) -> str:
        """Record money and put it on documents, at most what is due on each; the payment's id."""
        desk = self.desks[receipt.organization_id]
        payment = self._record(desk, receipt, self.documents[shares[0].document_id])
        applied = []
        for share in shares:
            payment, application = self._apply(desk, payment, share)
            applied.append(application)
        self.payments.append(payment)
        self.known |= {receipt.external_id}
        self.changed += [one.document_id for one in applied]
        self.applications += applied
        paid = [self.documents[one.document_id] for one in applied]
        data = describe_received(payment, paid)
        key = f"payment received {payment.payment_id}"
        self.events.append(Event(data, payment.organization_id, key, self.act.at))
        return payment.payment_id

    def _record(self, desk: Desk, receipt: Receipt, first: OpenDocument) -> ReceivedPayment:
        amount_nano = to_nano(receipt.amount_minor, scale(LEDGER_CURRENCY, Fraction(1)))
        if receipt.currency != LEDGER_CURRENCY:
            # At the rate of the document that it pays, so that this is cleared exactly.
            amount_nano = round(Fraction(receipt.amount_minor * first.due_nano, first.due_minor))
        return book_receipt(desk, receipt, amount_nano, act=self.act)

    def _apply(
        self, desk: Desk, payment: ReceivedPayment, share: Share
    ) -> tuple[ReceivedPayment, Application]:
        document, minor = self.documents[share.document_id], share.amount_minor
        application = book_share(desk, payment, (document, minor), act=self.act)
        self.documents[share.document_id] = replace(
            document,
            due_minor=document.due_minor - minor,
            due_nano=document.due_nano - application.amount_nano,
        )
        return replace(
            payment,
            unapplied_minor=payment.unapplied_minor - minor,
            unapplied_nano=payment.unapplied_nano - application.released_nano,
        ), application

    async def write(self, connection: Connection) -> None:
        """Write what was booked, once the books are written; in the caller's transaction."""
        if not self.payments:
            return
        await insert_rows(connection, "received_payments", self.payments)
        await insert_rows(connection, "payment_applications", self.applications)
        paid = [(one.document_id, one.amount_minor) for one in self.applications]
        await mark_all_paid(connection, paid, at=self.act.at)
        of_payment: dict[str, list[str]] = {}
        for one in self.applications:
            of_payment.setdefault(one.payment_id, []).append(one.document_id)
        await record_changes(
            connection, self.act.by, [_change(one, of_payment[one.payment_id]) for one in self.payments]
        )
        await emit_all(connection, self.events)
        for organization_id in await list_in_arrears(connection, sorted({*self.desks})):
            await settle_standing(connection, organization_id, at=self.act.at)


@asynccontextmanager
async def posting(
    connection: Connection, candidates: Sequence[Candidate], external_ids: Sequence[str], act: Act
) -> AsyncIterator[Posting]:
    """Lock the books and documents of these candidates; what was booked is written at the end.

    In the caller's transaction. Order of locks: balances, documents, organizations.
    """
    organization_ids = sorted({one.organization_id for one in candidates})
    async with open_desks(connection, organization_ids, at=act.at) as desks:
        documents = await lock_documents(connection, sorted({one.document_id for one in candidates}))
        known = await list_known(connection, "bank_transfer", external_ids)
        found = Posting(act, desks, documents, known)
        yield found
    await found.write(connection)


def _change(payment: ReceivedPayment, document_ids: list[str]) -> Change:
    return Change(
        "payment.recorded",
        subject=payment.payment_id,
        organization_id=payment.organization_id,
        details={
            "amount": render_minor(payment.amount_minor, payment.currency),
            "currency": payment.currency,
            "method": payment.method,
            "reason": payment.reason,
            "documents": document_ids,
        },
    )
