"""Events of the operator's inbox."""

from typing import Annotated

from msgspec import Meta

from jeton.notifications.catalogue.data import EventData
from jeton.notifications.catalogue.wording import end_sentence

_TO_SALES = "contact_sales"


class InboxItemOpened(EventData, frozen=True, kw_only=True):
    """Somebody asked something of the operator."""

    type = "inbox.item_opened"
    when = "Somebody wrote to the operator: through *Contact sales* for an extended trial, or to support."
    audience = "operator"
    page = "/inbox"

    item_id: Annotated[str, Meta(description="the item of the inbox")]
    email: Annotated[str, Meta(description="who wrote")]
    name: Annotated[str, Meta(description="their name")]
    company: Annotated[str, Meta(description="their company, or an empty text")]
    message: Annotated[str, Meta(description="what they wrote; its beginning, where it is long")]
    kind: Annotated[str, Meta(description="what it is: contact_sales, contact_support, …")] = _TO_SALES

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{self._who} wrote to {self._whom}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        wrote = f"{self._who} <{self.email}> wrote to {self._whom}: {end_sentence(self.message)}"
        if self.kind == _TO_SALES:
            return (
                f"{wrote} Please approve or decline the request {self.item_id} in the Console's inbox, or"
                f" with `jeton inbox`."
            )
        return f"{wrote} Please answer {self.item_id} in the Console's inbox."

    @property
    def _who(self) -> str:
        return f"{self.name} of {self.company}" if self.company else self.name

    @property
    def _whom(self) -> str:
        return "sales" if self.kind == _TO_SALES else "support"


class InboxReplied(EventData, frozen=True, kw_only=True):
    """The operator answers somebody who wrote."""

    type = "inbox.replied"
    when = "The operator answered an item of the inbox; the mail goes to whoever wrote, and to nobody else."
    audience = "operator"
    is_letter = True

    item_id: Annotated[str, Meta(description="the item of the inbox")]
    about: Annotated[str, Meta(description="what was written, in a few words")]
    text: Annotated[str, Meta(description="the answer")]
    replied_by: Annotated[str, Meta(description="who answered")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"About {self.about} ({self.item_id})"

    @property
    def sentence(self) -> str:
        """The answer, as it was written."""
        return self.text
