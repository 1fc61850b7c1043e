"""The chart: whole coordinates, stacks as high as their sums; and waterfalls that end where they should."""

from hypothesis import given
from hypothesis import strategies as st

from jeton.console.chart import (
    FALL_WIDTH,
    HEIGHT,
    LEFT,
    LINKS_MAX,
    PLOT_HEIGHT,
    TOP,
    WIDTH,
    Bar,
    Chart,
    Span,
    draw_bars,
    draw_waterfall,
)
from jeton.money import display_usd


def draw(bars: list[tuple[int, ...]], *, level: tuple[int, str] | None = None) -> Chart | None:
    series = [f"s{number}" for number in range(len(bars[0]))] if bars else []
    named = [Bar(f"{number}", f"day {number}", parts) for number, parts in enumerate(bars)]
    return draw_bars(named, series, sentence="A sentence.", show=display_usd, level=level)


def test_nothing_to_draw_is_no_chart() -> None:
    assert draw([]) is None
    assert draw([(0, 0), (0, 0)]) is None
    assert draw([(-5,)]) is None


def test_the_axis_ends_at_a_round_amount_and_bars_stack_from_zero() -> None:
    chart = draw([(1_500_000_000, 500_000_000), (0, 0)])
    assert chart is not None
    assert [label.text for label in chart.amounts] == ["$0.00", "$1.00", "$2.00"]
    first, second = chart.segments
    assert (first.series, first.height, first.y + first.height) == (1, 127, TOP + PLOT_HEIGHT)
    assert (second.series, second.height, second.y) == (2, 43, TOP)
    assert first.title == "day 0, s0: $1.50"


def test_a_bar_that_is_not_over_is_hatched_as_high_as_its_stack() -> None:
    over, running = Bar("0", "day 0", (5, 5)), Bar("1", "day 1", (6, 2), is_partial=True)
    chart = draw_bars([over, running], ["a", "b"], sentence="A sentence.", show=str)
    assert chart is not None
    (hatch,) = chart.hatches
    last = chart.segments[-1]
    assert (hatch.x, hatch.y, hatch.width) == (last.x, last.y, last.width)
    assert hatch.y + hatch.height == TOP + PLOT_HEIGHT


def test_a_bar_leads_somewhere_and_then_it_says_what_its_parts_are() -> None:
    bars = [
        Bar("0", "day 0", (5, 0)),
        Bar("1", "day 1", (6, 2), href="/1"),
        Bar("2", "day 2", (0, 0), href="/2"),
    ]
    chart = draw_bars(bars, ["a", "b"], sentence="A sentence.", show=str)
    assert chart is not None
    (link,) = chart.links
    assert (link.href, link.title) == ("/1", "day 1: 8 (a 6, b 2)")
    assert link.x <= chart.segments[-1].x < link.x + link.width


def test_too_many_bars_have_a_link_for_some_together() -> None:
    bars = [Bar("", "", (1 if number < 90 else 0,), href="/own") for number in range(100)]
    spans = [Span(first, first + 10, f"from {first}", f"/{first}") for first in range(0, 100, 10)]
    chart = draw_bars(bars, ["a"], sentence="Many.", show=str, spans=spans)
    assert chart is not None
    assert [link.href for link in chart.links] == [f"/{first}" for first in range(0, 90, 10)]
    assert chart.links[1].x <= chart.segments[10].x < chart.segments[19].x < chart.links[2].x
    few = draw_bars(bars[:LINKS_MAX], ["a"], sentence="Few.", show=str, spans=spans)
    assert few is not None
    assert {link.href for link in few.links} == {"/own"}


def test_a_level_is_inside_the_picture_even_above_every_bar() -> None:
    chart = draw([(1_000_000_000,)], level=(4_000_000_000, "budget"))
    assert chart is not None
    assert chart.line is not None
    assert (chart.line.y, chart.line.text) == (TOP, "budget")


def test_a_level_far_above_every_bar_leaves_the_bars_their_height() -> None:
    chart = draw([(1_000_000_000,)], level=(9_000_000_000, "budget"))
    assert chart is not None
    assert chart.line is not None
    assert (chart.line.y, chart.line.text) == (TOP, "budget, far above this chart")
    assert chart.segments[0].height == PLOT_HEIGHT


@given(st.lists(st.tuples(*[st.integers(-(10**9), 10**18)] * 4), max_size=366))
def test_every_bar_stays_inside_the_picture(bars: list[tuple[int, ...]]) -> None:
    chart = draw(bars)
    if chart is None:
        assert all(part <= 0 for bar in bars for part in bar)
        return
    for segment in chart.segments:
        assert LEFT <= segment.x <= segment.x + segment.width <= WIDTH
        assert TOP - 1 <= segment.y <= segment.y + segment.height <= TOP + PLOT_HEIGHT + 1 <= HEIGHT


def test_a_waterfall_hangs_each_step_where_the_one_before_ended() -> None:
    falls = draw_waterfall(
        [("list", 1_000, True), ("batch", -300, False), ("us", 100, False), ("net", 800, True)]
    )
    assert [(fall.x, fall.width) for fall in falls] == [(0, 1_000), (700, 300), (700, 100), (0, 800)]


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(-(10**12), 10**12), st.booleans()), max_size=9))
def test_a_waterfall_stays_inside_the_picture(steps: list[tuple[str, int, bool]]) -> None:
    for fall in draw_waterfall(steps):
        assert 0 <= fall.x <= fall.x + fall.width <= FALL_WIDTH + 2


def test_a_crowded_chart_is_one_line_a_series() -> None:
    chart = draw([(1, 1)] * 200)
    assert chart is not None
    assert chart.segments == ()
    assert [outline.series for outline in chart.outlines] == [1, 2]
    assert chart.outlines[0].path.count("v") == 200


def test_an_outline_goes_down_each_part_in_the_middle_of_its_bar() -> None:
    # 300 bars on 676 units, one wide: 0, 2, 4, 6, 9 ... The axis goes to 4, so a part of 1 is 170 / 4 high.
    chart = draw([*[(1, 2)] * 299, (3, 1)])
    assert chart is not None
    lower, upper = chart.outlines
    assert (lower.width, upper.width) == (1, 1)
    # From x = 76.5 (the first bar's middle); its first part is from 140 (= 12 + 170 - 42) to the axis at 182.
    assert lower.path.startswith("M76.5 140v42m2-42v42m2-42v42m2-42v42m3-42")
    assert lower.path.endswith("m2-127v127")
    assert upper.path.startswith("M76.5 55v85m2-85v85m2-85v85m2-85v85m3-85")
    assert upper.path.endswith("m2-128v43")
