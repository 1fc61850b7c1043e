"""Catalogue: every type of event there is, what its data says, and how it is told to people.

A type keeps its data's shape for ever: a receiver was written for it. What changes gets a new type.
The documentation's page is made from these classes.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from jeton.errors import JetonError

Audience = Literal["organization", "operator"]
Scope = Literal["organization", "workspace", "key"]


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says; ``type`` is its stored name, ``when`` is for the documentation."""

    type: ClassVar[str]
    when: ClassVar[str]
    audience: ClassVar[Audience] = "organization"
    is_mailed: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """What happened and what to do about it, for people."""
        raise NotImplementedError


class _BudgetData(EventData, frozen=True, kw_only=True):
    """What every event of a budget says."""

    budget_id: Annotated[str, Meta(description="the budget")]
    scope: Annotated[Scope, Meta(description="what it limits: organization, workspace or key")]
    scope_id: Annotated[str, Meta(description="which one")]
    is_hard: Annotated[bool, Meta(description="whether requests beyond it are refused")]
    limit: Annotated[str, Meta(description="its limit, exact dollars")]
    spent: Annotated[str, Meta(description="charged in this window, exact dollars")]
    window_from: Annotated[datetime, Meta(description="first instant of the window")]
    window_until: Annotated[datetime | None, Meta(description="end of the window; null: it has none")]

    @property
    def _window(self) -> str:
        until = "" if self.window_until is None else f" until {_render_time(self.window_until)}"
        return f"the window from {_render_time(self.window_from)}{until}"

    @property
    def _name(self) -> str:
        return f"The budget {self.budget_id} of {self.scope} {self.scope_id}"

    @property
    def _consequence(self) -> str:
        if self.is_hard:
            return "At its limit further requests are refused."
        return "It is a soft budget: requests go on beyond it."


class BudgetThresholdReached(_BudgetData, frozen=True, kw_only=True):
    """A budget is used up to one of its thresholds."""

    type = "budget.threshold_reached"
    when = "A budget reached one of its thresholds; once for each threshold and window."

    percent: Annotated[int, Meta(description="the threshold that was reached")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"{self.percent} % of a budget is used"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{self._name} has reached {self.percent} % of ${self.limit}: ${self.spent} was charged in"
            f" {self._window}. {self._consequence}"
        )


class BudgetForecastBreach(_BudgetData, frozen=True, kw_only=True):
    """A budget will not last to the end of its window."""

    type = "budget.forecast_breach"
    when = "At the present pace a budget will be used up before its window ends; once for each window."

    forecast: Annotated[str, Meta(description="expected at the end of the window, exact dollars")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return "A budget will not last"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"{self._name} is expected to reach ${self.forecast} by the end of {self._window}, more than its"
            f" ${self.limit}; ${self.spent} is charged so far. {self._consequence}"
        )


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
        return f"${self.left} of credit expires soon"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"${self.left} of {self.kind} credit (lot {self.lot_id}) expires at"
            f" {_render_time(self.expires_at)}. What is not used by then is lost."
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
        return f"${self.remaining} of credit is left"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return (
            f"${self.remaining} of credit is left, less than ${self.threshold}. Requests are refused when it"
            " does not cover them: add credit in time."
        )


class WebhookDisabled(EventData, frozen=True, kw_only=True):
    """A webhook endpoint was given up."""

    type = "webhook.disabled"
    when = "An endpoint failed for `JETON_WEBHOOK_DISABLE_DAYS`, or answered 410 Gone, and was disabled."

    endpoint_id: Annotated[str, Meta(description="the endpoint")]
    url: Annotated[str, Meta(description="its address")]
    reason: Annotated[Literal["failures", "gone"], Meta(description="failures or gone")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return "A webhook was disabled"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        why = "answered 410 Gone" if self.reason == "gone" else "failed for days"
        return (
            f"The webhook {self.endpoint_id} to {self.url} {why} and was disabled. Enable it when it works"
            " again, then replay what it missed."
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
        return f"This is a test of the webhook {self.endpoint_id}."


class AlarmRaised(EventData, frozen=True, kw_only=True):
    """Something needs the operator's eyes."""

    type = "alarm.raised"
    when = "An alarm of the operator's page was raised; once until it is acknowledged."
    audience = "operator"

    alarm_id: Annotated[str, Meta(description="the alarm")]
    code: Annotated[str, Meta(description="what happened")]
    about: Annotated[str, Meta(description="the model or family it is about")]
    details: Annotated[dict[str, str | int], Meta(description="what is known of its first time")]

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        return f"Alarm: {self.code} ({self.about})"

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        known = ", ".join(f"{name} {value}" for name, value in self.details.items())
        return f"The alarm {self.code} was raised for {self.about}: {known}. See the Console's operator page."


class UnknownEventDataError(JetonError):
    """A stored event that this version cannot read: another one wrote it."""

    code = "event_unreadable"


def _render_time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_WINDOW = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))

# One of each, as the documentation shows it.
EXAMPLES: tuple[EventData, ...] = (
    BudgetThresholdReached(
        budget_id="budget_01k…", scope="workspace", scope_id="wrkspc_01k…", is_hard=True, limit="100.00",
        spent="75.02", window_from=_WINDOW[0], window_until=_WINDOW[1], percent=75,
    ),
    BudgetForecastBreach(
        budget_id="budget_01k…", scope="organization", scope_id="0193…", is_hard=False, limit="100.00",
        spent="61.50", window_from=_WINDOW[0], window_until=_WINDOW[1], forecast="131.79",
    ),
    LotExpiring(
        lot_id="lot_01k…", kind="free", left="3.971", days=7,
        expires_at=datetime(2026, 12, 23, 9, 30, tzinfo=UTC),
    ),
    LowBalance(remaining="0.42", threshold="1.00"),
    WebhookDisabled(endpoint_id="whep_01k…", url="https://hooks.example.com/jeton", reason="failures"),
    WebhookTest(endpoint_id="whep_01k…"),
    AlarmRaised(
        alarm_id="alarm_01k…", code="bound_exceeded", about="claude-sonnet-5-5",
        details={"request_id": "req_01k…", "bound_tokens": 900, "reported_tokens": 912},
    ),
)  # fmt: skip

TYPES: Mapping[str, type[EventData]] = MappingProxyType({data.type: type(data) for data in EXAMPLES})


def read_data(type_: str, stored: object) -> EventData:
    """The data of a stored event; UnknownEventDataError for what another version wrote."""
    try:
        return msgspec.convert(stored, TYPES[type_])
    except (KeyError, msgspec.ValidationError) as error:
        raise UnknownEventDataError(f"The event of type {type_} cannot be read by this version.") from error
