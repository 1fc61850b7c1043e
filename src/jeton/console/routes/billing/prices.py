"""Prices: what an organization pays today, what changes and when, and what its month would have come to."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from jeton import clock
from jeton.console.errors import InvalidFilterError
from jeton.console.files.downloading import Sheet
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission
from jeton.insight.contract.announcing import USED_DAYS, list_impacts
from jeton.insight.contract.prices import (
    CONDITION_NAMES,
    ModelPrice,
    list_prices,
    list_rate_changes,
    render_price,
    render_rate_change,
)
from jeton.insight.contract.repricing import Repriced, read_month, render_repriced, reprice
from jeton.insight.contract.terms import list_agreed, read_own_terms, render_agreed
from jeton.pricing.book import TOKEN_BUCKETS, PriceBook, PriceVersion
from jeton.pricing.receipt import render_nano
from jeton.pricing.terms import OwnTerms

FIRST_YEAR = 2000
LAST_YEAR = 2200


async def show_prices(visit: Visit) -> View:
    """The prices in force now; ``month`` under the prices ``on`` a day; what two versions have otherwise."""
    visit.require(Permission.SEE_BILLING)
    book, at = visit.deps.book, clock.now()
    month_on = find_chosen_month(visit, at)
    async with visit.deps.pool.connection() as connection:
        sums = await read_month(connection, visit.session.organization_id, month_on)
        agreed = await list_agreed(connection, visit.session.organization_id)
        impacts = await list_impacts(connection, visit.session.organization_id, book, at=at)
    own = OwnTerms(one.terms for one in agreed)
    prices = list_prices(book, at, own)
    on = _read_day(visit, "on") or _find_next_change(prices) or at.date()
    old, new = read_version(visit, "old"), read_version(visit, "new")
    changes = list_rate_changes(old, new) if old and new else []
    repriced = reprice(sums, book, on=on, own=own)
    totals = _add_up(repriced)
    context = {
        "as_of": at,
        "agreed": [(one, one.state(at)) for one in agreed],
        "prices": prices,
        "buckets": TOKEN_BUCKETS,
        "condition_names": CONDITION_NAMES,
        "impacts": impacts,
        "impact_days": USED_DAYS,
        "coming": [price for price in prices if price.next is not None],
        "timelines": {price.version.model: list_pairs(book, price.version.model) for price in prices},
        "month_on": month_on,
        "is_month_over": month_on < at.date().replace(day=1),
        "on": on,
        "repriced": repriced,
        "totals": totals,
        "old": old,
        "new": new,
        "changes": changes,
    }
    data = {
        "type": "price_list",
        "as_of": at.isoformat(),
        "currency": "USD",
        "negotiated": [render_agreed(one, at) for one in agreed],
        "data": [render_price(price) for price in prices],
        "repriced": {
            "month_from_on": month_on.isoformat(),
            "prices_on": on.isoformat(),
            "data": [render_repriced(one) for one in repriced],
            "totals": render_repriced(totals),
        },
        "coming": [
            {
                "from_on": from_on.isoformat(),
                "days": USED_DAYS,
                "data": [render_repriced(one) for one in found],
            }
            for from_on, found in impacts.items()
        ],
        "changes": [render_rate_change(change) for change in changes],
    }
    return View("billing/prices.html", context, data)


async def export_prices(visit: Visit) -> Sheet:
    """The prices in force now as rows."""
    visit.require(Permission.SEE_BILLING)
    async with visit.deps.pool.connection() as connection:
        own = await read_own_terms(connection, visit.session.organization_id)
    columns = (
        "model",
        "price_version_id",
        "terms_id",
        "from_on",
        "condition",
        "up_to_prompt_tokens",
        *(f"{bucket.value}_usd_per_mtok" for bucket in TOKEN_BUCKETS),
        "web_search_usd_per_1000",
    )
    rows = [
        (
            row.model,
            row.price_version_id,
            price.terms.terms_id if price.terms else "",
            price.version.from_on.isoformat(),
            row.condition,
            row.prompt_tokens_max,
            *(render_nano(row.rates[bucket]) for bucket in TOKEN_BUCKETS),
            render_nano(price.web_search_per_1000),
        )
        for price in list_prices(visit.deps.book, clock.now(), own)
        for row in price.rows
    ]
    return Sheet("prices.csv", columns, rows)


def read_version(visit: Visit, name: str) -> PriceVersion | None:
    """A version of the price book that the address names, None without one; InvalidFilterError."""
    version_id = visit.find_filter(name)
    if not version_id:
        return None
    timeline = visit.deps.book.timeline(version_id.rpartition("@")[0])
    found = [version for version in timeline if version.price_version_id == version_id]
    if not found:
        raise InvalidFilterError(name, f"is {version_id!r}, which is no version of the price book")
    return found[0]


def list_pairs(book: PriceBook, model: str) -> list[tuple[PriceVersion, PriceVersion | None]]:
    """The versions of a model, newest first, each with the one before it."""
    timeline = book.timeline(model)
    before: list[PriceVersion | None] = [None, *timeline[:-1]]
    return list(zip(timeline, before, strict=True))[::-1]


def _add_up(repriced: Sequence[Repriced]) -> Repriced:
    """All models together; without ends where one has none."""
    lows, highs = [one.low_nano for one in repriced], [one.high_nano for one in repriced]
    known_lows, known_highs = ([end for end in ends if end is not None] for ends in (lows, highs))
    is_known = len(known_lows) == len(repriced)
    return Repriced(
        model="",
        version=None,
        requests=sum(one.requests for one in repriced),
        charged_nano=sum(one.charged_nano for one in repriced),
        low_nano=sum(known_lows) if is_known else None,
        high_nano=sum(known_highs) if is_known else None,
    )


def _find_next_change(prices: Sequence[ModelPrice]) -> date | None:
    """The day of the next change that is announced."""
    return min((price.next.from_on for price in prices if price.next is not None), default=None)


def find_chosen_month(visit: Visit, at: datetime) -> date:
    """The first day of the month (UTC) that the address names, else of the last one."""
    text = visit.find_filter("month")
    if not text:
        this_on = at.astimezone(UTC).date().replace(day=1)
        return date(this_on.year - (this_on.month == 1), (this_on.month - 2) % 12 + 1, 1)
    try:
        month_on = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InvalidFilterError("month", f"is {text!r}, not a month such as 2026-11") from None
    return _check_year("month", month_on)


def _read_day(visit: Visit, name: str) -> date | None:
    text = visit.find_filter(name)
    try:
        return _check_year(name, date.fromisoformat(text)) if text else None
    except ValueError:
        raise InvalidFilterError(name, f"is {text!r}, not a day such as 2026-11-23") from None


def _check_year(name: str, on: date) -> date:
    if not FIRST_YEAR <= on.year < LAST_YEAR:
        raise InvalidFilterError(name, f"is in the year {on.year}; there are {FIRST_YEAR} to {LAST_YEAR}")
    return on
