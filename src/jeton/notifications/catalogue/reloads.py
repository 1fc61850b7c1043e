"""Events of auto-reload."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from jeton.notifications.catalogue.data import EventData
from jeton.notifications.catalogue.wording import render_amount, render_instant

_DISPUTED = "disputed"
_WHY = {
    "no_card": "no card is saved",
    "hard_decline": "the bank declined the card, and will not accept it another time",
    "authentication_required": "the bank wants you to confirm payments with this card yourself",
    "failures": "the bank declined the card several times in a row",
}


class ReloadSwitchedOff(EventData, frozen=True, kw_only=True):
    """Auto-reload gave up."""

    type = "reload.switched_off"
    when = (
        "Auto-reload was needed and went off, because the card was declined or none is saved; or a payment"
        " was disputed at the bank."
    )
    page = "/billing/auto-reload"

    reason: Annotated[
        str,
        Meta(
            description="no_card, hard_decline, authentication_required, failures (soft declines) or disputed"
        ),
    ]
    card: Annotated[str, Meta(description="brand, last four digits and expiry of the card; empty for none")]
    balance: Annotated[str, Meta(description="credit that was left or held, exact dollars")]
    threshold: Annotated[str, Meta(description="the balance below which credit is bought, exact dollars")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        if self.reason == _DISPUTED:
            return "Auto-reload is off: a payment was disputed"
        return "Auto-reload is off: please see to your card"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        if self.reason == _DISPUTED:
            return (
                "A payment was disputed at the bank, so no more credit is bought by itself; your balance is"
                f" {render_amount(self.balance)}. Auto-reload stays off until a member switches it on again;"
                " you can also buy credit by hand."
            )
        card = f" ({self.card})" if self.card else ""
        return (
            f"Your balance of {render_amount(self.balance)} is below {render_amount(self.threshold)}, and no"
            f" credit was bought, because {_WHY.get(self.reason, self.reason)}{card}. Auto-reload is off. It"
            " goes on by itself once you save another card; you can also buy credit by hand."
        )


class ReloadCeilingReached(EventData, frozen=True, kw_only=True):
    """The ceiling of a month leaves nothing to buy."""

    type = "reload.ceiling_reached"
    when = "Auto-reload was needed and its monthly ceiling leaves nothing; once for each month and ceiling."
    page = "/billing/auto-reload"

    ceiling: Annotated[str, Meta(description="the monthly ceiling, exact dollars of credit")]
    bought: Annotated[str, Meta(description="what was bought by itself this month, exact dollars of credit")]
    balance: Annotated[str, Meta(description="credit that was left or held, exact dollars")]
    until: Annotated[datetime, Meta(description="when the next month of the rule's zone begins")]
    zone: Annotated[str, Meta(description="that zone")] = "UTC"

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"Auto-reload has reached its ceiling of {render_amount(self.ceiling)}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{render_amount(self.bought)} of credit was bought by itself this month, and the ceiling is"
            f" {render_amount(self.ceiling)}. {render_amount(self.balance)} of credit is left, and no more is"
            f" bought until {render_instant(self.until, self.zone)}, unless you raise the ceiling or buy"
            " credit by hand."
        )
