"""Caching: what the prompt cache saved, what broke it, and how long prefixes should be kept."""

from fractions import Fraction

from jeton import clock
from jeton.console.chart import Bar, Chart, draw_bars
from jeton.console.errors import InvalidFilterError
from jeton.console.filters import list_choices, parse_filters
from jeton.console.visit import View, Visit
from jeton.insight.caching.families import (
    FAMILIES_SHOWN,
    SCANNED_MAX,
    Family,
    list_families,
    render_family,
)
from jeton.insight.caching.fitting import BreakEven, Fit, find_break_even, find_fit
from jeton.insight.caching.reading import BREAKS_MAX, CacheChoice, CacheReport, get_cache_report
from jeton.insight.caching.rendering import render_cache_report
from jeton.insight.contract.terms import read_own_terms
from jeton.insight.explore.stretches import DAY
from jeton.money import display_usd
from jeton.pricing.terms import OwnTerms

# Beside the sums by model, workspace and key: prompts by what they begin with, on request.
BY_PROMPT = "prompt"
DAYS_DRAWN_MAX = 92
# The page is of all classes of settled prompts together.
_UNKNOWN = frozenset({"token_class", "state"})


async def show_caching(visit: Visit) -> View:
    """The range's read rate, savings and breaks, by model, workspace, key, or what prompts begin with."""
    filters, by = parse_filters(visit, without=_UNKNOWN), visit.find_filter("by")
    if by not in {"", BY_PROMPT}:
        raise InvalidFilterError("by", f"is {by!r}, not {BY_PROMPT}")
    choice = CacheChoice(
        filters.stretch,
        filters.workspace_id,
        filters.key_id,
        filters.model,
        filters.service_tier,
        end_user=filters.end_user,
        tag=filters.tag,
    )
    organization_id = visit.session.organization_id
    families: tuple[Family, ...] = ()
    async with visit.deps.pool.connection() as connection:
        report = await get_cache_report(connection, organization_id, choice)
        choices = await list_choices(connection, organization_id, filters)
        own = await read_own_terms(connection, organization_id)
        evens = _find_evens(visit, report, own)
        if by:
            families = await list_families(connection, organization_id, choice, evens)
    fits = _list_fits(report, evens)
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
        "by": by,
        "families": families,
        "families_shown": FAMILIES_SHOWN,
        "timeline": _draw_timeline(report),
        "times": display_times,
        "breaks_max": BREAKS_MAX,
        "scanned_max": SCANNED_MAX,
    }
    data = render_cache_report(report, fits)
    if by:
        data["by_prompt"] = [render_family(one) for one in families]
    return View("spending/caching.html", context, data)


def display_times(ratio: Fraction) -> str:
    """A ratio with two decimals: 5/18 is ``0.28``."""
    hundredths = round(ratio * 100)
    return f"{hundredths // 100:,}.{hundredths % 100:02}"


def _draw_timeline(report: CacheReport) -> Chart | None:
    """What breaks cost by day and cause; of a long range the last days. None without any cost."""
    reasons = [cause.reason for cause in report.causes]
    last_on, first_on = report.stretch.last_on, report.stretch.first_on
    days = min((last_on - first_on).days + 1, DAYS_DRAWN_MAX)
    shown = [last_on - DAY * back for back in reversed(range(days))]
    bars = [
        Bar(
            f"{day.day}",
            f"{day:%d %b %Y}",
            tuple(report.timeline.get(day, {}).get(reason, 0) for reason in reasons),
        )
        for day in shown
    ]
    costliest = max(report.timeline, key=lambda day: sum(report.timeline[day].values()), default=None)
    if costliest is None:
        return None
    most = display_usd(sum(report.timeline[costliest].values()))
    sentence = f"What breaks cost by day and cause, most on {costliest:%d %b %Y}: {most}."
    names = [reason.replace("_", " ") for reason in reasons]
    return draw_bars(bars, names, sentence=sentence, show=display_usd)


def _find_evens(visit: Visit, report: CacheReport, own: OwnTerms) -> dict[str, BreakEven]:
    """Of every model in the report its cache rates, by the prices and terms in force now."""
    evens, at = dict[str, BreakEven](), clock.now()
    for model, _ in report.groups["model"]:
        version = visit.deps.book.find_version(model, at)
        even = None if version is None else find_break_even(version, own.find(version, at))
        if even is not None:
            evens[model] = even
    return evens


def _list_fits(report: CacheReport, evens: dict[str, BreakEven]) -> list[Fit]:
    """Of every model that wrote to the cache or read from it."""
    return [
        find_fit(evens[model], sums, report.expired_nano.get(model, 0))
        for model, sums in report.groups["model"]
        if model in evens and (sums.written_tokens or sums.cache_read_input_tokens)
    ]
