"""Chart: stacked bars and waterfalls as whole-number coordinates for small SVGs. The numbers are others'."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH = 760
HEIGHT = 220
LEFT = 76
TOP = 12
PLOT_WIDTH = WIDTH - LEFT - 8
PLOT_HEIGHT = 170
SERIES_MAX = 6
LABELS_MAX = 8
# So many bars lead somewhere; of more each is narrow and the page too heavy, so several have one link.
LINKS_MAX = 48
# So many of them also say what each part is; of more, whose titles would weigh too much, the total alone.
DETAILED_MAX = 31
# A level more than so many times the tallest bar would leave the bars without height: it stands at the edge.
LEVEL_REACH = 8
# So many parts have a title each; more are drawn as one line a series, or the page would weigh too much.
SEGMENTS_MAX = 240

Show = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a label for the axis, a name for its title, a part for each series, and where it leads."""

    label: str
    name: str
    parts: tuple[int, ...]
    is_partial: bool = False
    href: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Bars in a row, from number ``first`` up to, not including, ``until``, with one name and one link."""

    first: int
    until: int
    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One series' part of a bar; ``series`` is 1 to SERIES_MAX, the same for a series everywhere."""

    x: int
    y: int
    width: int
    height: int
    series: int
    title: str
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Outline:
    """All parts of one series in one line of a bar's ``width``, where they are too many for a title each."""

    series: int
    path: str
    width: int


@dataclass(frozen=True, slots=True)
class Hatch:
    """Where a bar that is not over yet stands: it is hatched."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Link:
    """A bar, or some, as high as the picture that leads somewhere; ``title`` says what it is and has."""

    x: int
    width: int
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text of an axis at its place."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A level across the chart, a budget for one."""

    y: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart and the sentence that says what it shows."""

    sentence: str
    segments: tuple[Segment, ...]
    days: tuple[Label, ...]
    amounts: tuple[Label, ...]
    series: tuple[str, ...]
    line: Line | None = None
    outlines: tuple[Outline, ...] = ()
    hatches: tuple[Hatch, ...] = ()
    links: tuple[Link, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    bottom: int = TOP + PLOT_HEIGHT


def draw_bars(
    bars: Sequence[Bar],
    series: Sequence[str],
    *,
    sentence: str,
    show: Show,
    level: tuple[int, str] | None = None,
    spans: Sequence[Span] = (),
) -> Chart | None:
    """Bars stacked by at most SERIES_MAX series; None without anything to show.

    ``spans`` lead on where there are more than LINKS_MAX bars, whose own links are not drawn.
    A part below zero, which a reversal can make, has no height. ``level`` is a line across, with its name;
    far above every bar it is drawn along the upper edge and says so.
    """
    tallest = max((_height(bar) for bar in bars), default=0)
    if tallest <= 0:
        return None
    is_within_reach = level is not None and level[0] <= LEVEL_REACH * tallest
    scale = _round_up(max(tallest, level[0]) if level and is_within_reach else tallest)
    is_crowded = sum(part > 0 for bar in bars for part in bar.parts) > SEGMENTS_MAX
    links = _link_spans(bars, spans) if len(bars) > LINKS_MAX else _link(bars, series, show=show)
    # Outlines have no titles, and a link has those of its bar, so none are made for them.
    segments = _stack(bars, series, scale=scale, show=None if is_crowded or links else show)
    return Chart(
        sentence=sentence,
        segments=() if is_crowded else segments,
        outlines=_trace(segments) if is_crowded else (),
        hatches=_hatch(segments),
        links=links,
        days=_label_bars(bars),
        amounts=tuple(
            Label(LEFT - 8, TOP + PLOT_HEIGHT - PLOT_HEIGHT * part // 2, show(scale * part // 2))
            for part in (0, 1, 2)
        ),
        series=tuple(series),
        line=None if level is None else _draw_level(*level, scale=scale),
    )


def _draw_level(amount: int, name: str, *, scale: int) -> Line:
    if amount > scale:
        return Line(TOP, f"{name}, far above this chart")
    return Line(TOP + PLOT_HEIGHT - PLOT_HEIGHT * amount // scale, name)


def _link(bars: Sequence[Bar], series: Sequence[str], *, show: Show) -> tuple[Link, ...]:
    """One for each bar with anything in it."""
    links = []
    for number, bar in enumerate(bars):
        if not bar.href or _height(bar) <= 0:
            continue
        x, until_x = PLOT_WIDTH * number // len(bars), PLOT_WIDTH * (number + 1) // len(bars)
        parts = [f"{name} {show(part)}" for name, part in zip(series, bar.parts, strict=True) if part > 0]
        said = f"{bar.name}: {show(sum(bar.parts))}"
        title = said if len(bars) > DETAILED_MAX or len(series) == 1 else f"{said} ({', '.join(parts)})"
        links.append(Link(LEFT + x, until_x - x, bar.href, title))
    return tuple(links)


def _link_spans(bars: Sequence[Bar], spans: Sequence[Span]) -> tuple[Link, ...]:
    """One for each span with anything in it; what it comes to is not said, as bars may be cumulative."""
    links = []
    for span in spans:
        if any(_height(bar) > 0 for bar in bars[span.first : span.until]):
            x, until_x = (PLOT_WIDTH * number // len(bars) for number in (span.first, span.until))
            links.append(Link(LEFT + x, until_x - x, span.href, span.name))
    return tuple(links)


def _trace(segments: Sequence[Segment]) -> tuple[Outline, ...]:
    """One line down each part, as wide as a bar, and from there to the next part: half the bytes of boxes."""
    paths: dict[int, list[str]] = {}
    ends: dict[int, tuple[int, int]] = {}
    for part in segments:
        if part.series in ends:
            x, y = ends[part.series]
            dx, dy = part.x - x, part.y - y
            start = f"m{dx}{dy}" if dy < 0 else f"m{dx} {dy}"
        else:
            # The middle of a bar of odd width lies between two units.
            start = f"M{part.x + part.width // 2}{'.5' if part.width % 2 else ''} {part.y}"
        paths.setdefault(part.series, []).append(f"{start}v{part.height}")
        ends[part.series] = (part.x, part.y + part.height)
    return tuple(
        Outline(series, "".join(moves), segments[0].width) for series, moves in sorted(paths.items())
    )


def _hatch(segments: Sequence[Segment]) -> tuple[Hatch, ...]:
    """One for each bar that is not over, as high as its stack."""
    tops: dict[int, Segment] = {}
    for part in segments:
        if part.is_partial and (part.x not in tops or part.y < tops[part.x].y):
            tops[part.x] = part
    return tuple(Hatch(x, top.y, top.width, TOP + PLOT_HEIGHT - top.y) for x, top in tops.items())


def _height(bar: Bar) -> int:
    return sum(max(0, part) for part in bar.parts)


def _stack(
    bars: Sequence[Bar], series: Sequence[str], *, scale: int, show: Show | None
) -> tuple[Segment, ...]:
    step = PLOT_WIDTH // len(bars) or 1
    width = max(1, step - max(1, step // 5))
    segments = []
    for number, bar in enumerate(bars):
        below = 0
        for place, (name, part) in enumerate(zip(series, bar.parts, strict=True), 1):
            if part <= 0:
                continue
            # Edges are rounded, not heights: so the stack is as high as its sum.
            lower = PLOT_HEIGHT * below // scale
            below += part
            upper = PLOT_HEIGHT * below // scale
            segments.append(
                Segment(
                    x=LEFT + PLOT_WIDTH * number // len(bars),
                    y=TOP + PLOT_HEIGHT - upper,
                    width=width,
                    height=max(1, upper - lower),
                    series=place,
                    title=f"{bar.name}, {name}: {show(part)}" if show else "",
                    is_partial=bar.is_partial,
                )
            )
    return tuple(segments)


def _label_bars(bars: Sequence[Bar]) -> tuple[Label, ...]:
    every = -(-len(bars) // LABELS_MAX)
    middle = PLOT_WIDTH // len(bars) // 2
    return tuple(
        Label(LEFT + PLOT_WIDTH * number // len(bars) + middle, TOP + PLOT_HEIGHT + 20, bar.label)
        for number, bar in enumerate(bars)
        if number % every == 0
    )


def _round_up(amount: int) -> int:
    """The next of a few digits times a power of ten, so that the axis has round amounts; at least 2."""
    power = 1
    while True:
        for digit in (1, 2, 3, 4, 5, 6, 8):
            if digit * power >= max(amount, 2):
                return digit * power
        power *= 10


@dataclass(frozen=True, slots=True)
class Fall:
    """One step of a waterfall: where its bar lies, from 0 to 1,000 across, and what it is."""

    name: str
    amount: int
    x: int
    width: int
    is_total: bool


FALL_WIDTH = 1_000


def draw_waterfall(steps: Sequence[tuple[str, int, bool]]) -> tuple[Fall, ...]:
    """Steps as (name, amount, whether it is a total) as bars; changes hang where the one before ended."""
    levels = [0]
    for _, amount, is_total in steps:
        levels.append(amount if is_total else levels[-1] + amount)
    highest = max(*levels, 1)
    falls = []
    for (name, amount, is_total), before, after in zip(steps, levels, levels[1:], strict=False):
        low, high = sorted((0, after) if is_total else (before, after))
        x = FALL_WIDTH * max(0, low) // highest
        width = max(2, FALL_WIDTH * max(0, high) // highest - x) if amount else 0
        falls.append(Fall(name, amount, x, width, is_total))
    return tuple(falls)
