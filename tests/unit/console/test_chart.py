"""The chart: whole coordinates, stacks as high as their sums, and a sentence."""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from jeton.console.chart import HEIGHT, LEFT, OTHER, PLOT_HEIGHT, TOP, WIDTH, draw_chart
from jeton.insight.usage import DailyUsage, DayRange, Sums, UsageReport

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def report_of(amounts: dict[tuple[date, str], int], *, days: int) -> UsageReport:
    rows = tuple(
        DailyUsage(day_on, model, Sums(requests=1, list_nano=nano, charged_nano=nano))
        for (day_on, model), nano in amounts.items()
    )
    return UsageReport(UUID(int=1), AT, DayRange.last(days, at=AT), rows)


def test_nothing_to_draw_is_no_chart() -> None:
    assert draw_chart(report_of({}, days=7)) is None
    assert draw_chart(report_of({(date(2026, 11, 23), "a"): 0}, days=7)) is None


def test_the_axis_ends_at_a_round_amount_and_bars_stack_from_zero() -> None:
    chart = draw_chart(
        report_of({(date(2026, 11, 22), "a"): 1_500_000_000, (date(2026, 11, 22), "b"): 500_000_000}, days=2)
    )
    assert chart is not None
    assert [label.text for label in chart.amounts] == ["$0.00", "$1.00", "$2.00"]
    first, second = chart.segments
    assert (first.series, first.height, first.y + first.height) == (1, 127, TOP + PLOT_HEIGHT)
    assert (second.series, second.height, second.y) == (2, 43, TOP)
    assert chart.models == ("a", "b")
    assert "the highest day was 2026-11-22 with $2.00" in chart.sentence
    assert "Today is not over." in chart.sentence


def test_today_is_marked_as_not_over() -> None:
    chart = draw_chart(report_of({(date(2026, 11, 23), "a"): 1, (date(2026, 11, 22), "a"): 1}, days=2))
    assert chart is not None
    assert sorted(segment.is_partial for segment in chart.segments) == [False, True]


def test_more_models_than_colours_share_the_last() -> None:
    amounts = {(date(2026, 11, 22), f"m{number}"): 100 - number for number in range(9)}
    chart = draw_chart(report_of(amounts, days=2))
    assert chart is not None
    assert chart.models == ("m0", "m1", "m2", "m3", "m4", OTHER)
    assert chart.segments[-1].title == f"2026-11-22, {OTHER}: $0.000000374"


@given(
    st.dictionaries(
        st.tuples(st.dates(date(2025, 11, 23), date(2026, 11, 23)), st.sampled_from(["a", "b", "c", "d"])),
        st.integers(0, 10**18),
        max_size=60,
    )
)
def test_every_bar_stays_inside_the_picture(amounts: dict[tuple[date, str], int]) -> None:
    chart = draw_chart(report_of(amounts, days=366))
    if chart is None:
        assert sum(amounts.values()) == 0
        return
    for segment in chart.segments:
        assert LEFT <= segment.x <= segment.x + segment.width <= WIDTH
        assert TOP - 1 <= segment.y <= segment.y + segment.height <= TOP + PLOT_HEIGHT + 1 <= HEIGHT
