"""Forecasts in whole numbers, worked by hand."""

from datetime import date

from jeton.insight.overview.forecast import predict, render_forecast

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
    assert (forecast.days_known, forecast.runs_out_on) == (0, None)
    endless = predict([1] * 7, so_far_nano=0, days_left=1, available_nano=10**18, today=TODAY)
    assert endless.runs_out_on is None


def test_what_no_day_tells_is_no_amount() -> None:
    """An overview of one morning said that the month ends with what the morning came to."""
    forecast = predict([], so_far_nano=5 * USD, days_left=5, available_nano=USD, today=TODAY)
    assert render_forecast(forecast) == {
        "so_far": "5.00",
        "least": None,
        "expected": None,
        "most": None,
        "pace_a_day": None,
        "days_known": 0,
        "runs_out_on": None,
    }
    known = predict([USD], so_far_nano=0, days_left=2, available_nano=0, today=TODAY)
    assert (render_forecast(known)["expected"], render_forecast(known)["pace_a_day"]) == ("2.00", "1.00")
