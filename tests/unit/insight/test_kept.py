"""Which spans of a stretch closings have kept, and which are left to the journal."""

from datetime import UTC, datetime

import pytest

from jeton.insight.accounts.kept import EVER, Span, find_sources
from jeton.insight.accounts.words import Stretch


def on(month: int, day: int = 1) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


JANUARY = Span(EVER, on(2), "close_1")
FEBRUARY = Span(on(2), on(3), "close_2")
MARCH = Span(on(3), on(4), "close_3")


@pytest.mark.parametrize(
    ("from_at", "until_at", "before", "inside"),
    [
        (None, on(4, 5), (), (JANUARY, FEBRUARY, MARCH, Span(on(4), on(4, 5)))),
        (None, on(4), (), (JANUARY, FEBRUARY, MARCH)),
        (on(3), on(4), (JANUARY, FEBRUARY), (MARCH,)),
        (on(2, 9), on(4), (JANUARY, Span(on(2), on(2, 9))), (Span(on(2, 9), on(3)), MARCH)),
        (on(5), on(6), (JANUARY, FEBRUARY, MARCH, Span(on(4), on(5))), (Span(on(5), on(6)),)),
        (on(3, 2), on(3, 9), (JANUARY, FEBRUARY, Span(on(3), on(3, 2))), (Span(on(3, 2), on(3, 9)),)),
    ],
    ids=["ever", "ever, to a closing", "a closed month", "from within a month", "after", "within one"],
)
def test_what_is_kept_is_not_read_from_the_journal(
    from_at: datetime | None, until_at: datetime, before: tuple[Span, ...], inside: tuple[Span, ...]
) -> None:
    kept = [span for span in (JANUARY, FEBRUARY, MARCH) if span.until_at <= until_at]
    sources = find_sources(kept, Stretch(until_at, from_at))
    assert (sources.before, sources.inside) == (before, inside)


def test_without_a_closing_everything_is_in_the_journal() -> None:
    sources = find_sources([], Stretch(on(4), on(3)))
    assert sources.closings == []
    assert sources.journal == [(Span(EVER, on(3)), True), (Span(on(3), on(4)), False)]
