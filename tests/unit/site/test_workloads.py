"""The sliders' numbers: what an address may say, and what becomes of everything else."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl
from uuid import UUID

import pytest

from jeton.insight.usage import DailyUsage, DayRange, Sums, UsageReport
from jeton.pricing.loading import load_book
from jeton.site.faq.workloads import choose_model, find_mean, list_choices, read_workload, render_query
from jeton.site.pages import display_cents
from jeton.site.prices.stacking import Workload, work_example

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "workload"),
    [
        ({}, Workload(1_000, 9_000, 1_000, 500)),
        ({"requests": "5", "shared": "0", "own": "10", "output": "1"}, Workload(5, 0, 10, 1)),
        ({"requests": "0", "shared": "999999999999"}, Workload(1, 90_000, 1_000, 500)),
        ({"requests": "-5", "own": "1e9", "output": "<b>"}, Workload(1_000, 9_000, 1_000, 500)),
        ({"requests": "²", "shared": "٣"}, Workload(1_000, 9_000, 1_000, 500)),
    ],
)
def test_numbers_are_brought_into_their_range(query: dict[str, str], workload: Workload) -> None:
    assert read_workload(query) == workload


def test_a_week_is_so_many_equal_requests_in_the_sliders_steps() -> None:
    """3 requests: 27,300 / 3 = 9,100 is nearest 9,000; 1,000 / 3 = 333 to 300; 400 / 3 = 133 to 150."""
    sums = Sums(
        requests=3,
        input_tokens=1_000,
        cache_creation_5m_input_tokens=9_000,
        cache_creation_1h_input_tokens=300,
        cache_read_input_tokens=18_000,
        output_tokens=400,
    )
    week = find_mean(report_of(sums))
    assert week == Workload(3, 9_000, 300, 150)
    query = render_query(week, "claude-opus-5-5")
    assert query == "model=claude-opus-5-5&requests=3&shared=9000&own=300&output=150"
    assert read_workload(dict(parse_qsl(query))) == week


def test_a_week_beyond_the_sliders_ends_where_they_end() -> None:
    assert find_mean(report_of(Sums(requests=20_000, input_tokens=10**12))) == Workload(10_000, 0, 10_000, 0)
    assert find_mean(report_of()) is None


def test_a_little_is_a_step_and_not_nothing() -> None:
    assert find_mean(report_of(Sums(requests=9, input_tokens=9, output_tokens=1))) == Workload(9, 0, 100, 50)


def report_of(*many: Sums) -> UsageReport:
    rows = tuple(DailyUsage(AT.date(), "claude-opus-5-5", sums) for sums in many)
    return UsageReport(UUID(int=1), AT, DayRange.last(7, at=AT), rows)


def test_an_unknown_model_is_the_default_one() -> None:
    choices = list_choices(load_book(), AT)
    chosen = choose_model(choices, "claude-opus-5-5")
    fallback = choose_model(choices, "gpt-99")
    assert chosen is not None
    assert fallback is not None
    assert (chosen.model, fallback.model) == ("claude-opus-5-5", "claude-sonnet-5-5")
    assert choose_model([], "claude-opus-5-5") is None


def test_the_published_example_to_the_cent() -> None:
    """1,000 requests, 10,000 prompt tokens of which 9,000 are shared, 500 of output, at $3 and $15."""
    version = load_book().find_version("claude-sonnet-4-6", AT)
    assert version is not None
    example = work_example(version)
    ways = (example.standard_nano, example.cached_nano, example.batch_nano, example.both_nano)
    assert [display_cents(nano) for nano in ways] == ["$37.50", "$13.23", "$18.75", "$6.62"]


def test_one_request_writes_the_cache_and_saves_nothing_by_it() -> None:
    """9,000 written at $3.75, 1,000 of input at $3 and 500 of output at $15: 0.03375 + 0.003 + 0.0075."""
    version = load_book().find_version("claude-sonnet-4-6", AT)
    assert version is not None
    example = work_example(version, Workload(requests=1))
    assert (example.standard_nano, example.cached_nano) == (37_500_000, 44_250_000)


def test_nothing_at_all_costs_nothing() -> None:
    version = load_book().find_version("claude-sonnet-4-6", AT)
    assert version is not None
    example = work_example(version, Workload(1, 0, 0, 0))
    assert (example.both_nano, example.saved_percent) == (0, "0.0")
