"""Events of documents that are, or were not, paid in time."""

from datetime import date
from typing import Annotated

from msgspec import Meta

from jeton.notifications.catalogue.data import EventData
from jeton.notifications.catalogue.wording import count

_METHODS = {"bank_transfer": "transfer", "cheque": "cheque"}


class _DebtData(EventData, frozen=True, kw_only=True):
    """What every event of a debt says."""

    page = "/invoices"

    document_id: Annotated[str, Meta(description="the document")]
    number: Annotated[str, Meta(description="its number")]
    due: Annotated[str, Meta(description="what is still due on it, in units of the currency")]
    currency: Annotated[str, Meta(description="its currency, ISO 4217")]
    due_on: Annotated[date, Meta(description="the last day on which it could be paid in time")]
    days: Annotated[int, Meta(description="how many days it is late")]
    how_to_pay: Annotated[str, Meta(description="how to pay it, for people")]

    @property
    def _owed(self) -> str:
        return (
            f"{self.currency} {self.due} of {self.number} is not paid. It was due on {_render(self.due_on)},"
            f" {count(self.days, 'day')} ago."
        )


class DocumentOverdue(_DebtData, frozen=True, kw_only=True):
    """A document is late: one mail of the schedule."""

    type = "invoice.overdue"
    when = (
        "A document is not paid in time; at each step of `JETON_DUNNING_MAIL_DAYS`, once. Its mail has the"
        " PDF of the document."
    )
    has_papers = True

    step: Annotated[int, Meta(description="which mail of the schedule this is")]
    steps: Annotated[int, Meta(description="how many there are")]
    stops_on: Annotated[
        date | None, Meta(description="from when on new requests are refused; null: they are not")
    ] = None

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{self.number} is {count(self.days, 'day')} late: {self.currency} {self.due} is due"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        then = ""
        if self.stops_on is not None:
            then = f" From {_render(self.stops_on)} new requests are refused until it is paid."
        return f"{self._owed} {self.how_to_pay}{then} If you have just paid, there is nothing to do."


class ServiceLimited(_DebtData, frozen=True, kw_only=True):
    """A document is so late that limits apply."""

    type = "organization.limited"
    when = "A document is so late (`JETON_DUNNING_SOFT_LIMIT_DAYS`) that each answer says so; once."

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"Your organization is in arrears: {self.number}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{self._owed} Until it is paid, each answer carries the header jeton-payment-overdue, and the"
            f" credit limit is not raised. {self.how_to_pay}"
        )


class ServiceStopped(_DebtData, frozen=True, kw_only=True):
    """New requests are refused."""

    type = "organization.stopped"
    when = "A document is so late (`JETON_DUNNING_STOP_DAYS`) that new requests are refused; once."

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"New requests are refused until {self.number} is paid"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{self._owed} From now on new requests of your organization are refused; those that run finish."
            f" {self.how_to_pay} Requests are let through again as soon as it is paid."
        )


class ServiceResumed(EventData, frozen=True, kw_only=True):
    """What was late is paid."""

    type = "organization.resumed"
    when = "What an organization was limited or stopped for is paid, or given up; once."
    page = "/invoices"

    number: Annotated[str, Meta(description="the document that it was for")]
    was_stopped: Annotated[bool, Meta(description="whether new requests were refused")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return "Requests are let through again" if self.was_stopped else "Nothing is overdue any more"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        what = "Requests are let through again." if self.was_stopped else "The limits have ended."
        return f"Nothing is overdue on {self.number} any more. {what} Thank you."


class PaymentReceived(EventData, frozen=True, kw_only=True):
    """Money arrived."""

    type = "invoice.payment_received"
    when = "A transfer, a cheque or another payment was recorded; a card's payment is `payment.succeeded`."
    page = "/invoices"

    payment_id: Annotated[str, Meta(description="the payment")]
    amount: Annotated[str, Meta(description="what came in, in units of the currency")]
    currency: Annotated[str, Meta(description="its currency, ISO 4217")]
    method: Annotated[str, Meta(description="bank_transfer, cheque or other")]
    numbers: Annotated[tuple[str, ...], Meta(description="the documents that it pays, whole or in part")]
    still_due: Annotated[str, Meta(description="what is still due on these")]
    credit: Annotated[str, Meta(description="what is on no document; it goes to the next one by itself")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{self.currency} {self.amount} arrived"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        how = f" by {_METHODS[self.method]}" if self.method in _METHODS else ""
        whole = f"{self.currency} {self.amount} arrived{how}."
        if self.numbers:
            whole += (
                f" It pays {', '.join(self.numbers)}, on which {self.currency} {self.still_due} is still due."
            )
        if self.credit.strip("0."):
            whole += f" {self.currency} {self.credit} is credit, which goes to your next invoice by itself."
        return f"{whole} The payment is {self.payment_id}."


def _render(on: date) -> str:
    """``10 November 2026``."""
    return f"{on.day} {on:%B %Y}"


_DEBT = {
    "document_id": "inv_01k…",
    "number": "INV-2026-000123",
    "due": "1190.00",
    "currency": "EUR",
    "due_on": date(2026, 11, 10),
    "how_to_pay": "Pay it by card on the Console's invoices page, or transfer it to DE02120300000000202051"
    " with the reference INV-2026-000123.",
}

EXAMPLES: tuple[EventData, ...] = (
    PaymentReceived(
        payment_id="rcvd_01k…", amount="1200.00", currency="EUR", method="bank_transfer",
        numbers=("INV-2026-000123",), still_due="0.00", credit="10.00",
    ),
    DocumentOverdue(**_DEBT, days=7, step=2, steps=4, stops_on=date(2026, 12, 10)),  # type: ignore[arg-type]  # a few kinds of values
    ServiceLimited(**_DEBT, days=14),  # type: ignore[arg-type]  # as above
    ServiceStopped(**_DEBT, days=30),  # type: ignore[arg-type]  # as above
    ServiceResumed(number="INV-2026-000123", was_stopped=True),
)  # fmt: skip
