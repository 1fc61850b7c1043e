"""Requests: the log of charges, one page of it at a time, as a page, as JSON and as CSV."""

import csv
import io
import re
from collections.abc import Sequence
from typing import get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.errors import InvalidFilterError
from jeton.console.filters import list_choices, parse_filters
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.visit import TWIN, Door, View, Visit
from jeton.errors import NotAuthenticatedError
from jeton.insight.narrowed.uncharged import REFUSED
from jeton.insight.requests import (
    PAGE_ROWS,
    PAGE_ROWS_MAX,
    ChargeFilter,
    ChargePage,
    ListedCharge,
    list_charges,
    render_charges,
)
from jeton.insight.words import ReceiptState
from jeton.money import render_usd

STATES = tuple(state for state in get_args(ReceiptState) if state not in {"open", "mismatch"})
# A page of the most is under 100 kB; files may have more.
ROWS = (25, PAGE_ROWS)
FILE_ROWS = (*ROWS, PAGE_ROWS_MAX)
REQUEST_ID = re.compile(r"req_[0-9a-f]{0,32}")
BATCH_ID = re.compile(r"msgbatch_[0-9a-f]{32}")
SIGN_IN_FIRST = "Sign in to the Console first."

COLUMNS = (
    *("request_id", "held_at", "ended_at", "model", "workspace_id", "workspace", "api_key_id", "api_key"),
    *("service_tier", "state", "rule", "input_tokens", "cache_creation_5m_input_tokens"),
    *("cache_creation_1h_input_tokens", "cache_read_input_tokens", "output_tokens", "list_amount"),
    *("saved_amount", "net_amount", "reversed_amount", "currency", "duration_ms", "first_byte_ms"),
    *("end_user", "tag", "thinking_tokens"),
)
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def show_requests(visit: Visit) -> View:
    """A page of charges, newest first, filtered by the address."""
    filters, wanted = parse_filters(visit), read_wanted(visit)
    before_id = visit.find_filter("before")
    rows = _read_rows(visit, FILE_ROWS if visit.request.url.path.endswith(TWIN) else ROWS)
    organization_id = visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        page = await list_charges(
            connection, organization_id, filter_=wanted, before_id=before_id or None, limit=rows
        )
        choices = await list_choices(connection, organization_id, filters)
    query = {name: text for name, text in visit.request.query_params.items() if text and name != "before"}
    context = {
        "page": page,
        "filters": filters,
        "choices": choices,
        "wanted": wanted,
        "states": STATES,
        "rows": rows,
        "rows_offered": ROWS,
        "first_query": urlencode(query),
        "next_query": urlencode({**query, "before": page.next_id}) if page.next_id else "",
        "csv_query": urlencode({**query, **({"before": before_id} if before_id else {})}),
        "file_query": urlencode(
            {**query, **({"before": before_id} if before_id else {}), "rows": PAGE_ROWS_MAX}
        ),
        "is_first": not before_id,
        "is_narrowed": filters.is_narrowed or wanted.request_id or wanted.batch_id,
        "may_follow": visit.deps.live is not None and not before_id and not wanted.batch_id,
    }
    return View("log/requests.html", context, render_charges(page))


def make_csv(door: Door) -> "Download":
    """An endpoint that gives the page's rows as CSV."""
    return Download(door)


class Download:
    """The rows that the page of the same address shows."""

    def __init__(self, door: Door) -> None:
        """Whoever may see the page may have it."""
        self._door = door

    async def __call__(self, request: Request) -> Response:
        """The file, or a page that says what is wrong."""
        return await self._door.guard(request, self._answer(request))

    async def _answer(self, request: Request) -> Response:
        visit = await self._door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError(SIGN_IN_FIRST)
        async with visit.deps.pool.connection() as connection:
            page = await list_charges(
                connection,
                visit.session.organization_id,
                filter_=read_wanted(visit),
                before_id=visit.find_filter("before") or None,
                limit=_read_rows(visit, FILE_ROWS),
            )
        headers = {**SECURITY_HEADERS, "content-disposition": 'attachment; filename="requests.csv"'}
        return Response(render_csv(page), headers=headers, media_type="text/csv; charset=utf-8")


def read_wanted(visit: Visit) -> ChargeFilter:
    """The filters of an address; raises what parse_filters raises.

    A request id and a batch say when they were made themselves, so the range does not narrow them.
    """
    filters = parse_filters(visit)
    request_id, batch_id = (visit.find_filter(name) for name in ("request_id", "batch_id"))
    if filters.state in REFUSED:
        raise InvalidFilterError(
            "state",
            f"is {filters.state!r}: what was sent back at once was never held, so no log has it. Usage counts"
            " it with the same filter, and Rate limits has the reasons",
        )
    for name, text, pattern, example in (
        ("request_id", request_id, REQUEST_ID, "req_01934b2e…, or how it begins"),
        ("batch_id", batch_id, BATCH_ID, "msgbatch_01934b2e…"),
    ):
        if text and not pattern.fullmatch(text):
            raise InvalidFilterError(name, f"is {text!r}, not an id such as {example}")
    is_named = bool(request_id or batch_id)
    return ChargeFilter(
        model=filters.model,
        state=filters.state,
        token_class=filters.token_class,
        key_id=filters.key_id,
        workspace_id=filters.workspace_id,
        service_tier=filters.service_tier,
        from_at=None if is_named else filters.stretch.starts_at,
        until_at=None if is_named else filters.stretch.ends_at,
        request_id=request_id or None,
        batch_id=batch_id or None,
        end_user=filters.end_user,
        tag=filters.tag,
    )


def render_csv(page: ChargePage) -> str:
    """A head and a row a charge; amounts are exact dollars, unknown counts are empty."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    rows.writerows(_cells(charge) for charge in page.charges)
    return text.getvalue()


def _cells(charge: ListedCharge) -> list[object]:
    cells: list[object] = [
        *(charge.request_id, charge.held_at.isoformat(), charge.ended_at.isoformat(), charge.model),
        *(charge.workspace_id, charge.workspace_name, charge.key_id, charge.key_name, charge.service_tier),
        *(charge.state, charge.rule_id, charge.input_tokens, charge.cache_creation_5m_input_tokens),
        *(charge.cache_creation_1h_input_tokens, charge.cache_read_input_tokens, charge.output_tokens),
        *(render_usd(charge.list_nano), render_usd(charge.saved_nano), render_usd(charge.net_nano)),
        *(render_usd(charge.reversed_nano), "USD", charge.duration_ms, charge.first_byte_ms),
        *(charge.end_user, charge.tag, charge.thinking_tokens),
    ]
    names = {charge.workspace_name, charge.key_name, charge.model, charge.end_user, charge.tag}
    return [
        f"'{cell}" if isinstance(cell, str) and cell in names and cell.startswith(_FORMULA) else cell
        for cell in cells
    ]


def _read_rows(visit: Visit, offered: Sequence[int]) -> int:
    text = visit.find_filter("rows") or str(PAGE_ROWS)
    if text not in {str(rows) for rows in offered}:
        raise InvalidFilterError("rows", f"is {text!r}, not one of {', '.join(map(str, offered))}")
    return int(text)
