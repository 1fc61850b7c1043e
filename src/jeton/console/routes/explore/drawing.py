"""Drawing: reports as charts. Tokens by class have the same colours everywhere; groups go by rank."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import accumulate
from operator import add

from jeton.console.chart import SERIES_MAX, Bar, Chart, Show, draw_bars
from jeton.console.filters import Filters
from jeton.console.pages import display_count
from jeton.console.routes.explore.asking import name_bucket
from jeton.insight.explore.question import Group, Report
from jeton.insight.explore.sums import MEASURES, TOKEN_CLASSES, Sums
from jeton.money import display_usd

OTHER = "other"
ADDED_UP = " Each bar has all before it, too."


def draw_tokens(report: Report, filters: Filters, *, is_cumulative: bool = False) -> Chart | None:
    """Tokens by class in each bucket of time, or up to its end."""
    tokens = report.totals.tokens
    parts = [_read(sums, tuple(TOKEN_CLASSES)) for sums in report.by_bucket]
    bars = _make_bars(report, filters, add_on(parts) if is_cumulative else parts)
    said = ADDED_UP if is_cumulative else _say_highest(bars, display_count)
    sentence = f"Tokens by class: {display_count(tokens)} in all.{said}"
    return draw_bars(bars, tuple(TOKEN_CLASSES.values()), sentence=sentence, show=display_count)


def draw_groups(
    report: Report,
    filters: Filters,
    *,
    name: Callable[[Group], str],
    measure: str = "net_nano",
    level: tuple[int, str] | None = None,
    is_cumulative: bool = False,
) -> Chart | None:
    """One measure in each bucket of time, or up to its end, stacked by the first dimension, if any."""
    show: Show = display_usd if measure.endswith("_nano") else display_count
    width = min(1, len(report.question.group_by))
    groups = report.by_first(width)
    ranked = [group for group in groups if None not in group]
    named = ranked[:SERIES_MAX] if len(groups) <= SERIES_MAX else ranked[: SERIES_MAX - 1]
    has_other = len(named) < len(groups)
    places = {group: place for place, group in enumerate(named)}
    parts = [[0] * (len(named) + has_other) for _ in range(report.buckets.count)]
    for cell in report.cells:
        place = places.get(cell.group[:width], len(named))
        parts[cell.bucket][place] += getattr(cell.sums, measure)
    stacks = [tuple(some) for some in parts]
    bars = _make_bars(report, filters, add_on(stacks) if is_cumulative else stacks)
    series = tuple(name(group) for group in named) + ((OTHER,) if has_other else ())
    total = show(getattr(report.totals, measure))
    said = ADDED_UP if is_cumulative else _say_highest(bars, show)
    sentence = f"{MEASURES[measure]}: {total} in all.{said}"
    return draw_bars(bars, series, sentence=sentence, show=show, level=level)


def add_on(parts: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Each bar with all that came before it: (1, 2), (3, 0) is (1, 2), (4, 2)."""
    return list(accumulate(parts, lambda before, some: tuple(map(add, before, some))))


def _make_bars(report: Report, filters: Filters, parts: list[tuple[int, ...]]) -> list[Bar]:
    return [
        Bar(
            label=_label(starts_at, report, filters),
            name=name_bucket(starts_at, report.question.step, filters=filters),
            parts=some,
            is_partial=starts_at <= report.as_of < ends_at,
        )
        for some, (starts_at, ends_at) in zip(
            parts, map(report.buckets.stretch, range(report.buckets.count)), strict=True
        )
    ]


def _label(at: datetime, report: Report, filters: Filters) -> str:
    local = at.astimezone(filters.zone)
    match report.question.step:
        case "1h" | "1m":
            return f"{local:%H:%M}"
        case "1mo":
            return f"{local:%b %Y}"
        case _:
            return f"{local:%b %d}"


def _read(sums: Sums, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(getattr(sums, name) for name in names)


def _say_highest(bars: list[Bar], show: Show) -> str:
    highest = max(bars, key=lambda bar: sum(bar.parts))
    if sum(highest.parts) <= 0:
        return ""
    said = f" The highest was {highest.name} with {show(sum(highest.parts))}."
    return f"{said} The last is not over." if bars[-1].is_partial else said
