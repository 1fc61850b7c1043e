"""Readers: what the FAQ tells a member who is signed in: their trial, their last week, their own texts."""

from dataclasses import dataclass
from datetime import date, timedelta

from jeton import clock
from jeton.db.pool import Pool
from jeton.insight.balance import LotBalance, get_balance
from jeton.insight.contract.terms import read_own_terms
from jeton.insight.figures.content import ContentReport, get_own_content
from jeton.insight.usage import DayRange, UsageReport, list_daily_usage
from jeton.pricing.terms import OwnTerms
from jeton.site.deps import Reader
from jeton.site.faq.workloads import find_mean, render_query
from jeton.site.prices.stacking import Workload

DAYS = 7
BAR_WIDTH = 40
BAR_HEIGHT = 64
TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the small chart; ``height`` of BAR_HEIGHT."""

    day_on: date
    net_nano: int
    x: int
    height: int


@dataclass(frozen=True, slots=True)
class Own:
    """What is a reader's own."""

    reader: Reader
    trial: LotBalance | None
    # Invoiced up to this limit (nano); 0 for a standard, prepaid one.
    credit_limit_nano: int
    usage: UsageReport
    bars: tuple[Bar, ...]
    content: ContentReport
    terms: OwnTerms

    @property
    def week(self) -> Workload | None:
        """The week as so many equal requests."""
        return find_mean(self.usage)

    @property
    def week_query(self) -> str:
        """The address of the sliders with the week's numbers, and the model that cost most in it."""
        return render_query(self.week, self.usage.by_model[0][0]) if self.week is not None else ""


async def get_own(pool: Pool, reader: Reader) -> Own:
    """Everything at once; psycopg.OperationalError where the database is away."""
    organization_id = reader.organization_id
    range_ = DayRange.last(DAYS, at=clock.now())
    async with pool.connection() as connection:
        balance = await get_balance(connection, organization_id)
        usage = await list_daily_usage(connection, organization_id, range_=range_)
        content = await get_own_content(connection, organization_id)
        # What was agreed on is of the contract, which not every member may see.
        terms = OwnTerms(())
        if reader.may_see_billing:
            terms = await read_own_terms(connection, organization_id)
    trial = next((lot for lot in balance.lots if lot.kind == "free" and lot.reason == TRIAL), None)
    return Own(reader, trial, balance.credit_limit_nano, usage, draw_bars(usage), content, terms)


def draw_bars(usage: UsageReport) -> tuple[Bar, ...]:
    """A bar a day, the highest as high as the picture."""
    days = [usage.range.from_on + timedelta(days=number) for number in range(usage.range.days)]
    amounts = dict.fromkeys(days, 0)
    for row in usage.rows:
        amounts[row.day_on] += row.sums.net_nano
    highest = max(1, *amounts.values())
    return tuple(
        Bar(day_on, nano, number * BAR_WIDTH, max(1 if nano > 0 else 0, BAR_HEIGHT * max(0, nano) // highest))
        for number, (day_on, nano) in enumerate(amounts.items())
    )
