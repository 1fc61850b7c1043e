"""Overview: credit now, the last two weeks, and the latest requests."""

from jeton import clock
from jeton.console.chart import draw_chart
from jeton.console.visit import View, Visit
from jeton.insight.balance import get_balance, render_balance
from jeton.insight.requests import list_charges, render_charges
from jeton.insight.usage import DayRange, list_daily_usage, render_usage

DAYS = 14
LATEST = 8


async def show_overview(visit: Visit) -> View:
    """The first page after signing in."""
    organization_id = visit.session.organization_id
    range_ = DayRange.last(DAYS, at=clock.now())
    async with visit.deps.pool.connection() as connection:
        balance = await get_balance(connection, organization_id)
        report = await list_daily_usage(connection, organization_id, range_=range_)
        page = await list_charges(connection, organization_id, limit=LATEST)
    base_url = visit.deps.base_url or str(visit.request.base_url).rstrip("/")
    return View(
        "explore/overview.html",
        {
            "balance": balance,
            "report": report,
            "chart": draw_chart(report),
            "page": page,
            "base_url": base_url,
        },
        {
            "type": "overview",
            "is_rehearsal": visit.deps.is_rehearsal,
            "balance": render_balance(balance),
            "usage": render_usage(report),
            "requests": render_charges(page),
        },
    )
