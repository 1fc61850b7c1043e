"""Words of dunning: a debt, what was done about it, and by which schedule."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

StepKind = Literal["mail", "soft_limit", "stop"]
Arrears = Literal["", "limited", "stopped"]

MAIL_DAYS = (3, 7, 14, 30)
SOFT_LIMIT_DAYS = 14
STOP_DAYS = 30
CARD_DAYS = (3, 7, 14, 21)


@dataclass(frozen=True, slots=True)
class DunningTerms:
    """So many days after a document was due: its mails, the soft limit, the stop, tries of a saved card.

    0 for the soft limit or the stop, and no days, are never. ``pay_words`` is how to pay besides by card.
    """

    mail_days: tuple[int, ...] = MAIL_DAYS
    soft_limit_days: int = SOFT_LIMIT_DAYS
    stop_days: int = STOP_DAYS
    card_days: tuple[int, ...] = CARD_DAYS


@dataclass(frozen=True, slots=True)
class Debt:
    """What is due on a document; the day it is due counts in the organization's ``zone``."""

    document_id: str
    organization_id: UUID
    number: str
    currency: str
    due_minor: int
    due_on: date
    zone: str
    paused_until: date | None = None

    def days_after(self, days: int) -> datetime:
        """The first instant of the day so many days after the document was due."""
        return self.starts_at(self.due_on + timedelta(days=days))

    def starts_at(self, on: date) -> datetime:
        """The first instant of a day of the organization."""
        return datetime.combine(on, time(), ZoneInfo(self.zone))

    def is_overdue(self, at: datetime) -> bool:
        """Whether its day is over: a document may be paid until the end of the day it is due."""
        return self.due_minor > 0 and at >= self.days_after(1)

    def is_paused(self, at: datetime) -> bool:
        """Whether the operator has agreed to wait until the end of a day."""
        return self.paused_until is not None and at < self.starts_at(self.paused_until + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class TakenStep:
    """What was done about a document, and when."""

    kind: StepKind
    step: int
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done now; ``step`` numbers the mails from 1 and is 1 for the others."""

    kind: StepKind
    step: int = 1


@dataclass(frozen=True, slots=True)
class NextStep:
    """The step that comes next if nothing is paid, and the instant from which it is taken."""

    step: Step
    at: datetime


@dataclass(frozen=True, slots=True)
class CardAttempt:
    """An attempt to take money from a card, whatever for."""

    payment_method_id: str
    document_id: str
    started_at: datetime
    is_open: bool
    is_paid: bool
    is_hard_decline: bool
