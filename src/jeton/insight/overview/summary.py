"""Overview: a month so far and what came before it: totals, movers, why it changed, and where it leads."""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.explore.question import Question, Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.rendering import render_report
from jeton.insight.explore.stretches import Stretch, of_days
from jeton.insight.explore.sums import Sums, add_up, render_sums
from jeton.insight.overview.bridge import Bridge, build_bridge, render_bridge
from jeton.insight.overview.forecast import PAST_DAYS, Forecast, predict, render_forecast
from jeton.insight.overview.movers import Mover, find_movers, render_mover
from jeton.insight.overview.outcomes import Outcomes, count_outcomes
from jeton.insight.refusals.counting import Refusals, count_refusals

DAY = timedelta(days=1)
# Every key of a model and a tier: what the differences are worked out from.
_PARTS = ("model", "service_tier", "key_id")
_PARTS_MAX = 1_000
_SERIES = 5
Where = Mapping[str, tuple[str, ...]]
NO_FILTERS: Where = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Overview:
    """A month until now, in the days of its zone; ``days`` are its last weeks by day and model."""

    month: Stretch
    totals: Sums
    before: Sums
    bridge: Bridge
    keys: tuple[Mover, ...]
    models: tuple[Mover, ...]
    forecast: Forecast
    outcomes: Outcomes
    refusals: Refusals
    days: Report


async def get_overview(
    connection: Connection,
    organization_id: UUID,
    *,
    month: Stretch,
    available_nano: int,
    where: Where = NO_FILTERS,
) -> Overview:
    """The overview of a month so far: ``month`` ends with today, in whose zone its days are.

    ``where`` leaves the values that a dimension may have, as in a question; how requests ended and what was
    sent back is of the whole organization all the same.
    """
    whole = Question(organization_id, month, group_by=_PARTS, where=where, limit=_PARTS_MAX)
    after = await explore(connection, whole)
    before = await explore(connection, replace(whole, stretch=month.previous))
    today = month.last_on
    weeks = of_days(today - PAST_DAYS * DAY, today + DAY, zone=month.zone)
    days = await explore(
        connection, Question(organization_id, weeks, "1d", group_by=("model",), where=where, limit=_SERIES)
    )
    return Overview(
        month=month,
        totals=after.totals,
        before=before.totals,
        bridge=build_bridge(_by_tier(before), _by_tier(after)),
        keys=find_movers(_by(before, 2), _by(after, 2)),
        models=find_movers(_by(before, 0), _by(after, 0)),
        forecast=predict(
            [sums.net_nano for sums in days.by_bucket[:-1]],
            so_far_nano=after.totals.net_nano,
            days_left=_count_days_left(today),
            available_nano=available_nano,
            today=today,
        ),
        outcomes=await count_outcomes(connection, organization_id),
        refusals=await count_refusals(connection, organization_id, at=clock.now()),
        days=days,
    )


def _by(report: Report, place: int) -> dict[str, Sums]:
    found: dict[str, list[Sums]] = {}
    for group, sums in report.by_group.items():
        found.setdefault(group[place] or "other", []).append(sums)
    return _add_up(found.items())


def _by_tier(report: Report) -> dict[tuple[str, str], Sums]:
    found: dict[tuple[str, str], list[Sums]] = {}
    for group, sums in report.by_group.items():
        found.setdefault((group[0] or "other", group[1] or "other"), []).append(sums)
    return {pair: add_up(some) for pair, some in found.items()}


def _add_up(found: Iterable[tuple[str, list[Sums]]]) -> dict[str, Sums]:
    return {value: add_up(some) for value, some in found}


def _count_days_left(today: date) -> int:
    return monthrange(today.year, today.month)[1] - today.day


def render_overview(overview: Overview) -> dict[str, object]:
    """The overview in JSON; amounts are exact dollars."""
    return {
        "time_zone": overview.month.zone.key,
        "starting_at": overview.month.starts_at.isoformat(),
        "ending_at": overview.month.ends_at.isoformat(),
        "totals": render_sums(overview.totals),
        "previous": render_sums(overview.before),
        "bridge": render_bridge(overview.bridge),
        "movers": {
            "keys": [render_mover(mover) for mover in overview.keys],
            "models": [render_mover(mover) for mover in overview.models],
        },
        "forecast": render_forecast(overview.forecast),
        "latest": {
            "requests": overview.outcomes.count,
            "not_charged": overview.outcomes.failed,
            "by_state": dict(overview.outcomes.by_state),
        },
        "refused": {
            "since": overview.refusals.since_at.isoformat(),
            "requests": overview.refusals.count,
            "by_code": dict(overview.refusals.by_code),
        },
        "days": render_report(overview.days),
    }
