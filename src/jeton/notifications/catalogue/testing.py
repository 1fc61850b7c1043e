"""Testing: an alert that says nothing but that alerts arrive."""

from typing import Annotated

from msgspec import Meta

from jeton.notifications.catalogue.data import EventData


class AlertTest(EventData, frozen=True, kw_only=True):
    """Nothing happened: somebody tries whether alerts arrive."""

    type = "alert.test"
    when = "Somebody asked for a test of alerts; it goes where alerts of budgets go."
    page = "/budgets"

    asked_by: Annotated[str, Meta(description="who asked for it")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return "A test of your alerts"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{self.asked_by} asked for a test of alerts. This is where alerts about budgets and credit"
            " arrive; nothing happened, and nothing is to be done."
        )
