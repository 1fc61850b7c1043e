"""Forecast: what a month will have come to, and when credit runs out, if things go on as they did.

Whole numbers only. The pace is the mean of the last full days; the least and the most are the quietest and
the busiest run of as many days before, so a day of the week weighs the same in each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from jeton.money import divide_half_even, render_usd

PACE_DAYS = 7
PAST_DAYS = 28


@dataclass(frozen=True, slots=True)
class Forecast:
    """The month's net amount so far and at its end (least, expected, most), in nano.

    ``runs_out_on``: the day in which the credit is used up at this pace; None without credit or pace, or
    later than ``date.max``.
    """

    so_far_nano: int
    least_nano: int
    expected_nano: int
    most_nano: int
    pace_nano: int
    days_known: int
    runs_out_on: date | None


def predict(
    past: Sequence[int], *, so_far_nano: int, days_left: int, available_nano: int, today: date
) -> Forecast:
    """From the net amounts of the last full days (oldest first), to the end of a month ``days_left`` away.

    ``days_left`` counts whole days after today; what today adds is not guessed. Days before the first with
    any usage are left out. 7 days of $1, $10 so far, 10 days left: $20 are expected; $5 last until the
    fifth day from today.
    """
    first = next((number for number, nano in enumerate(past) if nano > 0), len(past))
    known = list(past[first:][-PAST_DAYS:])
    width = min(PACE_DAYS, len(known))
    runs = [sum(known[start : start + width]) for start in range(len(known) - width + 1)] if width else [0]
    pace = (runs[-1], max(1, width))

    def extend(run_nano: int) -> int:
        return so_far_nano + divide_half_even(max(0, run_nano) * days_left, pace[1])

    return Forecast(
        so_far_nano=so_far_nano,
        least_nano=extend(min(runs)),
        expected_nano=extend(runs[-1]),
        most_nano=extend(max(runs)),
        pace_nano=divide_half_even(*pace),
        days_known=len(known),
        runs_out_on=_find_end(pace, available_nano, today),
    )


def _find_end(pace: tuple[int, int], available_nano: int, today: date) -> date | None:
    run_nano, days = pace
    if run_nano <= 0 or available_nano <= 0:
        return None
    lasts = available_nano * days // run_nano
    return today + timedelta(days=lasts) if lasts < (date.max - today).days else None


def render_forecast(forecast: Forecast) -> dict[str, object]:
    """The forecast in JSON; amounts are exact dollars, None as long as no full day is known."""

    def render(nano: int) -> str | None:
        return render_usd(nano) if forecast.days_known else None

    return {
        "so_far": render_usd(forecast.so_far_nano),
        "least": render(forecast.least_nano),
        "expected": render(forecast.expected_nano),
        "most": render(forecast.most_nano),
        "pace_a_day": render(forecast.pace_nano),
        "days_known": forecast.days_known,
        "runs_out_on": None if forecast.runs_out_on is None else forecast.runs_out_on.isoformat(),
    }
