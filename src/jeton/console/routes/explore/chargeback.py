"""Chargeback: a range's net amount by workspace and cost centre, as a page, its twin and a file to post."""

from dataclasses import dataclass
from datetime import datetime

from jeton.console.errors import InvalidFilterError
from jeton.console.files.downloading import Sheet
from jeton.console.filters import RANGE_NAMES, Filters, parse_filters
from jeton.console.visit import NARROWING, View, Visit
from jeton.identity.organizations import list_workspaces
from jeton.insight.chargeback.parts import DEFAULT_RULE, RULES, Center, Part, charge_back, render_part
from jeton.insight.explore.question import GROUPS_MAX, Question
from jeton.insight.explore.reading import explore
from jeton.money import render_usd

# Books are kept by whole months.
CHARGEBACK_RANGE = "last-month"
# It shares out everything of a range, and cannot be narrowed.
_UNKNOWN = frozenset(NARROWING) - {"range", "from", "until"}
COLUMNS = (
    *("starting_at", "ending_at", "cost_center", "purchase_order", "workspace", "workspace_id", "requests"),
    *("tokens", "own_amount", "shared_amount", "total_amount", "rule", "currency"),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    filters: Filters
    rule: str
    as_of: datetime
    parts: tuple[Part, ...]


async def show_chargeback(visit: Visit) -> View:
    """Who answers for what of the range."""
    asked = await _read(visit)
    parts, stretch = asked.parts, asked.filters.stretch
    context = {
        "as_of": asked.as_of,
        "filters": asked.filters,
        "ranges": RANGE_NAMES,
        "rules": RULES,
        "rule": asked.rule,
        "parts": parts,
        "own_nano": sum(part.own_nano for part in parts),
        "total_nano": sum(part.total_nano for part in parts),
        "has_centers": any(part.center.cost_center for part in parts),
        "file": asked.filters.link("/console/cost/chargeback.csv", rule=asked.rule),
    }
    data = {
        "type": "chargeback",
        "as_of": asked.as_of.isoformat(),
        "time_zone": stretch.zone.key,
        "starting_at": stretch.starts_at.isoformat(),
        "ending_at": stretch.ends_at.isoformat(),
        "rule": asked.rule,
        "currency": "USD",
        "total_amount": render_usd(sum(part.total_nano for part in parts)),
        "data": [render_part(part) for part in parts],
    }
    return View("explore/chargeback.html", context, data)


async def make_chargeback_file(visit: Visit) -> Sheet:
    """The page's rows, amounts as exact dollars."""
    asked = await _read(visit)
    stretch = asked.filters.stretch
    rows = [
        {
            **render_part(part),
            "starting_at": stretch.starts_at.isoformat(),
            "ending_at": stretch.ends_at.isoformat(),
            "rule": asked.rule,
            "currency": "USD",
        }
        for part in asked.parts
    ]
    return Sheet("chargeback.csv", COLUMNS, [[row[name] for name in COLUMNS] for row in rows])


async def _read(visit: Visit) -> _Asked:
    filters = parse_filters(visit, default=CHARGEBACK_RANGE, without=_UNKNOWN)
    rule = visit.find_filter("rule") or DEFAULT_RULE
    if rule not in RULES:
        raise InvalidFilterError("rule", f"is {rule!r}, not one of {', '.join(RULES)}")
    organization_id = visit.session.organization_id
    question = Question(organization_id, filters.stretch, group_by=("workspace_id",), limit=GROUPS_MAX)
    async with visit.deps.pool.connection() as connection:
        report = await explore(connection, question)
        workspaces = await list_workspaces(connection, organization_id)
    used = {group[0] or "other": sums for group, sums in report.by_group.items()}
    known = {
        one.workspace_id: Center(one.workspace_id, one.name, one.cost_center, one.purchase_order)
        for one in workspaces
    }
    centers = [*known.values(), *(Center(one, one, "", "") for one in used if one not in known)]
    return _Asked(filters, rule, report.as_of, charge_back(centers, used, rule=rule))
