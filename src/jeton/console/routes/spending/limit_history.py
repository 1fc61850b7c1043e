"""Limit history: peaks drawn against their limit, bursts that were sent back, and a trial of other limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jeton.console.chart import Bar, Chart, draw_bars
from jeton.console.errors import InvalidFilterError
from jeton.console.pages import display_count
from jeton.console.visit import Visit
from jeton.db.pool import Connection
from jeton.insight.limits.minutes import (
    Burst,
    LimitPlace,
    Simulation,
    find_bursts,
    list_minutes_of_bursts,
    simulate,
)
from jeton.insight.limits.peaks import HOUR, LENGTH, NO_PEAK, Peak
from jeton.limits.words import KINDS, LIMIT_MAX, Kind, Limits

KIND_WORDS: Mapping[Kind, str] = {
    "requests": "requests",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
}
BURSTS_SHOWN_MAX = 10
HOURS_SHOWN = LENGTH // HOUR + 1


@dataclass(frozen=True, slots=True)
class Trial:
    """Limits that somebody tries for a group, and what they would have met in the last 30 days."""

    group: str
    limits: Limits
    simulation: Simulation


def draw_peaks(
    group: str, rows: Sequence[tuple[Kind, int | None, int]], hours: Mapping[datetime, Peak], *, at: datetime
) -> Chart | None:
    """Of the kind that came nearest to its limit the busiest minute of each hour, and the limit across.

    ``rows`` are kinds with their limit and their peak; ``hours`` those with requests, the others had none.
    None without a limit or without anything used.
    """
    limited = [(kind, limit, peak) for kind, limit, peak in rows if limit is not None]
    if not limited or not hours:
        return None
    kind, limit, peak = max(limited, key=lambda row: row[2] * LIMIT_MAX // row[1])
    last_at = at.replace(minute=0, second=0, microsecond=0)
    shown = (last_at - HOUR * back for back in reversed(range(HOURS_SHOWN)))
    bars = [
        Bar(
            f"{hour_at:%H}",
            f"{hour_at:%d %b %H:00} UTC",
            (getattr(hours.get(hour_at, NO_PEAK), kind),),
            is_partial=hour_at == last_at,
        )
        for hour_at in shown
    ]
    words, most = KIND_WORDS[kind], display_count(limit)
    sentence = (
        f"The busiest minute of each hour, {group}: at most {display_count(peak)} {words}"
        f" of the {most} a minute that are let through."
    )
    level = (limit, f"limit {most}")
    return draw_bars(bars, (words,), sentence=sentence, show=display_count, level=level)


def read_trial(visit: Visit, groups: Mapping[str, Sequence[str]]) -> tuple[str, Limits] | None:
    """The group and the limits that the address tries; None without any; InvalidFilterError."""
    group = visit.find_filter("try")
    if not group:
        return None
    if group not in groups:
        raise InvalidFilterError("try", f"is {group!r}, not one of {', '.join(groups)}")
    return group, Limits(**{kind: _read_limit(visit, kind) for kind in KINDS})


async def try_limits(
    connection: Connection,
    organization_id: UUID,
    wanted: tuple[str, Limits] | None,
    groups: Mapping[str, Sequence[str]],
    *,
    at: datetime,
) -> Trial | None:
    """What the limits of ``read_trial`` would have met."""
    if wanted is None:
        return None
    group, limits = wanted
    place = LimitPlace(organization_id, tuple(groups[group]))
    return Trial(group, limits, await simulate(connection, place, limits, at=at))


async def list_bursts(
    connection: Connection,
    organization_id: UUID,
    places: Sequence[tuple[tuple[str, ...], str | None, Limits]],
    *,
    at: datetime,
) -> list[tuple[Burst, ...]]:
    """Of each place (models, workspace, limits in force) its bursts of 30 days, the largest first."""
    counted = await list_minutes_of_bursts(connection, organization_id, at=at)
    return [
        tuple(
            find_bursts(counted, LimitPlace(organization_id, models, workspace_id), limits)[:BURSTS_SHOWN_MAX]
        )
        for models, workspace_id, limits in places
    ]


def render_trial(trial: Trial) -> dict[str, object]:
    """A trial as JSON."""
    found = trial.simulation
    return {
        "group": trial.group,
        "minutes_with_requests": found.minutes,
        "requests": found.requests,
        "requests_refused_by_the_limits_then": found.limited,
        "minutes_exceeding": found.over,
        "requests_that_would_have_waited": found.waiting,
        "limits": [
            {
                "type": kind,
                "limit": limit,
                "peak": found.find_peak(kind),
                "minutes_exceeding": found.find_over(kind),
            }
            for kind, limit in trial.limits.by_kind
        ],
    }


def render_burst(burst: Burst) -> dict[str, object]:
    """A burst as JSON."""
    return {
        "minute_at": burst.counted.minute_at.isoformat(),
        "requests": burst.counted.requests,
        "refused": burst.counted.limited,
        "input_tokens": burst.counted.input_tokens,
        "output_tokens": burst.counted.output_tokens,
        "fits_with_batched_requests": burst.batched,
        "fits_with_cached_input_ppm": burst.cached_ppm if burst.is_input_alone else None,
    }


def _read_limit(visit: Visit, kind: Kind) -> int | None:
    digits = visit.find_filter(kind).replace(",", "")
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) <= LIMIT_MAX):
        raise InvalidFilterError(kind, f"is not a whole number from 1 to {LIMIT_MAX:,}")
    return int(digits)
