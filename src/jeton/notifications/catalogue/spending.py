"""Spending: a day out of the ordinary, requests that stopped coming, prices that are about to change."""

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from jeton.money import parse_usd
from jeton.notifications.catalogue.data import EventData
from jeton.notifications.catalogue.wording import count, render_amount, render_instant, subtract


class UnusualSpending(EventData, frozen=True, kw_only=True):
    """Today costs far more than any day lately."""

    type = "spending.unusual"
    when = (
        "A UTC day has been charged more than twice what the dearest of the 14 days before was, and at least"
        " $1; once a day, and only where 3 of these days had any requests."
    )
    page = "/cost"
    is_snoozable = True

    day_on: Annotated[date, Meta(description="the day, UTC")]
    spent: Annotated[str, Meta(description="charged on it so far, exact dollars")]
    dearest: Annotated[str, Meta(description="charged on the dearest of the 14 days before, exact dollars")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{render_amount(self.spent)} in a day is unusual for you"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"On {self.day_on.day} {self.day_on:%B %Y} (UTC) {render_amount(self.spent)} has been charged so"
            f" far. The dearest of the 14 days before came to {render_amount(self.dearest)}. If you did not"
            " expect this, look at the keys and models that it went to, and pause or revoke a key that is not"
            " yours to use any more."
        )


class RequestsSilent(EventData, frozen=True, kw_only=True):
    """No key has been used for longer than somebody wants to be told of."""

    type = "requests.silent"
    when = "No API key was used for so many hours, chosen on the budgets page; once for each silence."
    page = "/requests"
    is_snoozable = True

    last_used_at: Annotated[datetime, Meta(description="when a key was last used")]
    hours: Annotated[int, Meta(description="after how many hours this is told")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"No request for {count(self.hours, 'hour')}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"No API key of yours has been used since {render_instant(self.last_used_at, 'UTC')}, which is"
            f" more than {count(self.hours, 'hour')} ago. If your application should be sending requests,"
            " look whether it still runs and whether its key is still accepted."
        )


class ModelImpact(msgspec.Struct, frozen=True):
    """One model's last 30 days: what was charged, and from where to where it would be (exact dollars)."""

    model: Annotated[str, Meta(description="the model")]
    charged: Annotated[str, Meta(description="charged in the last 30 days, before reversals")]
    least: Annotated[str, Meta(description="the least the same would come to under the new prices")]
    most: Annotated[str, Meta(description="the most; the same where it is exact")]


class PriceChangeComing(EventData, frozen=True, kw_only=True):
    """Prices of models that an organization uses are about to change."""

    type = "price.change_coming"
    when = (
        "A model that was used in the last 30 days gets other prices in 30 days or fewer, and again in 3;"
        " once for each day on which prices change. With what the last 30 days would have come to under them."
    )
    page = "/prices"

    from_on: Annotated[date, Meta(description="the first day of the new prices, UTC")]
    days: Annotated[int, Meta(description="which notice this is: so many days before, or fewer")]
    models: Annotated[tuple[ModelImpact, ...], Meta(description="the models, the dearest first")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        named = self.models[0].model if len(self.models) == 1 else count(len(self.models), "model")
        return f"Other prices for {named} from {self._from}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        what = " ".join(self._describe(impact) for impact in self.models)
        return (
            f"From {self._from} (UTC) other prices apply to what you use. {what} These are your requests of"
            " the last 30 days, rated again under the prices to come. What was charged before that day stays"
            " as it is."
        )

    @property
    def _from(self) -> str:
        return f"{self.from_on.day} {self.from_on:%B %Y}"

    @staticmethod
    def _describe(impact: ModelImpact) -> str:
        charged, least = render_amount(impact.charged), render_amount(impact.least)
        if impact.least != impact.most:
            return f"{impact.model}: {charged} would have been from {least} to {render_amount(impact.most)}."
        if parse_usd(impact.least) > parse_usd(impact.charged):
            how = f"{subtract(impact.least, impact.charged)} more"
        else:
            how = f"{subtract(impact.charged, impact.least)} less"
        return f"{impact.model}: {charged} would have been {least}, {how}."


EXAMPLES: tuple[EventData, ...] = (
    UnusualSpending(day_on=date(2026, 11, 23), spent="84.20", dearest="31.07"),
    RequestsSilent(last_used_at=datetime(2026, 11, 22, 21, 40, tzinfo=UTC), hours=12),
    PriceChangeComing(
        from_on=date(2026, 11, 30),
        days=30,
        models=(ModelImpact("claude-opus-4-8", "120.00", "96.00", "96.00"),),
    ),
)
