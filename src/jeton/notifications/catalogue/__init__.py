"""Catalogue: every type of event there is, what its data says, and how it is told to people.

A type keeps its data's shape for ever: a receiver was written for it. What changes gets a new type.
The documentation's page is made from these classes.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jeton.errors import JetonError
from jeton.notifications.catalogue.data import EventData
from jeton.notifications.catalogue.documents import EXAMPLES as DOCUMENT_EXAMPLES
from jeton.notifications.catalogue.dunning import EXAMPLES as DUNNING_EXAMPLES
from jeton.notifications.catalogue.inbox import InboxItemOpened, InboxReplied
from jeton.notifications.catalogue.payments import EXAMPLES as PAYMENT_EXAMPLES
from jeton.notifications.catalogue.reloads import ReloadCeilingReached, ReloadSwitchedOff
from jeton.notifications.catalogue.spending import EXAMPLES as SPENDING_EXAMPLES
from jeton.notifications.catalogue.testing import AlertTest
from jeton.notifications.catalogue.wording import (
    Period,
    count,
    render_adjective,
    render_amount,
    render_instant,
    subtract,
)

Scope = Literal["organization", "workspace", "key", "member", "model", "end_user", "tag"]

_WHOLE = 100


class _BudgetData(EventData, frozen=True, kw_only=True):
    """What every event of a budget says."""

    page = "/budgets"
    is_snoozable = True

    budget_id: Annotated[str, Meta(description="the budget")]
    scope: Annotated[
        Scope,
        Meta(description="what it limits: organization, workspace, key, member, model, end_user or tag"),
    ]
    scope_id: Annotated[str, Meta(description="which one")]
    is_hard: Annotated[bool, Meta(description="whether requests beyond it are refused")]
    limit: Annotated[str, Meta(description="its limit, exact dollars")]
    spent: Annotated[str, Meta(description="charged in this window, exact dollars")]
    window_from: Annotated[datetime, Meta(description="first instant of the window")]
    window_until: Annotated[datetime | None, Meta(description="end of the window; null: it has none")]
    period: Annotated[Period, Meta(description="day, week, month or total")] = "total"
    zone: Annotated[str, Meta(description="the time zone of its windows")] = "UTC"

    @property
    def _name(self) -> str:
        named = f"{self.scope.replace('_', ' ')} {self.scope_id}"
        whose = "your organization" if self.scope == "organization" else named
        return f"{render_adjective(self.period)} budget of {whose}"

    @property
    def _since(self) -> str:
        return render_instant(self.window_from, self.zone)

    @property
    def _ends(self) -> str:
        """Until when, with a space before; "" for a budget that never begins anew."""
        return "" if self.window_until is None else f" until {render_instant(self.window_until, self.zone)}"

    @property
    def _closing(self) -> str:
        return f"The budget is {self.budget_id}."


class BudgetThresholdReached(_BudgetData, frozen=True, kw_only=True):
    """A budget is used up to one of its thresholds."""

    type = "budget.threshold_reached"
    when = (
        "A budget reached one of its thresholds; once for each threshold and window. Of a budget of"
        " each end user: one of them reached 90 % of it; once for each and window, for 20 of them at most."
    )

    percent: Annotated[int, Meta(description="the threshold that was reached")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        used = "All" if self.percent >= _WHOLE else f"{self.percent} %"
        return f"{used} of the {render_adjective(self.period)} budget of {render_amount(self.limit)} is used"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        spent, limit = render_amount(self.spent), render_amount(self.limit)
        if self.percent >= _WHOLE:
            used = f"The {self._name} is used up: {spent} of {limit} has been charged since {self._since}."
            if self.is_hard:
                what = f"Further requests are refused{self._ends}, or until somebody raises the budget."
            else:
                what = "It is a soft budget, so further requests are let through and charged."
            return f"{used} {what} {self._closing}"
        used = f"{self.percent} % of the {self._name} is used: {spent} of {limit} has been charged"
        left = f"{subtract(self.limit, self.spent)} is left{self._ends}."
        what = "are refused" if self.is_hard else "are still let through, because it is a soft budget"
        return (
            f"{used} since {self._since}, and {left} Once all of it is used, requests {what}. {self._closing}"
        )


class BudgetForecastBreach(_BudgetData, frozen=True, kw_only=True):
    """A budget will not last to the end of its window."""

    type = "budget.forecast_breach"
    when = "At the present pace a budget will be used up before its window ends; once for each window."

    forecast: Annotated[str, Meta(description="expected at the end of the window, exact dollars")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"The {render_adjective(self.period)} budget of {render_amount(self.limit)} will not last"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        forecast, limit = render_amount(self.forecast), render_amount(self.limit)
        return (
            f"At the present pace {forecast} will have been charged{self._by}, which is"
            f" {subtract(self.forecast, self.limit)} more than the {self._name} allows. Its limit is {limit},"
            f" of which {render_amount(self.spent)} has been charged since {self._since}. {self._then}"
            f" {self._closing}"
        )

    @property
    def _by(self) -> str:
        return "" if self.window_until is None else f" by {render_instant(self.window_until, self.zone)}"

    @property
    def _then(self) -> str:
        if self.is_hard:
            return "From its limit on requests are refused, unless somebody raises the budget."
        return "It is a soft budget, so requests beyond it are let through and charged."


class LotExpiring(EventData, frozen=True, kw_only=True):
    """Credit is about to expire."""

    type = "credit.lot_expiring"
    when = "A lot with credit left expires soon (`JETON_EXPIRY_WARNING_DAYS`); once for each warning."

    lot_id: Annotated[str, Meta(description="the lot")]
    kind: Annotated[str, Meta(description="free, promotional, commit or paid")]
    left: Annotated[str, Meta(description="what is left of it, exact dollars")]
    days: Annotated[int, Meta(description="which warning this is: so many days before, or fewer")]
    expires_at: Annotated[datetime, Meta(description="the first instant at which it is worth nothing")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{render_amount(self.left)} of credit expires within {count(self.days, 'day')}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{render_amount(self.left)} of your {self.kind} credit expires on"
            f" {render_instant(self.expires_at, 'UTC')}, which is at most {count(self.days, 'day')} away."
            f" What is not used by then is lost. The lot is {self.lot_id}."
        )


class LowBalance(EventData, frozen=True, kw_only=True):
    """Credit is nearly used up."""

    type = "credit.low_balance"
    when = (
        "Credit fell below `JETON_LOW_BALANCE_USD`; once until credit is added, and for an invoiced"
        " organization, whose credit is its limit, once a month."
    )

    remaining: Annotated[str, Meta(description="credit that is left or held, exact dollars")]
    threshold: Annotated[str, Meta(description="what it fell below, exact dollars")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"Only {render_amount(self.remaining)} of credit is left"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{render_amount(self.remaining)} of your credit is left, less than the"
            f" {render_amount(self.threshold)} at which you are told. A request that may cost more than what"
            " is left is refused, so please add credit in time."
        )


class WebhookDisabled(EventData, frozen=True, kw_only=True):
    """A webhook endpoint was given up."""

    type = "webhook.disabled"
    when = "An endpoint failed for `JETON_WEBHOOK_DISABLE_DAYS`, or answered 410 Gone, and was disabled."

    endpoint_id: Annotated[str, Meta(description="the endpoint")]
    url: Annotated[str, Meta(description="its address")]
    reason: Annotated[Literal["failures", "gone"], Meta(description="failures or gone")]
    failing_since: Annotated[
        datetime | None,
        Meta(description="the first of the failures that followed each other; null: none did"),
    ] = None

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return "A webhook was disabled"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        since = "" if self.failing_since is None else f" since {render_instant(self.failing_since, 'UTC')}"
        why = "it answered 410 Gone" if self.reason == "gone" else f"every delivery to it has failed{since}"
        return (
            f"The webhook {self.endpoint_id} to {self.url} was disabled, because {why}. Nothing is sent to it"
            f" any more. Once it works again, enable it with `jeton webhooks enable {self.endpoint_id}` and"
            f" have what it missed sent with `jeton webhooks recover {self.endpoint_id}`."
        )


class WebhookTest(EventData, frozen=True, kw_only=True):
    """Nothing happened: somebody tries an endpoint."""

    type = "webhook.test"
    when = "Somebody asked for a test; it goes to that endpoint only, whatever types it takes."
    is_mailed = False

    endpoint_id: Annotated[str, Meta(description="the endpoint that is tested")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return "A test of a webhook"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"This is a test of the webhook {self.endpoint_id}; nothing happened, and nothing is to be done."
        )


class AlarmRaised(EventData, frozen=True, kw_only=True):
    """Something needs the operator's eyes."""

    type = "alarm.raised"
    when = "An alarm of the operator's page was raised; once until it is acknowledged."
    audience = "operator"
    page = "/accuracy"

    alarm_id: Annotated[str, Meta(description="the alarm")]
    code: Annotated[str, Meta(description="what happened")]
    about: Annotated[str, Meta(description="the model or family it is about")]
    details: Annotated[dict[str, str | int], Meta(description="what is known of its first time")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"Alarm about {self.about}: {self.code.replace('_', ' ')}"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return f"{self._what} {self._closing}"

    @property
    def _what(self) -> str:
        match self.code, self.details:
            case "bound_exceeded", {"reported_tokens": int(reported), "bound_tokens": int(bound)}:
                return (
                    f"A request to {self.about} used {count(reported, 'prompt token')}, more than the"
                    f" {bound:,} for which credit was held. It was settled in full, but until the bound is"
                    " corrected, holds for this model may be too small."
                )
            case "tokenizer_demoted", {"reported_tokens": int(reported), "counted_tokens": int(counted)}:
                return (
                    f"The rebuilt tokenizer of {self.about} counted {count(counted, 'token')} where the"
                    f" upstream reported {reported:,}. Prompts of this family are estimated from now on."
                )
            case _:
                known = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.details.items())
                found = f": {known}" if known else ""
                return f"The alarm {self.code} was raised for {self.about}{found}."

    @property
    def _closing(self) -> str:
        return (
            f"Please look into it and acknowledge the alarm {self.alarm_id} on the Console's accuracy page."
        )


class UnknownEventDataError(JetonError):
    """A stored event that this version cannot read: another one wrote it."""

    code = "event_unreadable"


# November in Berlin.
_WINDOW = (datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC))

# One of each, as the documentation shows it.
EXAMPLES: tuple[EventData, ...] = (
    BudgetThresholdReached(
        budget_id="bdgt_01k…", scope="workspace", scope_id="wrkspc_01k…", is_hard=True, limit="100.00",
        spent="75.02", window_from=_WINDOW[0], window_until=_WINDOW[1], period="month",
        zone="Europe/Berlin", percent=75,
    ),
    BudgetForecastBreach(
        budget_id="bdgt_01k…", scope="organization", scope_id="0193…", is_hard=False, limit="100.00",
        spent="61.50", window_from=_WINDOW[0], window_until=_WINDOW[1], period="month",
        zone="Europe/Berlin", forecast="131.79",
    ),
    LotExpiring(
        lot_id="lot_01k…", kind="free", left="3.971", days=7,
        expires_at=datetime(2026, 12, 23, 9, 30, tzinfo=UTC),
    ),
    LowBalance(remaining="0.42", threshold="1.00"),
    ReloadSwitchedOff(reason="failures", card="visa 4242 2029-4", balance="3.80", threshold="10.00"),
    ReloadCeilingReached(
        ceiling="200.00", bought="200.00", balance="2.15", until=_WINDOW[1], zone="Europe/Berlin",
    ),
    WebhookDisabled(
        endpoint_id="whep_01k…", url="https://hooks.example.com/jeton", reason="failures",
        failing_since=datetime(2026, 11, 18, 7, 12, tzinfo=UTC),
    ),
    WebhookTest(endpoint_id="whep_01k…"),
    AlertTest(asked_by="ada@example.com"),
    AlarmRaised(
        alarm_id="alarm_01k…", code="bound_exceeded", about="claude-sonnet-5-5",
        details={"request_id": "req_01k…", "bound_tokens": 900, "reported_tokens": 912},
    ),
    InboxItemOpened(
        item_id="inbox_01k…", email="jane@example.org", name="Jane Doe", company="Example Ltd",
        message="We should like to evaluate for two months.", kind="contact_sales",
    ),
    InboxReplied(
        item_id="inbox_01k…", about="your message to sales", text="Two months are fine with us.",
        replied_by="ada@example.com",
    ),
    *SPENDING_EXAMPLES,
    *PAYMENT_EXAMPLES,
    *DUNNING_EXAMPLES,
    *DOCUMENT_EXAMPLES,
)  # fmt: skip

TYPES: Mapping[str, type[EventData]] = MappingProxyType({data.type: type(data) for data in EXAMPLES})


def read_data(type_: str, stored: object) -> EventData:
    """The data of a stored event; UnknownEventDataError for what another version wrote."""
    try:
        return msgspec.convert(stored, TYPES[type_])
    except (KeyError, msgspec.ValidationError) as error:
        raise UnknownEventDataError(f"The event of type {type_} cannot be read by this version.") from error
