"""Asking: the question of usage and cost that an address stands for, and the report that answers it."""

from collections.abc import Callable
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
from jeton.insight.explore.question import DIMENSIONS, GROUPS_SHOWN, Group, Question, Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.stretches import LONGEST, STEP_NAMES, Step, Stretch, cut, snap
from jeton.insight.explore.sums import COLUMNS, MEASURES, TOKEN_CLASSES, Sums
from jeton.insight.narrowed.classes import CLASS_MEASURES, explore_class
from jeton.insight.narrowed.uncharged import REFUSED, UNCHARGED, explore_uncharged, list_noted

# What fits a page: two months of days, two days of hours; files and twins have everything.
ROWS_SHOWN_MAX = 62
HOURS_SHOWN_MAX = 48
LOG = "/console/requests"
# The dimensions that an address can filter by.
FILTERS = frozenset({"workspace_id", "key_id", "model", "service_tier", "end_user", "tag"})
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
        *("token_class", "state", "end_user", "tag"),
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
    def uncharged(self) -> str:
        """The state other than settled whose requests are counted, or ""."""
        state = self.filters.state or ""
        return state if state in UNCHARGED else ""

    @property
    def is_of_usage(self) -> bool:
        """Whether all of usage and cost is shown, neither one class of tokens nor what was not settled."""
        return not self.uncharged and not self.filters.token_class

    def measure_of(self, page: ChartPage) -> str:
        """The sum that a page draws."""
        if self.uncharged:
            return "requests"
        return self.question.measure if page == "cost" else "tokens"

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
    state = filters.state if filters.state in UNCHARGED else ""
    names = {**_DEFAULTS, "group": default_group}
    chosen = {name: visit.find_filter(name) or default for name, default in names.items()}
    step, limit, measure = chosen["step"], chosen["limit"] or str(GROUPS_SHOWN), chosen["measure"]
    steps = _list_steps(filters.stretch, has_minutes=has_minutes and state not in REFUSED)
    if step not in {"", *STEPS_OFFERED, *steps}:
        raise InvalidFilterError("step", f"is {step!r}, not one of {', '.join(steps)}")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= max(LIMITS)):
        raise InvalidFilterError("limit", f"is {limit!r}, not a number from 1 to {max(LIMITS)}")
    if chosen["cumulative"] not in {"", CUMULATIVE}:
        raise InvalidFilterError("cumulative", f"is {chosen['cumulative']!r}, not {CUMULATIVE}")
    if measure not in MEASURES:
        raise InvalidFilterError("measure", f"is {measure!r}, not one of {', '.join(MEASURES)}")
    grouping = tuple(
        name for name in (chosen["group"], chosen["subgroup"])[:width_max] if name and name != "none"
    )
    check_narrowing(filters, grouping)
    question = Question(
        visit.session.organization_id,
        filters.stretch,
        cast("Step", step) if step else find_step(filters.stretch),
        grouping,
        where_of(filters),
        limit=int(limit),
        measure=_fit_measure(measure, filters),
    )
    said = {name: visit.find_filter(name) for name in names}
    said = {name: text for name, text in said.items() if text}
    return Asked(filters, question, said, is_cumulative=bool(chosen["cumulative"]))


def check_narrowing(filters: Filters, grouping: tuple[str, ...] = ()) -> None:
    """Raise InvalidFilterError where requests of a state are asked for by what nobody noted of them."""
    state = filters.state or ""
    if state not in UNCHARGED:
        return
    if filters.token_class:
        raise InvalidFilterError("token_class", "is of requests that were settled; leave the state out")
    asked = where_of(filters)
    for name in (*asked, *grouping):
        if name in DIMENSIONS and name not in list_noted(state):
            raise InvalidFilterError(
                "state",
                f"is {filters.state!r}, and of such requests nobody noted the"
                f" {DIMENSIONS[name].lower()}; they can be asked for by"
                f" {', '.join(sorted(list_noted(state) & DIMENSIONS.keys()))}",
            )


def _fit_measure(measure: str, filters: Filters) -> str:
    """The measure, or where a narrowed report has no such sum, the one it has."""
    if filters.state in UNCHARGED:
        return "requests"
    if filters.token_class and measure not in {*CLASS_MEASURES, filters.token_class}:
        return "net_nano"
    return measure


def name_measure(asked: Asked, measure: str) -> str:
    """What the measure of a report is called."""
    if asked.uncharged:
        return f"Requests, {UNCHARGED[asked.uncharged].lower()}"
    if asked.filters.token_class:
        name = TOKEN_CLASSES[asked.filters.token_class]
        return f"Charged for {name.lower()}" if measure == "net_nano" else name
    return MEASURES[measure]


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
        "end_user": filters.end_user,
        "tag": filters.tag,
    }
    return {name: (value,) for name, value in chosen.items() if value is not None}


def find_step(stretch: Stretch) -> Step:
    """The step that shows a stretch best."""
    if stretch.length <= _HOURS:
        return "1h"
    return "1d" if stretch.length <= _DAYS else "1mo"


async def read_report(
    connection: Connection,
    asked: Asked,
    question: Question | None = None,
    *,
    only: frozenset[str] = EVERYTHING,
) -> Report:
    """The report that a page, its twin or its files show, of ``only`` these sums.

    ``question``: another one than the page's, narrowed in the same way.
    """
    question = question or asked.question
    if asked.uncharged:
        return await explore_uncharged(connection, question, state=asked.uncharged)
    if asked.filters.token_class:
        return await explore_class(connection, question, token_class=asked.filters.token_class)
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


def list_buckets(asked: Asked, report: Report, *, page: ChartPage) -> tuple[list[BucketRow], int]:
    """The latest buckets with anything in them that fit, latest first, and how many more there are.

    Each has its name, where it leads (see ``make_leader``) and its sums.
    """
    filters = asked.filters
    lead = make_leader(asked, page=page)
    filled = [(number, sums) for number, sums in enumerate(report.by_bucket) if not sums.is_empty]
    rows, shown_max = [], _count_shown(asked.step)
    for number, sums in filled[-shown_max:][::-1]:
        bucket = report.buckets.stretch(number)
        rows.append((name_bucket(bucket[0], asked.step, filters=filters), lead(*bucket), sums))
    return rows, max(0, len(filled) - shown_max)


def make_leader(
    asked: Asked, *, page: ChartPage, is_relative: bool = False, is_zoom: bool = False
) -> Callable[[datetime, datetime], str]:
    """Where a bucket of time leads, with the same filters: to its days, hours or minutes on the same page.

    Minutes are usage's alone; from a minute it goes on to the requests, and from an hour of those that were
    sent back, which are in no log, to the rate limits. ``is_relative``: without the path of the same page,
    which a chart of many bars would have many times. ``is_zoom``: by the same step, as some buckets together
    have many finer ones.
    """
    filters = asked.filters
    finer = asked.step if is_zoom else {"1mo": "1d", "1d": "1h", "1h": "1m"}.get(asked.step)
    if asked.uncharged in REFUSED and finer == "1m" and not is_zoom:
        return lambda _starts_at, _ends_at: "/console/limits#refused"
    changes = {**asked.chosen, "step": finer, "cumulative": None} if finer else {}
    path = f"/console/{'usage' if finer == '1m' else page}" if finer else LOG
    if is_relative and path == f"/console/{page}":
        path = ""
    # All links have this in common, so it is made once.
    common = filters.link("", **{**changes, "range": None, "from": None, "until": None}).removeprefix("?")

    def lead(starts_at: datetime, ends_at: datetime) -> str:
        within = urlencode(render_stretch(Stretch(starts_at, ends_at, filters.zone)))
        return f"{path}?{within}&{common}" if common else f"{path}?{within}"

    return lead


def narrow(names: tuple[str, ...], group: Group) -> dict[str, str]:
    """A group as filters; nothing of a dimension that is no filter, of no value, or of all others."""
    named = zip(names, group, strict=False)
    return {name: value for name, value in named if name in FILTERS and value}


def lead_to_group(asked: Asked, group: Group, *, page: ChartPage) -> str:
    """The same page of this group alone, or "" where no filter says it."""
    names = asked.question.group_by
    said = narrow(names, group)
    return asked.link(f"/console/{page}", **said) if len(said) == len(names) else ""


def _count_shown(step: Step) -> int:
    """How many rows a table in time has."""
    return HOURS_SHOWN_MAX if step == "1h" else ROWS_SHOWN_MAX


def _lead_to_earlier(asked: Asked, *, page: ChartPage) -> str:
    """The same page up to where its table begins, or "" where the table has every bucket."""
    buckets = cut(snap(asked.question.stretch), asked.step)
    shown_max = _count_shown(asked.step)
    if buckets.count <= shown_max:
        return ""
    zone = asked.filters.zone
    earlier = Stretch(buckets.cuts[0], buckets.cuts[-1 - shown_max], zone)
    return asked.link(f"/console/{page}", **render_stretch(earlier), step=asked.step)


def _list_steps(stretch: Stretch, *, has_minutes: bool) -> tuple[Step, ...]:
    """The steps that fit a stretch."""
    minutes: tuple[Step, ...] = ("1m",) if has_minutes and stretch.length <= MINUTES_LONGEST else ()
    longer = [cast("Step", name) for name in STEPS_OFFERED]
    return (*minutes, *(name for name in longer if stretch.length <= LONGEST[name]))


def offer(visit: Visit, asked: Asked, *, page: ChartPage) -> dict[str, object]:
    """What the page's own fields and the menu of its chart offer."""
    has_minutes = page == "usage" and asked.uncharged not in REFUSED
    steps = _list_steps(asked.question.stretch, has_minutes=has_minutes)
    base_url = visit.deps.base_url or str(visit.request.base_url).rstrip("/")
    return {
        "dimensions": DIMENSIONS,
        "measures": MEASURES,
        "limits": LIMITS,
        "steps": {name: STEP_NAMES[name] for name in steps},
        "chart_page": page,
        "twin_url": base_url + asked.link(f"/console/{page}.json"),
        "may_share": visit.may(Permission.SHARE_CHARTS),
        "earlier_href": _lead_to_earlier(asked, page=page),
        # FOCUS has charges, and nothing of what was not charged.
        "has_focus": page == "cost" and not asked.uncharged and visit.may(Permission.SEE_BILLING),
    }
