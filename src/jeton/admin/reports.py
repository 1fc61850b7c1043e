"""Usage and cost reports over the Admin API, in the form that the Claude API's clients know.

Buckets are UTC's and come oldest first, empty ones too. Both reports ask the query under the Console's pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidQueryError
from jeton.admin.resource import Call, Resource
from jeton.insight.explore.minutes import explore_minutes
from jeton.insight.explore.question import DIMENSIONS, GROUPS_MAX, Question, Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.stretches import FIRST_ON, LAST_ON, Step, Stretch
from jeton.insight.explore.sums import Sums
from jeton.money import render_cents

WIDTHS: Mapping[str, timedelta] = {
    "1m": timedelta(minutes=1),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
# Buckets a page: by default, and at most.
LIMITS: Mapping[str, tuple[int, int]] = {"1m": (60, 1440), "1h": (24, 168), "1d": (7, 31)}
VALUES_MAX = 100
PAGE_PREFIX = "page_"
# What a dimension is called in these reports.
NAMES = {"api_key_id": "key_id", **{name: name for name in DIMENSIONS if name != "key_id"}}
# Known to clients, and always null here: who stands behind a request is its key.
ACTORS = ("account_id", "service_account_id")
FILTERS = {
    "models": "model",
    "api_key_ids": "key_id",
    "workspace_ids": "workspace_id",
    "service_tiers": "service_tier",
    "context_window": "context_window",
    "inference_geos": "inference_geo",
    "speeds": "speed",
}
# By which a cost is described, beside the class of its tokens.
DESCRIBED = ("model", "service_tier", "context_window", "inference_geo")
TOKEN_TYPES = (
    ("input_nano", "uncached_input_tokens", "Input Tokens"),
    ("cache_creation_5m_nano", "cache_creation.ephemeral_5m_input_tokens", "Input Tokens, Cache Write 5m"),
    ("cache_creation_1h_nano", "cache_creation.ephemeral_1h_input_tokens", "Input Tokens, Cache Write 1h"),
    ("cache_read_nano", "cache_read_input_tokens", "Input Tokens, Cache Hit"),
    ("output_nano", "output_tokens", "Output Tokens"),
)
Row = dict[str, object]


def report_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of both reports."""
    return [
        Route("/v1/organizations/usage_report/messages", Resource(deps, {"GET": _get_usage})),
        Route("/v1/organizations/cost_report", Resource(deps, {"GET": _get_cost})),
    ]


@dataclass(frozen=True, slots=True)
class _Page:
    """The buckets of one page: the first begins at ``starts_at``; there may be more after ``ends_at``."""

    starts_at: datetime
    ends_at: datetime
    width: Step
    next_page: str | None


async def _get_usage(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    page = _read_page(call, tuple(WIDTHS))
    wanted = _read_group_by(call, (*NAMES, *ACTORS))
    question = Question(
        caller.organization_id,
        Stretch(page.starts_at, page.ends_at),
        page.width,
        tuple(NAMES[name] for name in wanted if name in NAMES),
        _read_filters(call),
        limit=GROUPS_MAX,
    )
    async with call.connect() as connection:
        ask = explore_minutes if page.width == "1m" else explore
        report = await ask(connection, question)
    rows: list[list[Row]] = [[] for _ in range(report.buckets.count)]
    for cell in report.cells:
        group = dict(zip(question.group_by, cell.group, strict=True))
        names: Row = {name: group.get(ours) for name, ours in NAMES.items()}
        if cell.sums.requests:
            rows[cell.bucket].append({**_render_usage(cell.sums), **names, **dict.fromkeys(ACTORS)})
    return _render_page(report, page, rows)


def _render_usage(sums: Sums) -> Row:
    return {
        "uncached_input_tokens": sums.input_tokens,
        "cache_read_input_tokens": sums.cache_read_input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": sums.cache_creation_5m_input_tokens,
            "ephemeral_1h_input_tokens": sums.cache_creation_1h_input_tokens,
        },
        "output_tokens": sums.output_tokens,
        "server_tool_use": {"web_search_requests": sums.web_search_requests},
        "requests": sums.requests,
    }


async def _get_cost(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    page = _read_page(call, ("1d", "1h"))
    wanted = _read_group_by(call, (*NAMES, "description"))
    is_described = "description" in wanted
    named = [NAMES[name] for name in wanted if name in NAMES]
    described = [name for name in DESCRIBED if is_described and name not in named]
    question = Question(
        caller.organization_id,
        Stretch(page.starts_at, page.ends_at),
        page.width,
        (*named, *described),
        _read_filters(call),
        limit=GROUPS_MAX,
    )
    async with call.connect() as connection:
        report = await explore(connection, question)
    rows: list[list[Row]] = [[] for _ in range(report.buckets.count)]
    for cell in report.cells:
        group = dict(zip(question.group_by, cell.group, strict=True))
        names: Row = {name: group.get(ours) for name, ours in NAMES.items()}
        parts = _describe(cell.sums, group["model"]) if is_described else [(cell.sums.net_nano, _NOTHING)]
        for nano, description in parts:
            rows[cell.bucket].append(
                {"amount": render_cents(nano), "currency": "USD", **names, **description}
            )
    return _render_page(report, page, rows)


_NOTHING: Row = {"cost_type": None, "description": None, "token_type": None}


def _describe(sums: Sums, model: str | None) -> list[tuple[int, Row]]:
    """A cell by class of tokens, searches, and what was reversed; they sum to its net amount."""
    said = model or "Other models"
    parts: list[tuple[int, Row]] = [
        (
            getattr(sums, column),
            {"cost_type": "tokens", "description": f"{said} Usage - {title}", "token_type": token_type},
        )
        for column, token_type, title in TOKEN_TYPES
    ]
    searches: Row = {
        "cost_type": "web_search",
        "description": f"{said} Usage - Web Search",
        "token_type": None,
    }
    undone: Row = {"cost_type": "reversal", "description": f"{said} Usage - Reversed", "token_type": None}
    parts += [(sums.web_search_nano, searches), (-sums.reversed_nano, undone)]
    return [(nano, description) for nano, description in parts if nano]


def _render_page(report: Report, page: _Page, rows: list[list[Row]]) -> dict[str, object]:
    data = []
    for number, results in enumerate(rows):
        starts_at, ends_at = report.buckets.stretch(number)
        data.append(
            {"starting_at": _render_time(starts_at), "ending_at": _render_time(ends_at), "results": results}
        )
    return {"data": data, "has_more": page.next_page is not None, "next_page": page.next_page}


def _read_page(call: Call, widths: tuple[str, ...]) -> _Page:
    name = call.find_text("bucket_width") or "1d"
    if name not in widths:
        raise InvalidQueryError("bucket_width", f"must be one of {', '.join(widths)}")
    width: Step = "1m" if name == "1m" else "1h" if name == "1h" else "1d"
    default, count_max = LIMITS[width]
    limit = call.find_count("limit", default=default, count_max=count_max)
    starts_at = _snap(_read_time(call, "starting_at"), WIDTHS[width])
    until = call.find_text("ending_at")
    # A bucket that is not over is there, too.
    last = _read_time(call, "ending_at") if until else clock.now()
    ends_at = -((-(last - _EPOCH)) // WIDTHS[width]) * WIDTHS[width] + _EPOCH
    page = call.find_text("page")
    if page:
        starts_at = max(starts_at, _snap(_read_page_token(page), WIDTHS[width]))
    if starts_at >= ends_at:
        raise InvalidQueryError("ending_at", "must be later than starting_at")
    over_at = min(ends_at, starts_at + limit * WIDTHS[width])
    more = f"{PAGE_PREFIX}{over_at:%Y%m%dT%H%MZ}" if over_at < ends_at else None
    return _Page(starts_at, over_at, width, more)


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def _snap(at: datetime, width: timedelta) -> datetime:
    return at - (at - _EPOCH) % width


def _read_time(call: Call, name: str) -> datetime:
    text = call.find_text(name)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not FIRST_ON.year < at.year < LAST_ON.year:
        raise InvalidQueryError(name, "must be a time such as 2026-11-23T00:00:00Z")
    return at.astimezone(UTC)


def _read_page_token(text: str) -> datetime:
    try:
        return datetime.strptime(text, f"{PAGE_PREFIX}%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidQueryError("page", "must be the next_page of an answer") from None


def _read_values(call: Call, name: str) -> tuple[str, ...]:
    """The values of a list: ``name[]=a&name[]=b``, or without the brackets."""
    query = call.request.query_params
    values = (*query.getlist(f"{name}[]"), *query.getlist(name))
    if len(values) > VALUES_MAX or not all(value.isprintable() for value in values):
        raise InvalidQueryError(f"{name}[]", f"must be at most {VALUES_MAX} printable values")
    return values


def _read_group_by(call: Call, known: tuple[str, ...]) -> tuple[str, ...]:
    values = _read_values(call, "group_by")
    for value in values:
        if value not in known or values.count(value) > 1:
            raise InvalidQueryError("group_by[]", f"must be different ones of {', '.join(known)}")
    return values


def _read_filters(call: Call) -> dict[str, tuple[str, ...]]:
    for name in ("account_ids", "service_account_ids"):
        if _read_values(call, name):
            raise InvalidQueryError(f"{name}[]", "is not known here; use api_key_ids[]")
    found = {ours: _read_values(call, name) for name, ours in FILTERS.items()}
    return {name: values for name, values in found.items() if values}


def _render_time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
