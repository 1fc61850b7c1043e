"""Gaps of the price book: every day in the next ninety on which a model that is served has no price."""

from dataclasses import replace
from datetime import UTC, date, datetime

from tests.integration.world import SONNET

from jeton.insight.contract.coverage import list_gaps
from jeton.pricing.book import PriceBook, PriceVersion

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAME = SONNET.model


def version(from_on: date, until_on: date | None = None, *, retires_on: date | None = None) -> PriceVersion:
    card = replace(SONNET.card, retires_on=retires_on)
    return replace(SONNET, card=card, from_on=from_on, until_on=until_on)


def gaps(*versions: PriceVersion) -> list[tuple[date, date | None]]:
    found = list_gaps(PriceBook(versions), AT, served=[NAME], used=[])
    return [(gap.from_on, gap.until_on) for gap in found]


def test_a_price_without_an_end_has_none() -> None:
    assert gaps(version(date(2026, 1, 1))) == []
    assert gaps(version(date(2026, 1, 1)), version(date(2026, 12, 1))) == []


def test_no_price_at_all_is_a_gap_from_today_for_good() -> None:
    assert gaps() == [(date(2026, 11, 23), None)]


def test_an_end_without_a_successor_is_a_gap_from_that_day() -> None:
    assert gaps(version(date(2026, 1, 1), date(2026, 12, 24))) == [(date(2026, 12, 24), None)]


def test_an_end_after_ninety_days_is_none_yet() -> None:
    assert gaps(version(date(2026, 1, 1), date(2027, 2, 21))) == []
    assert gaps(version(date(2026, 1, 1), date(2027, 2, 20))) == [(date(2027, 2, 20), None)]


def test_a_hole_between_two_versions_is_named_with_both_ends() -> None:
    first, second = version(date(2026, 1, 1), date(2026, 12, 1)), version(date(2026, 12, 5))
    assert gaps(first, second) == [(date(2026, 12, 1), date(2026, 12, 5))]


def test_a_model_that_comes_later_has_no_price_until_then() -> None:
    assert gaps(version(date(2026, 12, 1))) == [(date(2026, 11, 23), date(2026, 12, 1))]


def test_whoever_retires_needs_no_price_from_then_on() -> None:
    retires_on = date(2026, 12, 24)
    assert gaps(version(date(2026, 1, 1), retires_on, retires_on=retires_on)) == []


def test_what_was_used_counts_as_well_and_says_so() -> None:
    (gap,) = list_gaps(PriceBook(()), AT, served=[], used=[NAME])
    assert (gap.model, gap.is_served, gap.is_used) == (NAME, False, True)
