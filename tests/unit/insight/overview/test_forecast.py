"""Forecasts in whole numbers, worked by hand."""

from datetime import date

from jeton.insight.overview.forecast import predict

USD = 1_000_000_000
TODAY = date(2026, 11, 20)


def test_a_steady_pace_goes_on() -> None:
    forecast = predict([USD] * 28, so_far_nano=10 * USD, days_left=10, available_nano=5 * USD, today=TODAY)
    assert (forecast.least_nano, forecast.expected_nano, forecast.most_nano) == (20 * USD,) * 3
    assert forecast.runs_out_on == date(2026, 11, 25)


def test_the_least_and_the_most_are_weeks_that_were() -> None:
    past = [7 * USD] * 7 + [0] * 7 + [2 * USD] * 7
    forecast = predict(past, so_far_nano=0, days_left=3, available_nano=0, today=TODAY)
    assert (forecast.least_nano, forecast.expected_nano, forecast.most_nano) == (0, 6 * USD, 21 * USD)
    assert forecast.runs_out_on is None


def test_a_third_of_a_nano_is_rounded_once() -> None:
    forecast = predict([0, 0, 1, 0, 0], so_far_nano=5, days_left=5, available_nano=1, today=TODAY)
    # 1 nano in 3 known days, for 5 days: 1 2/3.
    assert (forecast.expected_nano, forecast.days_known) == (7, 3)
    assert forecast.runs_out_on == date(2026, 11, 23)


def test_without_a_past_nothing_is_foretold() -> None:
    forecast = predict([], so_far_nano=5, days_left=5, available_nano=USD, today=TODAY)
    assert (forecast.least_nano, forecast.expected_nano, forecast.most_nano) == (5, 5, 5)
    assert forecast.runs_out_on is None
    endless = predict([1] * 7, so_far_nano=0, days_left=1, available_nano=10**18, today=TODAY)
    assert endless.runs_out_on is None
