"""Rate limits: what is in force, how much of it is used, and asking the operator for more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jeton import clock
from jeton.charging.limits.keeping import list_limits
from jeton.charging.limits.terms import GroupLimits, list_in_force
from jeton.console.chart import Chart
from jeton.console.errors import InvalidFormError, RoleInsufficientError
from jeton.console.routes.spending.limit_history import (
    draw_peaks,
    list_bursts,
    read_trial,
    render_burst,
    render_trial,
    try_limits,
)
from jeton.console.visit import View, Visit
from jeton.db.pool import Connection
from jeton.identity.organizations import Workspace, list_workspaces
from jeton.identity.roles.permissions import Permission
from jeton.insight.limits.minutes import Burst
from jeton.insight.limits.peaks import Peak, Peaks, find_peaks
from jeton.insight.refusals.counting import Refusals, RefusedHour, count_refusals
from jeton.limits.errors import RateLimitedError
from jeton.limits.words import LIMIT_MAX, UNLIMITED, Kind, Limits
from jeton.notifications.inbox.items import WantedItem, open_item

KIND_NAMES: Mapping[Kind, str] = {
    "requests": "Requests",
    "input_tokens": "Input tokens, without cache reads",
    "output_tokens": "Output tokens",
}
REASON_CHARS_MAX = 2_000
INBOX_KIND = "limit_request"
PATH = "/console/limits"
_WHOLE_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One kind of limit of a place, per minute; ``used`` None where this node saw no request lately."""

    kind: Kind
    limit: int | None
    used: int | None
    peak: int

    @property
    def peak_ppm(self) -> int | None:
        """The peak's part of the limit, in millionths."""
        return None if self.limit is None else self.peak * _WHOLE_PPM // self.limit

    @property
    def headroom_ppm(self) -> int | None:
        """What of the limit was left in the busiest minute, in millionths."""
        return None if self.peak_ppm is None else max(0, _WHOLE_PPM - self.peak_ppm)


@dataclass(frozen=True, slots=True)
class Hour:
    """The busiest minute of an hour."""

    at: datetime
    peak: Peak


@dataclass(frozen=True, slots=True)
class LimitedPlace:
    """A group of models in the organization or in one of its workspaces; ``name`` "" is the organization."""

    group: str
    models: tuple[str, ...]
    workspace_id: str | None
    name: str
    set_by: str
    limits: Limits
    rows: tuple[LimitRow, ...]
    hours: tuple[Hour, ...]
    chart: Chart | None

    @property
    def is_limited(self) -> bool:
        """Whether any limit is in force."""
        return any(row.limit is not None for row in self.rows)

    def count_limited(self, refusals: Refusals) -> int:
        """How many of these requests its models were sent back for a rate limit."""
        return sum(
            hour.requests
            for hour in refusals.hours
            if hour.error_code == RateLimitedError.code
            and hour.model in self.models
            and self.workspace_id in {None, hour.workspace_id}
        )


async def show_limits(visit: Visit) -> View:
    """Limits of every group that has any or was used, with the peaks of the last 24 hours."""
    at = clock.now()
    async with visit.deps.pool.connection() as connection:
        workspaces = await list_workspaces(connection, visit.session.organization_id)
        places, peaks = await _list_places(visit, connection, workspaces, at)
        refusals = await count_refusals(connection, visit.session.organization_id, at=at)
        organization_id, groups = visit.session.organization_id, visit.deps.limit_terms.list_groups()
        wanted = read_trial(visit, groups)
        trial = await try_limits(connection, organization_id, wanted, groups, at=at)
        bursts = await list_bursts(
            connection,
            organization_id,
            [(place.models, place.workspace_id, place.limits) for place in places],
            at=at,
        )
    may_ask = _may_ask(visit)
    context = {
        "as_of": at,
        "places": [
            (place, place.count_limited(refusals), found) for place, found in zip(places, bursts, strict=True)
        ],
        "peaks": peaks,
        "trial": trial,
        "every_group": sorted(groups),
        "refusals": refusals,
        "workspace_names": {one.workspace_id: one.name for one in workspaces},
        "kind_names": KIND_NAMES,
        "groups": sorted({place.group for place in places}),
        "asked": visit.find_filter("asked"),
        "may_ask": may_ask,
        "reason_chars_max": REASON_CHARS_MAX,
    }
    data = {
        "type": "limit_overview",
        "as_of": at.isoformat(),
        "peaks_since": peaks.since_at.isoformat(),
        "data": [
            _render(place, place.count_limited(refusals), found)
            for place, found in zip(places, bursts, strict=True)
        ],
        "trial": None if trial is None else render_trial(trial),
        "refused": [_render_refused(hour) for hour in refusals.hours],
    }
    return View("spending/limits.html", context, data)


def _render_refused(hour: RefusedHour) -> dict[str, object]:
    return {
        "starting_at": hour.hour_at.isoformat(),
        "workspace_id": hour.workspace_id,
        "model": hour.model,
        "error_code": hour.error_code,
        "requests": hour.requests,
    }


async def ask(visit: Visit, form: Mapping[str, str]) -> str:
    """Put a request for a higher limit into the operator's inbox."""
    if not _may_ask(visit):
        raise RoleInsufficientError(visit.session.role, "admin, billing or developer")
    group, reason = form.get("group", ""), form.get("reason", "").strip()
    wanted = {kind: number for kind in KIND_NAMES if (number := _parse_number(form.get(kind, "")))}
    async with visit.deps.pool.connection() as connection:
        workspaces = await list_workspaces(connection, visit.session.organization_id)
        places, _ = await _list_places(visit, connection, workspaces, clock.now())
    place = next((one for one in places if one.group == group and one.workspace_id is None), None)
    if place is None:
        raise InvalidFormError("it names a group of models that is not here")
    if not wanted or not 0 < len(reason) <= REASON_CHARS_MAX:
        raise InvalidFormError(f"say which limit you need, and why in 1 to {REASON_CHARS_MAX} characters")
    organization_id = visit.session.organization_id
    facts = {row.kind: {"limit": row.limit, "peak": row.peak} for row in place.rows}
    item = WantedItem(
        INBOX_KIND,
        reason,
        email=visit.session.email,
        company=visit.session.organization_name,
        subject=f"Rate limits of {group}",
        details={"organization_id": str(organization_id), "group": group, "wanted": wanted, "now": facts},
        dedup_key=f"{organization_id}:{group}",
        is_told=True,
    )
    async with visit.deps.pool.connection() as connection:
        await open_item(connection, item)
    return f"{PATH}?asked=yes"


def _may_ask(visit: Visit) -> bool:
    return visit.may(Permission.MANAGE_BUDGETS) or visit.may(Permission.MANAGE_KEYS)


async def _list_places(
    visit: Visit, connection: Connection, workspaces: Sequence[Workspace], at: datetime
) -> tuple[list[LimitedPlace], Peaks]:
    organization_id, terms = visit.session.organization_id, visit.deps.limit_terms
    shared = await list_in_force(connection, organization_id, terms)
    # Most workspaces have none of their own.
    limited_ids = {kept.workspace_id for kept in await list_limits(connection, organization_id)}
    limited = [one for one in workspaces if one.workspace_id in limited_ids and not one.archived_at]
    own = {
        one.workspace_id: await list_in_force(
            connection, organization_id, terms, workspace_id=one.workspace_id
        )
        for one in limited
    }
    groups = {model: group.group for group in shared for model in group.models}
    peaks = await find_peaks(connection, organization_id, groups, at=at)
    places = [_make_place(visit, group, None, peaks=peaks, at=at) for group in shared]
    for workspace in limited:
        with_limits = (group for group in own[workspace.workspace_id] if group.limits != UNLIMITED)
        places += [_make_place(visit, group, workspace, peaks=peaks, at=at) for group in with_limits]
    return [place for place in places if place.is_limited or place.hours], peaks


def _make_place(
    visit: Visit, group: GroupLimits, workspace: Workspace | None, *, peaks: Peaks, at: datetime
) -> LimitedPlace:
    workspace_id = None if workspace is None else workspace.workspace_id
    highest = peaks.find_highest(workspace_id, group.group)
    used = _find_used(visit, workspace_id, group.group)
    rows = tuple(
        LimitRow(kind, limit, used.get(kind), getattr(highest, kind)) for kind, limit in group.limits.by_kind
    )
    hours = peaks.hours.get((workspace_id, group.group), {})
    return LimitedPlace(
        group=group.group,
        models=group.models,
        workspace_id=workspace_id,
        name="" if workspace is None else workspace.name,
        set_by=group.set_by,
        limits=group.limits,
        rows=rows,
        hours=tuple(Hour(hour_at, peak) for hour_at, peak in sorted(hours.items(), reverse=True)),
        chart=draw_peaks(group.group, [(row.kind, row.limit, row.peak) for row in rows], hours, at=at),
    )


def _find_used(visit: Visit, workspace_id: str | None, group: str) -> dict[Kind, int]:
    limiter = visit.deps.limiter
    if limiter is None:
        return {}
    standings = limiter.list_standings(
        visit.session.organization_id, workspace_id, group=group, at_us=clock.read_us()
    )
    return {one.kind: max(0, one.limit - one.remaining) for one in standings}


def _parse_number(text: str) -> int:
    digits = text.strip().replace(",", "")
    if not digits:
        return 0
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(LIMIT_MAX))):
        raise InvalidFormError("a limit is a whole number per minute")
    return int(digits)


def _render(place: LimitedPlace, limited: int, bursts: Sequence[Burst]) -> dict[str, object]:
    return {
        "group": place.group,
        "models": list(place.models),
        "workspace_id": place.workspace_id,
        "set_by": place.set_by or None,
        "limits": [
            {
                "type": row.kind,
                "limit": row.limit,
                "used_on_this_node": row.used,
                "peak": row.peak,
                "headroom_ppm": row.headroom_ppm,
            }
            for row in place.rows
        ],
        "refused": limited,
        "hours": _render_hours(place.hours),
        "bursts": [render_burst(burst) for burst in bursts],
    }


def _render_hours(hours: Sequence[Hour]) -> list[dict[str, object]]:
    return [
        {
            "hour_at": hour.at.isoformat(),
            "requests": hour.peak.requests,
            "input_tokens": hour.peak.input_tokens,
            "output_tokens": hour.peak.output_tokens,
        }
        for hour in hours
    ]
