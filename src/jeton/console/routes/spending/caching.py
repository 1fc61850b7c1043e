"""Caching: what the prompt cache saved, what broke it, and how long prefixes should be kept."""

from fractions import Fraction

from jeton import clock
from jeton.console.filters import list_choices, parse_filters
from jeton.console.visit import View, Visit
from jeton.insight.caching.fitting import Fit, find_break_even, find_fit
from jeton.insight.caching.reading import BREAKS_MAX, SCANNED_MAX, CacheChoice, CacheReport, get_cache_report
from jeton.insight.caching.rendering import render_cache_report
from jeton.insight.contract.terms import read_own_terms
from jeton.pricing.terms import OwnTerms


async def show_caching(visit: Visit) -> View:
    """The range's read rate, savings and breaks, by model, workspace and key."""
    filters = parse_filters(visit)
    choice = CacheChoice(
        filters.stretch, filters.workspace_id, filters.key_id, filters.model, filters.service_tier
    )
    organization_id = visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        report = await get_cache_report(connection, organization_id, choice)
        choices = await list_choices(connection, organization_id, filters)
        own = await read_own_terms(connection, organization_id)
    fits = _list_fits(visit, report, own)
    context = {
        "report": report,
        "fits": fits,
        "filters": filters,
        "choices": choices,
        "groups": (
            ("By model", "Model", report.groups["model"], {}),
            ("By workspace", "Workspace", report.groups["workspace_id"], choices.workspaces),
            ("By key", "Key", report.groups["key_id"], choices.keys),
        ),
        "times": display_times,
        "breaks_max": BREAKS_MAX,
        "scanned_max": SCANNED_MAX,
    }
    return View("spending/caching.html", context, render_cache_report(report, fits))


def display_times(ratio: Fraction) -> str:
    """A ratio with two decimals: 5/18 is ``0.28``."""
    hundredths = round(ratio * 100)
    return f"{hundredths // 100:,}.{hundredths % 100:02}"


def _list_fits(visit: Visit, report: CacheReport, own: OwnTerms) -> list[Fit]:
    """Of every model that wrote to the cache, by the prices and terms in force now."""
    fits, at = [], clock.now()
    for model, sums in report.groups["model"]:
        version = visit.deps.book.find_version(model, at)
        even = None if version is None else find_break_even(version, own.find(version, at))
        if even is not None and (sums.written_tokens or sums.cache_read_input_tokens):
            fits.append(find_fit(even, sums, report.expired_nano.get(model, 0)))
    return fits
