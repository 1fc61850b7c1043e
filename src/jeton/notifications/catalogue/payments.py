"""Events of payments: money that came, did not come, or went back."""

from typing import Annotated, Literal

from msgspec import Meta

from jeton.notifications.catalogue.data import EventData
from jeton.notifications.catalogue.wording import end_sentence, render_amount

Purpose = Literal["purchase", "reload", "document"]
_WHAT: dict[Purpose, str] = {
    "purchase": "your purchase of credit",
    "reload": "the automatic reload of your credit",
    "document": "your invoice",
}


class _PaymentData(EventData, frozen=True, kw_only=True):
    """What every event of a payment says."""

    page = "/billing/payments"

    payment_id: Annotated[str, Meta(description="the payment")]
    purpose: Annotated[Purpose, Meta(description="purchase, reload or document")]
    amount: Annotated[str, Meta(description="what was asked, tax included, in units of the currency")]
    currency: Annotated[str, Meta(description="its currency, ISO 4217")]

    @property
    def _money(self) -> str:
        return f"{self.currency} {self.amount}"


class PaymentSucceeded(_PaymentData, frozen=True, kw_only=True):
    """A card was charged."""

    type = "payment.succeeded"
    when = "A card was charged: credit was bought or reloaded, or a document was paid."

    tax: Annotated[str, Meta(description="the tax in it, in units of the currency")]
    credit: Annotated[str, Meta(description="the credit that was bought, exact dollars; 0.00 for a document")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{self._money} was paid by card"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        got = "" if self.purpose == "document" else f" {render_amount(self.credit)} of credit was added."
        return (
            f"{self._money} was charged for {_WHAT[self.purpose]}; {self.currency} {self.tax} of it is tax."
            f"{got} The payment is {self.payment_id}."
        )


class PaymentFailed(_PaymentData, frozen=True, kw_only=True):
    """A card was declined."""

    type = "payment.failed"
    when = "A card was declined, or its bank wants to ask somebody and nobody was there."

    decline_code: Annotated[str, Meta(description="the bank's code")]
    reason: Annotated[str, Meta(description="the bank's reason in words")]
    is_hard: Annotated[bool, Meta(description="whether trying this card again is of no use")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"A payment of {self._money} failed"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        what = "Please use another card." if self.is_hard else "Please try again, or use another card."
        return (
            f"{self._money} for {_WHAT[self.purpose]} could not be charged. The bank says:"
            f" {end_sentence(self.reason)} {what} The payment is {self.payment_id}."
        )


class PaymentRefunded(_PaymentData, frozen=True, kw_only=True):
    """Money was given back."""

    type = "payment.refunded"
    when = "Unused credit was refunded: the provider has given the money back."

    refund_id: Annotated[str, Meta(description="the refund; amount is what was given back")]
    credit: Annotated[str, Meta(description="the credit that was taken back, exact dollars")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{self._money} was refunded"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{self._money} was given back to the card that paid, for {render_amount(self.credit)} of unused"
            f" credit. Banks take a few days to show it. The refund is {self.refund_id}."
        )


class RefundFailed(_PaymentData, frozen=True, kw_only=True):
    """Money could not be given back."""

    type = "payment.refund_failed"
    when = "A refund failed at the provider; the credit was put back."

    refund_id: Annotated[str, Meta(description="the refund; amount is what was to be given back")]
    reason: Annotated[str, Meta(description="why")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"A refund of {self._money} failed"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{self._money} could not be given back: {end_sentence(self.reason)} The credit is there again."
            f" The refund is {self.refund_id}."
        )


class PaymentDisputed(_PaymentData, frozen=True, kw_only=True):
    """A bank took a payment back."""

    type = "payment.disputed"
    when = "The holder of a card disputed a payment, or that dispute ended."

    dispute_id: Annotated[str, Meta(description="the dispute; amount is what is disputed")]
    state: Annotated[Literal["open", "won", "lost"], Meta(description="open, won (by the operator) or lost")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        if self.state == "open":
            return f"{self._money} of a payment is disputed"
        outcome = "the payment stands" if self.state == "won" else "it is taken back"
        return f"The dispute over {self._money} is decided: {outcome}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return f"{self._money} of the payment {self.payment_id} was disputed at the bank. {self._what}"

    @property
    def _what(self) -> str:
        is_credit = self.purpose != "document"
        if self.state == "won":
            again = "; the credit can be used again." if is_credit else "."
            return f"It was decided that the payment stands{again}"
        if self.state == "lost":
            owed = "what was used of the credit is owed." if is_credit else "what it paid is due."
            return f"It was decided against the payment; {owed}"
        if is_credit:
            return "The credit that it bought cannot be used until this is decided."
        return "What it paid is due again until this is decided."


EXAMPLES: tuple[EventData, ...] = (
    PaymentSucceeded(
        payment_id="pay_01k…", purpose="purchase", amount="119.00", currency="USD", tax="19.00",
        credit="100.00",
    ),
    PaymentFailed(
        payment_id="pay_01k…", purpose="reload", amount="59.50", currency="USD",
        decline_code="insufficient_funds", reason="Your card has insufficient funds.", is_hard=False,
    ),
    PaymentRefunded(
        payment_id="pay_01k…", purpose="purchase", amount="47.60", currency="USD", refund_id="rfnd_01k…",
        credit="40.00",
    ),
    RefundFailed(
        payment_id="pay_01k…", purpose="purchase", amount="47.60", currency="USD", refund_id="rfnd_01k…",
        reason="lost_or_stolen_card",
    ),
    PaymentDisputed(
        payment_id="pay_01k…", purpose="purchase", amount="119.00", currency="USD", dispute_id="dspt_01k…",
        state="open",
    ),
)  # fmt: skip
