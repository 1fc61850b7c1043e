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
from jeton.db.pool import Connection
from jeton.insight.explore.minutes import explore_minutes
from jeton.insight.explore.question import DIMENSIONS, GROUPS_MAX, Question, Report
from jeton.insight.explore.reading import explore
from jeton.insight.explore.stretches import FIRST_ON, LAST_ON, Step, Stretch
from jeton.insight.explore.sums import TOKEN_CLASSES, Sums
from jeton.insight.narrowed.classes import AMOUNTS, explore_class
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
    "end_users": "end_user",
    "tags": "tag",
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
_TYPE_OF = {column: (token_type, title) for column, token_type, title in TOKEN_TYPES}
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
    wanted, token_class = _read_group_by(call, (*NAMES, *ACTORS)), read_token_class(call)
    question = Question(
        caller.organization_id,
        Stretch(page.starts_at, page.ends_at),
        page.width,
        tuple(NAMES[name] for name in wanted if name in NAMES),
        read_filters(call),
        limit=GROUPS_MAX,
    )
    async with call.connect() as connection:
        report = await _read_report(connection, question, token_class)
    rows: list[list[Row]] = [[] for _ in range(report.buckets.count)]
    for cell in report.cells:
        group = dict(zip(question.group_by, cell.group, strict=True))
        names: Row = {name: group.get(ours) for name, ours in NAMES.items()}
        if cell.sums.requests or token_class:
            counts = _render_class(cell.sums, token_class) if token_class else _render_usage(cell.sums)
            rows[cell.bucket].append({**counts, **names, **dict.fromkeys(ACTORS)})
    return _render_page(report, page, rows)


async def _read_report(connection: Connection, question: Question, token_class: str) -> Report:
    """The report under the Console's pages; of one class of tokens, or "" for all."""
    if token_class:
        return await explore_class(connection, question, token_class=token_class)
    ask = explore_minutes if question.step == "1m" else explore
    return await ask(connection, question)


def _render_usage(sums: Sums) -> Row:
    return {
        "uncached_input_tokens": sums.input_tokens,
        "cache_read_input_tokens": sums.cache_read_input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": sums.cache_creation_5m_input_tokens,
            "ephemeral_1h_input_tokens": sums.cache_creation_1h_input_tokens,
        },
        "output_tokens": sums.output_tokens,
        "output_tokens_details": {"thinking_tokens": sums.thinking_tokens},
        "server_tool_use": {"web_search_requests": sums.web_search_requests},
        "requests": sums.requests,
    }


def _render_class(sums: Sums, token_class: str) -> Row:
    """The tokens of one class in the place that they have; what is not known of it is left out."""
    token_type, _ = _TYPE_OF[AMOUNTS[token_class]]
    outer, _, inner = token_type.partition(".")
    tokens = getattr(sums, token_class)
    return {outer: {inner: tokens} if inner else tokens}


async def _get_cost(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    page = _read_page(call, ("1d", "1h"))
    wanted, token_class = _read_group_by(call, (*NAMES, "description")), read_token_class(call)
    is_described = "description" in wanted
    named = [NAMES[name] for name in wanted if name in NAMES]
    described = [name for name in DESCRIBED if is_described and name not in named]
    question = Question(
        caller.organization_id,
        Stretch(page.starts_at, page.ends_at),
        page.width,
        (*named, *described),
        read_filters(call),
        limit=GROUPS_MAX,
    )
    async with call.connect() as connection:
        report = await _read_report(connection, question, token_class)
    rows: list[list[Row]] = [[] for _ in range(report.buckets.count)]
    for cell in report.cells:
        group = dict(zip(question.group_by, cell.group, strict=True))
        names: Row = {name: group.get(ours) for name, ours in NAMES.items()}
        # Of one class there is what was charged; reversals are of whole requests.
        parts = [(cell.sums.net_nano, _NOTHING)]
        if is_described and token_class:
            parts = [(cell.sums.net_nano, _describe_class(group["model"], AMOUNTS[token_class]))]
        elif is_described:
            parts = _describe(cell.sums, group["model"])
        for nano, description in parts:
            rows[cell.bucket].append(
                {"amount": render_cents(nano), "currency": "USD", **names, **description}
            )
    return _render_page(report, page, rows)


OTHER_MODELS = "Other models"
_NOTHING: Row = {"cost_type": None, "description": None, "token_type": None}


def _describe(sums: Sums, model: str | None) -> list[tuple[int, Row]]:
    """A cell by class of tokens, searches, and what was reversed; they sum to its net amount."""
    said = model or OTHER_MODELS
    parts = [(getattr(sums, column), _describe_class(model, column)) for column in _TYPE_OF]
    searches: Row = {
        "cost_type": "web_search",
        "description": f"{said} Usage - Web Search",
        "token_type": None,
    }
    undone: Row = {"cost_type": "reversal", "description": f"{said} Usage - Reversed", "token_type": None}
    parts += [(sums.web_search_nano, searches), (-sums.reversed_nano, undone)]
    return [(nano, description) for nano, description in parts if nano]


def _describe_class(model: str | None, column: str) -> Row:
    token_type, title = _TYPE_OF[column]
    said = f"{model or OTHER_MODELS} Usage - {title}"
    return {"cost_type": "tokens", "description": said, "token_type": token_type}


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
    starts_at = _snap(read_time(call, "starting_at"), WIDTHS[width])
    until = call.find_text("ending_at")
    # A bucket that is not over is there, too.
    last = read_time(call, "ending_at") if until else clock.now()
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


def read_time(call: Call, name: str) -> datetime:
    """A time with its offset out of the query; InvalidQueryError."""
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


def read_filters(call: Call) -> dict[str, tuple[str, ...]]:
    """The filters of a report by the dimension that they narrow; InvalidQueryError."""
    for name in ("account_ids", "service_account_ids"):
        if _read_values(call, name):
            raise InvalidQueryError(f"{name}[]", "is not known here; use api_key_ids[]")
    found = {ours: _read_values(call, name) for name, ours in FILTERS.items()}
    return {name: values for name, values in found.items() if values}


def read_token_class(call: Call) -> str:
    """The class of tokens that a report is of, "" for all; InvalidQueryError."""
    return check_token_class(call.find_text("token_class"))


def check_token_class(text: str) -> str:
    """A text that is "" or one of TOKEN_CLASSES; InvalidQueryError."""
    if text not in {"", *TOKEN_CLASSES}:
        raise InvalidQueryError("token_class", f"must be one of {', '.join(TOKEN_CLASSES)}")
    return text


def _render_time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
