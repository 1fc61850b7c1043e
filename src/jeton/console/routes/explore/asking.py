"""Asking: the question of usage and cost that an address stands for, and the report that answers it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import urlencode

from jeton.console.errors import InvalidFilterError
from jeton.console.filters import Choices, Filters, list_choices, parse_filters, render_stretch
from jeton.console.visit import TWIN, Visit
from jeton.db.pool import Connection
from jeton.identity.charts.saved import ChartPage
from jeton.identity.roles.permissions import Permission
from jeton.insight.explore.minutes import explore_minutes
from jeton.insight.explore.question import DIMENSIONS, GROUPS_SHOWN, Question, Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.stretches import LONGEST, STEP_NAMES, Step, Stretch
from jeton.insight.explore.sums import COLUMNS, MEASURES, Sums

# What fits a page; files and twins have everything.
ROWS_SHOWN_MAX = 62
GROUPS_SHOWN_MAX = 50
LIMITS = (5, GROUPS_SHOWN, 25)
# Minutes are counted from single charges, so a page has few.
MINUTES_LONGEST = timedelta(hours=3)
# A step that is not chosen: the longest stretch for each.
_HOURS = timedelta(days=3)
_DAYS = timedelta(days=100)
BucketRow = tuple[str, str, Sums]
STEPS_OFFERED = ("1h", "1d", "1mo")
CUMULATIVE = "yes"
EVERYTHING = frozenset(COLUMNS)
# What an address says of a question, beside its filters.
_DEFAULTS = {"step": "", "group": "", "subgroup": "", "limit": "", "measure": "net_nano", "cumulative": ""}
# What a saved chart keeps of an address.
STATE_NAMES = frozenset(
    {
        *("range", "from", "until", "zone", "compare", "workspace_id", "key_id", "model", "service_tier"),
        *_DEFAULTS,
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """An address read: its filters, and the question they make; ``chosen`` is what it says itself.

    ``is_cumulative``: the chart adds up from bar to bar.
    """

    filters: Filters
    question: Question
    chosen: dict[str, str]
    is_cumulative: bool = False

    def link(self, path: str, **changes: object) -> str:
        """The same question at another page, with changes."""
        return self.filters.link(path, **{**self.chosen, **changes})

    @property
    def state(self) -> str:
        """All of it as the query of an address, which is what a saved chart keeps."""
        return self.link("").removeprefix("?")

    @property
    def step(self) -> Step:
        """The step, which a page always has."""
        return self.question.step or "1d"


def read_question(
    visit: Visit, *, default_group: str = "", width_max: int = 2, has_minutes: bool = False
) -> Asked:
    """The question of an address: filters, ``step``, ``group``, ``subgroup``, ``limit`` and ``measure``.

    ``has_minutes``: the page can show them. Raises InvalidFilterError, InvalidGroupingError,
    InvalidStretchError and UnknownZoneError.
    """
    filters = parse_filters(visit)
    names = {**_DEFAULTS, "group": default_group}
    chosen = {name: visit.find_filter(name) or default for name, default in names.items()}
    step, limit, measure = chosen["step"], chosen["limit"] or str(GROUPS_SHOWN), chosen["measure"]
    steps = _list_steps(filters.stretch, has_minutes=has_minutes)
    if step not in {"", *STEPS_OFFERED, *steps}:
        raise InvalidFilterError("step", f"is {step!r}, not one of {', '.join(steps)}")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= max(LIMITS)):
        raise InvalidFilterError("limit", f"is {limit!r}, not a number from 1 to {max(LIMITS)}")
    if chosen["cumulative"] not in {"", CUMULATIVE}:
        raise InvalidFilterError("cumulative", f"is {chosen['cumulative']!r}, not {CUMULATIVE}")
    if measure not in MEASURES:
        raise InvalidFilterError("measure", f"is {measure!r}, not one of {', '.join(MEASURES)}")
    grouping = (chosen["group"], chosen["subgroup"])[:width_max]
    question = Question(
        visit.session.organization_id,
        filters.stretch,
        cast("Step", step) if step else find_step(filters.stretch),
        tuple(name for name in grouping if name and name != "none"),
        where_of(filters),
        limit=int(limit),
        measure=measure,
    )
    said = {name: visit.find_filter(name) for name in names}
    said = {name: text for name, text in said.items() if text}
    return Asked(filters, question, said, is_cumulative=bool(chosen["cumulative"]))


def wants_twin(visit: Visit) -> bool:
    """Whether the page's data is asked for, which has every row: a page does without them."""
    return visit.request.url.path.endswith(TWIN)


def where_of(filters: Filters) -> dict[str, tuple[str, ...]]:
    """What the filters leave, by dimension."""
    chosen = {
        "workspace_id": filters.workspace_id,
        "key_id": filters.key_id,
        "model": filters.model,
        "service_tier": filters.service_tier,
    }
    return {name: (value,) for name, value in chosen.items() if value is not None}


def find_step(stretch: Stretch) -> Step:
    """The step that shows a stretch best."""
    if stretch.length <= _HOURS:
        return "1h"
    return "1d" if stretch.length <= _DAYS else "1mo"


async def read_report(
    connection: Connection, question: Question, *, only: frozenset[str] = EVERYTHING
) -> Report:
    """The report that a page, its twin or its files show, of ``only`` these sums."""
    if question.step == "1m":
        return await explore_minutes(connection, question)
    return await explore(connection, question, only=only)


def ask_before(asked: Asked) -> Question | None:
    """The question of what came before, where that is compared.

    Without steps, which nobody sees of it: only the ends of the stretch are read by the quarter then.
    """
    if not asked.filters.is_compared:
        return None
    return replace(asked.question, stretch=asked.filters.stretch.previous, step=None)


async def offer_choices(connection: Connection, visit: Visit, asked: Asked) -> Choices:
    """What the filter bar offers."""
    return await list_choices(connection, visit.session.organization_id, asked.filters)


def name_bucket(at: datetime, step: Step | None, *, filters: Filters) -> str:
    """What a bucket of time is called, in the zone of the page."""
    local = at.astimezone(filters.zone)
    match step:
        case "1mo":
            return f"{local:%B %Y}"
        case "1h" | "1m":
            return f"{local:%Y-%m-%d %H:%M}"
        case _:
            return f"{local:%Y-%m-%d}"


def list_buckets(asked: Asked, report: Report) -> tuple[list[BucketRow], int]:
    """The latest ROWS_SHOWN_MAX buckets with anything in them, latest first, and how many more there are.

    Each has its name, where it leads (to its days, hours or minutes, and from a minute, or where a page has
    no minutes, to its requests) and its sums.
    """
    filters = asked.filters
    filled = [(number, sums) for number, sums in enumerate(report.by_bucket) if not sums.is_empty]
    finer = {"1mo": "1d", "1d": "1h", "1h": "1m"}.get(asked.step)
    changes = {**asked.chosen, "step": finer} if finer else {}
    # All links have this in common, so it is made once.
    common = filters.link("", **{**changes, "range": None, "from": None, "until": None}).removeprefix("?")
    path = "/console/usage" if finer else "/console/requests"
    rows = []
    for number, sums in filled[-ROWS_SHOWN_MAX:][::-1]:
        bucket = report.buckets.stretch(number)
        within = urlencode(render_stretch(Stretch(*bucket, filters.zone)))
        href = f"{path}?{within}&{common}" if common else f"{path}?{within}"
        rows.append((name_bucket(bucket[0], asked.step, filters=filters), href, sums))
    return rows, max(0, len(filled) - ROWS_SHOWN_MAX)


def _list_steps(stretch: Stretch, *, has_minutes: bool) -> tuple[Step, ...]:
    """The steps that fit a stretch."""
    minutes: tuple[Step, ...] = ("1m",) if has_minutes and stretch.length <= MINUTES_LONGEST else ()
    longer = [cast("Step", name) for name in STEPS_OFFERED]
    return (*minutes, *(name for name in longer if stretch.length <= LONGEST[name]))


def offer(visit: Visit, asked: Asked, *, page: ChartPage) -> dict[str, object]:
    """What the page's own fields and the menu of its chart offer."""
    steps = _list_steps(asked.question.stretch, has_minutes=page == "usage")
    base_url = visit.deps.base_url or str(visit.request.base_url).rstrip("/")
    return {
        "dimensions": DIMENSIONS,
        "measures": MEASURES,
        "limits": LIMITS,
        "steps": {name: STEP_NAMES[name] for name in steps},
        "chart_page": page,
        "twin_url": base_url + asked.link(f"/console/{page}.json"),
        "may_share": visit.may(Permission.SHARE_CHARTS),
    }
