"""Chart: stacked bars of amounts by day, as whole-number coordinates for a small SVG."""

from dataclasses import dataclass
from datetime import date, timedelta

from jeton.insight.usage import UsageReport
from jeton.money import display_usd

WIDTH = 760
HEIGHT = 220
LEFT = 76
TOP = 12
PLOT_WIDTH = WIDTH - LEFT - 8
PLOT_HEIGHT = 170
SERIES_MAX = 6
LABELS_MAX = 8
OTHER = "other models"


@dataclass(frozen=True, slots=True)
class Segment:
    """One model's part of a day's bar; ``series`` is 1 to SERIES_MAX, the same for a model everywhere."""

    x: int
    y: int
    width: int
    height: int
    series: int
    title: str
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Label:
    """A text of an axis at its place."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart and the sentence that says what it shows."""

    sentence: str
    segments: tuple[Segment, ...]
    days: tuple[Label, ...]
    amounts: tuple[Label, ...]
    models: tuple[str, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = TOP + PLOT_HEIGHT


def draw_chart(report: UsageReport) -> Chart | None:
    """The net amount of each day, stacked by model; None without any amount."""
    if report.totals.net_nano <= 0:
        return None
    ranked = [model for model, _ in report.by_model]
    named = ranked if len(ranked) <= SERIES_MAX else [*ranked[: SERIES_MAX - 1], OTHER]
    days = _sum_days(report, named)
    scale_nano = _round_up(max(sum(amounts.values()) for amounts in days.values()))
    return Chart(
        sentence=_describe(report, days),
        segments=_stack(days, named, scale_nano=scale_nano, today=report.as_of.date()),
        days=_label_days(list(days)),
        amounts=tuple(
            Label(LEFT - 8, TOP + PLOT_HEIGHT - PLOT_HEIGHT * part // 2, display_usd(scale_nano * part // 2))
            for part in (0, 1, 2)
        ),
        models=tuple(named),
    )


def _sum_days(report: UsageReport, named: list[str]) -> dict[date, dict[str, int]]:
    days: dict[date, dict[str, int]] = {
        report.range.from_on + timedelta(days=number): {} for number in range(report.range.days)
    }
    for row in report.rows:
        model = row.model if row.model in named else OTHER
        amounts = days[row.day_on]
        amounts[model] = amounts.get(model, 0) + row.sums.net_nano
    return days


def _stack(
    days: dict[date, dict[str, int]], named: list[str], *, scale_nano: int, today: date
) -> tuple[Segment, ...]:
    step = PLOT_WIDTH // len(days) or 1
    width = max(1, step - max(1, step // 5))
    segments = []
    for number, (day_on, amounts) in enumerate(days.items()):
        below_nano = 0
        for series, model in enumerate(named, 1):
            nano = amounts.get(model, 0)
            if not nano:
                continue
            # Edges are rounded, not heights: so the stack is as high as its sum.
            lower = PLOT_HEIGHT * below_nano // scale_nano
            below_nano += nano
            upper = PLOT_HEIGHT * below_nano // scale_nano
            segments.append(
                Segment(
                    x=LEFT + PLOT_WIDTH * number // len(days),
                    y=TOP + PLOT_HEIGHT - upper,
                    width=width,
                    height=max(1, upper - lower),
                    series=series,
                    title=f"{day_on}, {model}: {display_usd(nano)}",
                    is_partial=day_on == today,
                )
            )
    return tuple(segments)


def _label_days(days: list[date]) -> tuple[Label, ...]:
    every = -(-len(days) // LABELS_MAX)
    middle = PLOT_WIDTH // len(days) // 2
    return tuple(
        Label(LEFT + PLOT_WIDTH * number // len(days) + middle, TOP + PLOT_HEIGHT + 20, f"{day_on:%b %d}")
        for number, day_on in enumerate(days)
        if number % every == 0
    )


def _round_up(nano: int) -> int:
    """The next of a few digits times a power of ten, so that the axis has round amounts; at least 2."""
    power = 1
    while True:
        for digit in (1, 2, 3, 4, 5, 6, 8):
            if digit * power >= max(nano, 2):
                return digit * power
        power *= 10


def _describe(report: UsageReport, days: dict[date, dict[str, int]]) -> str:
    highest = max(days, key=lambda day_on: sum(days[day_on].values()))
    sentence = (
        f"Net amount by day and model: {display_usd(report.totals.net_nano)} in {report.range.days} days;"
        f" the highest day was {highest} with {display_usd(sum(days[highest].values()))}."
    )
    return f"{sentence} Today is not over." if report.as_of.date() in days else sentence
