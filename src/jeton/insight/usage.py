"""Usage: tokens and money by UTC day and model, from the rollups, so it never reads single requests."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.errors import InvalidInputError
from jeton.money import render_usd
from jeton.pricing.rating import STAGES

DAYS_MAX = 366

_READ = """
    SELECT day_on, model,
           sum(requests), sum(input_tokens), sum(cache_creation_5m_input_tokens),
           sum(cache_creation_1h_input_tokens), sum(cache_read_input_tokens), sum(output_tokens),
           sum(web_search_requests), sum(list_nano), sum(saved_batch_nano), sum(saved_cache_nano),
           sum(saved_tier_nano), sum(saved_negotiated_nano), sum(saved_promotion_nano), sum(net_nano),
           (SELECT coalesce(sum(r.reversed_nano), 0) FROM reversal_rollups AS r
            WHERE r.organization_id = %(organization_id)s AND r.day_on = u.day_on AND r.model = u.model),
           sum(free_credit_nano)
           - (SELECT coalesce(sum(r.free_credit_nano), 0) FROM reversal_rollups AS r
              WHERE r.organization_id = %(organization_id)s AND r.day_on = u.day_on AND r.model = u.model)
    FROM usage_rollups AS u
    WHERE organization_id = %(organization_id)s AND day_on >= %(from_on)s AND day_on < %(until_on)s
    GROUP BY day_on, model ORDER BY day_on DESC, model
"""


class InvalidRangeError(InvalidInputError):
    """A range of days that is empty, reversed or too long."""

    code = "invalid_range"

    def __init__(self, range_: "DayRange") -> None:
        """Name both ends and the longest range."""
        super().__init__(
            f"The range from {range_.from_on} up to {range_.until_on} must have 1 to {DAYS_MAX} days."
        )


@dataclass(frozen=True, slots=True)
class DayRange:
    """UTC days from ``from_on`` up to, not including, ``until_on``; else InvalidRangeError."""

    from_on: date
    until_on: date

    def __post_init__(self) -> None:
        """Refuse what would show nothing or read without bound."""
        if not 1 <= self.days <= DAYS_MAX:
            raise InvalidRangeError(self)

    @property
    def days(self) -> int:
        """How many days."""
        return (self.until_on - self.from_on).days

    @classmethod
    def last(cls, days: int, *, at: datetime) -> "DayRange":
        """The ``days`` days that end with the one of ``at``."""
        until_on = at.astimezone(UTC).date() + timedelta(days=1)
        return cls(until_on - timedelta(days=min(days, DAYS_MAX + 1)), until_on)


@dataclass(frozen=True, slots=True)
class Sums:
    """Requests, tokens by bucket and money (nano).

    List amount - all savings = charged; charged - reversed = net amount = free credit + due. What was
    reversed counts on the day of its request, whenever that was done.
    """

    requests: int = 0
    input_tokens: int = 0
    cache_creation_5m_input_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0
    web_search_requests: int = 0
    list_nano: int = 0
    saved_batch_nano: int = 0
    saved_cache_nano: int = 0
    saved_tier_nano: int = 0
    saved_negotiated_nano: int = 0
    saved_promotion_nano: int = 0
    charged_nano: int = 0
    reversed_nano: int = 0
    free_credit_nano: int = 0

    @property
    def due_nano(self) -> int:
        """The net amount less what lots paid that nobody paid for."""
        return self.net_nano - self.free_credit_nano

    @property
    def net_nano(self) -> int:
        """What is left to pay: what was charged and not reversed."""
        return self.charged_nano - self.reversed_nano

    @property
    def saved_nano(self) -> int:
        """All savings together; negative if modifiers added more than they took away."""
        return self.list_nano - self.charged_nano

    @property
    def saved_by_stage(self) -> dict[str, int]:
        """Savings by the stage of the stack."""
        return {stage: getattr(self, f"saved_{stage}_nano") for stage in STAGES}


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """One model on one day."""

    day_on: date
    model: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Usage of a range of days, newest day first; a day without requests has no row."""

    organization_id: UUID
    as_of: datetime
    range: DayRange
    rows: tuple[DailyUsage, ...]

    @property
    def totals(self) -> Sums:
        """The sum of all rows."""
        return add_up(row.sums for row in self.rows)

    @property
    def by_model(self) -> tuple[tuple[str, Sums], ...]:
        """The sum of each model, the most expensive first."""
        models = sorted({row.model for row in self.rows})
        sums = [(model, add_up(row.sums for row in self.rows if row.model == model)) for model in models]
        return tuple(sorted(sums, key=lambda pair: -pair[1].net_nano))


def add_up(many: Iterable[Sums]) -> Sums:
    """Add sums field by field."""
    return Sums(*(sum(column) for column in zip(*map(astuple, many), strict=True)))


async def list_daily_usage(connection: Connection, organization_id: UUID, *, range_: DayRange) -> UsageReport:
    """Settled usage by day and model, net of what was reversed."""
    as_of = clock.now()
    parameters = {
        "organization_id": organization_id,
        "from_on": range_.from_on,
        "until_on": range_.until_on,
    }
    cursor = await connection.execute(_READ, parameters)
    rows = tuple(_parse_row(row) for row in await cursor.fetchall())
    return UsageReport(organization_id, as_of, range_, rows)


def _parse_row(row: tuple[Any, ...]) -> DailyUsage:
    return DailyUsage(row[0], row[1], Sums(*(int(column) for column in row[2:])))


def render_usage(report: UsageReport) -> dict[str, object]:
    """The report as the API, the Console's twin and the command line give it."""
    return {
        "type": "usage_report",
        "organization_id": str(report.organization_id),
        "currency": "USD",
        "time_zone": "UTC",
        "as_of": report.as_of.isoformat(),
        "from_on": report.range.from_on.isoformat(),
        "until_on": report.range.until_on.isoformat(),
        "totals": _render_sums(report.totals),
        "by_model": [{"model": model, **_render_sums(sums)} for model, sums in report.by_model],
        "rows": [
            {"day_on": row.day_on.isoformat(), "model": row.model, **_render_sums(row.sums)}
            for row in report.rows
        ],
    }


def _render_sums(sums: Sums) -> dict[str, object]:
    return {
        "requests": sums.requests,
        "input_tokens": sums.input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": sums.cache_creation_5m_input_tokens,
            "ephemeral_1h_input_tokens": sums.cache_creation_1h_input_tokens,
        },
        "cache_read_input_tokens": sums.cache_read_input_tokens,
        "output_tokens": sums.output_tokens,
        "web_search_requests": sums.web_search_requests,
        "list_amount": render_usd(sums.list_nano),
        "saved": {stage: render_usd(nano) for stage, nano in sums.saved_by_stage.items()},
        "charged_amount": render_usd(sums.charged_nano),
        "reversed_amount": render_usd(sums.reversed_nano),
        "net_amount": render_usd(sums.net_nano),
        "free_credit_amount": render_usd(sums.free_credit_nano),
        "due_amount": render_usd(sums.due_nano),
    }
