"""Drawing: reports as charts. Tokens by class have the same colours everywhere; groups go by rank."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, groupby
from operator import add
from types import MappingProxyType

from jeton.console.chart import LINKS_MAX, SERIES_MAX, Bar, Chart, Show, Span, draw_bars
from jeton.console.currency import display_amount
from jeton.console.filters import Filters
from jeton.console.pages import display_count, display_percent
from jeton.console.routes.explore.asking import name_bucket
from jeton.insight.explore.question import Group, Report
from jeton.insight.explore.stretches import Step
from jeton.insight.explore.sums import MEASURES, TOKEN_CLASSES, TOKEN_PARTS, Sums

OTHER = "other"
ADDED_UP = " Each bar has all before it, too."
Lead = Callable[[datetime, datetime], str]
PPM = 1_000_000
# Two weeks against the two before them.
RUN_DAYS = 14
# What bars too many for a link each are put together to, as strftime tells it; minutes also to quarters of an
# hour, see ``_name_span``. Days go to months, as links to weeks would make the heaviest pages too heavy.
_SPANS: Mapping[Step, str] = MappingProxyType(
    {"1m": "%Y-%m-%d %H:", "1h": "%Y-%m-%d", "1d": "%B %Y", "1mo": "%Y"}
)
# A page of more bars is too heavy for any link; its table leads on.
SPANNED_BARS_MAX = 200
_QUARTER_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Style:
    """How a report is drawn: by which measure, called what, with a level across, added up from bar to bar.

    ``lead`` says where a bucket leads, ``zoom`` where some together do; ``before`` are the totals of what
    came before, where that is compared; ``remark`` is a sentence more of what the chart shows.
    """

    measure: str = "net_nano"
    title: str = ""
    level: tuple[int, str] | None = None
    is_cumulative: bool = False
    lead: Lead | None = None
    zoom: Lead | None = None
    before: Sums | None = None
    remark: str = ""


PLAIN = Style()


def draw_tokens(report: Report, filters: Filters, *, style: Style = PLAIN) -> Chart | None:
    """Tokens by class in each bucket of time, or up to its end; output in two parts if some was thought."""
    classes = TOKEN_PARTS if report.totals.thinking_tokens else TOKEN_CLASSES
    parts = [_read(sums, tuple(classes)) for sums in report.by_bucket]
    style = replace(style, measure="tokens", title="Tokens by class")
    return _draw(report, filters, (parts, tuple(classes.values())), style=style)


def draw_groups(
    report: Report, filters: Filters, *, name: Callable[[Group], str], style: Style = PLAIN
) -> Chart | None:
    """One measure in each bucket of time, or up to its end, stacked by the first dimension, if any."""
    width = min(1, len(report.question.group_by))
    groups = report.by_first(width)
    ranked = [group for group in groups if None not in group]
    named = ranked[:SERIES_MAX] if len(groups) <= SERIES_MAX else ranked[: SERIES_MAX - 1]
    has_other = len(named) < len(groups)
    places = {group: place for place, group in enumerate(named)}
    parts = [[0] * (len(named) + has_other) for _ in range(report.buckets.count)]
    for cell in report.cells:
        place = places.get(cell.group[:width], len(named))
        parts[cell.bucket][place] += getattr(cell.sums, style.measure)
    series = tuple(name(group) for group in named) + ((OTHER,) if has_other else ())
    return _draw(report, filters, ([tuple(some) for some in parts], series), style=style)


def _draw(
    report: Report, filters: Filters, stacks: tuple[list[tuple[int, ...]], tuple[str, ...]], *, style: Style
) -> Chart | None:
    """Stacks as (parts of each bucket, names of the series)."""
    parts, series = stacks
    show: Show = display_amount if style.measure.endswith("_nano") else display_count
    is_many = report.buckets.count > LINKS_MAX
    lead = None if is_many else style.lead
    bars = _make_bars(report, filters, add_on(parts) if style.is_cumulative else parts, lead=lead)
    is_spanned = is_many and report.buckets.count <= SPANNED_BARS_MAX
    spans = list_spans(report, filters, style.zoom) if is_spanned and style.zoom else []
    total = getattr(report.totals, style.measure)
    before = None if style.before is None else getattr(style.before, style.measure)
    title = style.title or MEASURES[style.measure]
    said = ADDED_UP if style.is_cumulative else _say_highest(bars, show)
    sentence = f"{title}: {show(total)} in all.{say_change(total, before, show=show)}{style.remark}{said}"
    return draw_bars(bars, series, sentence=sentence, show=show, level=style.level, spans=spans)


def add_on(parts: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Each bar with all that came before it: (1, 2), (3, 0) is (1, 2), (4, 2)."""
    return list(accumulate(parts, lambda before, some: tuple(map(add, before, some))))


def say_change(now: int, before: int | None, *, show: Show) -> str:
    """How it moved against what came before: 9 after 12 fell by a quarter."""
    if before is None:
        return ""
    if before <= 0 or now == before:
        return " As much as before." if now == before else f" Before that it was {show(before)}."
    moved = display_percent(abs(now - before) * PPM // before)
    return f" It {'rose' if now > before else 'fell'} {moved} from {show(before)}."


def say_weeks(report: Report) -> str:
    """How the last RUN_DAYS full days moved against as many before; of days whose last one is not over."""
    full = [sums.net_nano for sums in report.by_bucket[:-1]][-2 * RUN_DAYS :]
    if len(full) < 2 * RUN_DAYS or sum(full[:RUN_DAYS]) <= 0:
        return ""
    change = say_change(sum(full[RUN_DAYS:]), sum(full[:RUN_DAYS]), show=display_amount)
    return f" In the last {RUN_DAYS} full days{change.replace(' It', ' it', 1).replace(' As', ' as', 1)}"


def list_spans(report: Report, filters: Filters, zoom: Lead) -> list[Span]:
    """The bars of a report put together, each of the spans leading to itself alone."""
    buckets, form = report.buckets, _SPANS[report.question.step or "1d"]
    names = [_name_span(at, form, filters) for at in buckets.cuts[:-1]]
    spans: list[Span] = []
    for name, some in groupby(range(buckets.count), key=names.__getitem__):
        numbers = list(some)
        first, until = numbers[0], numbers[-1] + 1
        spans.append(Span(first, until, name, zoom(buckets.cuts[first], buckets.cuts[until])))
    return spans


def _name_span(at: datetime, form: str, filters: Filters) -> str:
    local = at.astimezone(filters.zone)
    minute = f"{local.minute - local.minute % _QUARTER_MINUTES:02}" if form.endswith(":") else ""
    return f"{local:{form}}{minute}"


def _make_bars(
    report: Report, filters: Filters, parts: list[tuple[int, ...]], *, lead: Lead | None
) -> list[Bar]:
    return [
        Bar(
            label=_label(starts_at, report, filters),
            name=name_bucket(starts_at, report.question.step, filters=filters),
            parts=some,
            is_partial=starts_at <= report.as_of < ends_at,
            href=lead(starts_at, ends_at) if lead else "",
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
