"""How amounts, counts and instants are shown."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from jeton.console.choices import CHOICES, Choices, find_zone
from jeton.console.pages import (
    display_count,
    display_exact,
    display_moment,
    display_money,
    display_nano,
    display_percent,
    display_time,
)


@pytest.mark.parametrize(
    ("nano", "html"),
    [
        (0, '<span class="money" title="$0.000000000">$0.00</span>'),
        (13_200_000, '<span class="money" title="$0.013200000">$0.0132</span>'),
        (1, '<span class="money" title="$0.000000001">$0.000000001</span>'),
        (5_000_000_000, '<span class="money" title="$5.000000000">$5.00</span>'),
        (
            1_234_567_000_001,
            '<span class="money" title="$1,234.567000001">$1,234.56<span class="finer">7000001</span></span>',
        ),
        (
            -1_005_000_000,
            '<span class="money" title="-$1.005000000">-$1.00<span class="finer">5</span></span>',
        ),
    ],
)
def test_an_amount_is_exact_and_has_nine_decimals_on_hover(nano: int, html: str) -> None:
    assert display_money(nano) == html


def test_rates_have_two_decimals_at_least_and_every_further_one() -> None:
    assert display_nano(2_000_000_000) == "2.00"
    assert display_exact(Fraction(125_000_000)) == "0.125"
    assert display_exact(Fraction(1_000_000_000, 3)) == "1/3"


def test_no_count_is_unknown_and_not_zero() -> None:
    assert (display_count(None), display_count(0), display_count(1_234_567)) == ("unknown", "0", "1,234,567")


def test_an_instant_is_in_utc() -> None:
    shown = display_time(datetime(2026, 11, 23, 12, 3, 7, 999, tzinfo=UTC))
    assert shown == '<time datetime="2026-11-23T12:03:07.000999+00:00">2026-11-23 12:03:07 UTC</time>'


def test_the_time_in_a_log_is_in_the_chosen_zone_and_exact_for_machines() -> None:
    before = CHOICES.set(Choices(zone=find_zone("Asia/Kathmandu")))
    shown = display_moment(datetime(2026, 11, 23, 20, 3, 7, 999, tzinfo=UTC))
    CHOICES.reset(before)
    assert shown == (
        '<time datetime="2026-11-23T20:03:07.000999+00:00" title="2026-11-23 20:03:07 UTC">'
        "11-24 01:48:07</time>"
    )


def test_a_percentage_and_its_sign_stay_on_one_line() -> None:
    assert display_percent(12_345) == "1.23\u00a0%"
    assert display_percent(-1_234_567, is_signed=True) == "\u2212123.46\u00a0%"
