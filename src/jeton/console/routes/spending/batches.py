"""Batches: which there are, how far each is, what it came to and what that saved; canceling one."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jeton import clock
from jeton.batches.changing import cancel_batch
from jeton.batches.errors import UnknownBatchError
from jeton.batches.overview import (
    BatchChoice,
    BatchTotals,
    ErrorReport,
    count_batches,
    count_errors,
    get_organization_batch,
    list_organization_batches,
)
from jeton.batches.reading import Amounts, Standing, get_amounts, read_results, require_results
from jeton.batches.retrying import get_leftover
from jeton.console.errors import InvalidFilterError
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.visit import Door, View, Visit
from jeton.errors import NotAuthenticatedError
from jeton.identity.audit import Actor
from jeton.identity.organizations import list_workspaces
from jeton.identity.roles.permissions import Permission
from jeton.money import render_usd

STATES = ("in_progress", "canceling", "ended")
STATE_WORDS = {"in_progress": "in progress", "canceling": "canceling", "ended": "ended"}


async def show_batches(visit: Visit) -> View:
    """The batches of the organization, newest first, and what the last 30 days came to."""
    choice = BatchChoice(visit.find_filter("workspace_id") or None, visit.find_filter("state") or None)
    if choice.state not in {None, *STATES}:
        raise InvalidFilterError("state", f"is {choice.state!r}, not one of {', '.join(STATES)}")
    before_id, at = visit.find_filter("before"), clock.now()
    organization_id = visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        page = await list_organization_batches(
            connection, organization_id, choice, before_id=before_id or None
        )
        totals = await count_batches(connection, organization_id, at=at)
        workspaces = await list_workspaces(connection, organization_id)
    names = {workspace.workspace_id: workspace.name for workspace in workspaces}
    if choice.workspace_id:
        names.setdefault(choice.workspace_id, f"{choice.workspace_id} (not known here)")
    query = {"workspace_id": choice.workspace_id or "", "state": choice.state or ""}
    query = {name: text for name, text in query.items() if text}
    last_id = page.batches[-1].batch_id if page.has_more else ""
    context = {
        "as_of": at,
        "batches": page.batches,
        "totals": totals,
        "choice": choice,
        "names": names,
        "state_words": STATE_WORDS,
        "left": {
            one.batch_id: _render_left(one.expires_at, at) for one in page.batches if one.state != "ended"
        },
        "is_first": not before_id,
        "may_send": visit.may(Permission.MANAGE_BATCHES) and visit.viewing is None,
        "first_query": urlencode(query),
        "next_query": urlencode({**query, "before": last_id}) if last_id else "",
    }
    data = {
        "type": "message_batch_overview",
        "as_of": at.isoformat(),
        "totals": _render_totals(totals),
        "data": [_render_batch(batch) for batch in page.batches],
        "has_more": page.has_more,
        "next_id": last_id or None,
    }
    return View("spending/batches.html", context, data)


async def show_batch(visit: Visit) -> View:
    """One batch: its deadline, its counts, what it came to, and why items failed."""
    batch_id, at = _batch_id(visit), clock.now()
    async with visit.deps.pool.connection() as connection:
        batch = await get_organization_batch(connection, visit.session.organization_id, batch_id)
        amounts = await get_amounts(connection, batch.workspace_id, batch.batch_id)
        errors = await count_errors(connection, batch)
        leftover = await get_leftover(connection, batch.batch_id, at=at)
        workspaces = await list_workspaces(connection, visit.session.organization_id)
    context = {
        "as_of": at,
        "batch": batch,
        "amounts": amounts,
        "errors": errors,
        "left": None if batch.state == "ended" else _render_left(batch.expires_at, at),
        "names": {workspace.workspace_id: workspace.name for workspace in workspaces},
        "state_words": STATE_WORDS,
        "leftover": leftover,
        "may_retry": bool(leftover.items)
        and not leftover.retry_id
        and visit.deps.batches is not None
        and visit.may(Permission.MANAGE_BATCHES),
        "may_cancel": batch.state == "in_progress" and visit.may(Permission.MANAGE_BATCHES),
        "may_read": batch.state == "ended"
        and batch.archived_at is None
        and visit.may(Permission.MANAGE_BATCHES),
    }
    data = {
        **_render_batch(batch),
        "as_of": at.isoformat(),
        "cost": _render_amounts(amounts),
        "errors": _render_errors(errors),
        "retry": {"requests": leftover.items, "batch_id": leftover.retry_id},
    }
    return View("spending/batch.html", context, data)


async def cancel(visit: Visit, form: Mapping[str, str]) -> str:
    """Begin nothing more of a batch; what runs is finished."""
    del form
    visit.require(Permission.MANAGE_BATCHES)
    batch_id, organization_id = _batch_id(visit), visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        batch = await get_organization_batch(connection, organization_id, batch_id)
        by = Actor("member", visit.session.email)
        await cancel_batch(connection, batch.workspace_id, batch_id, by=by, at=clock.now())
    return f"/console/batches/{batch_id}"


class Results:
    """The lines of a batch's results; they are answers, so only for whoever may have an API key."""

    def __init__(self, door: Door) -> None:
        """Behind the same door as the pages."""
        self._door = door

    async def __call__(self, request: Request) -> Response:
        """The file, or a page that says why not."""
        return await self._door.guard(request, self._answer(request))

    async def _answer(self, request: Request) -> Response:
        visit = await self._door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        visit.require(Permission.MANAGE_BATCHES)
        batch_id = _batch_id(visit)
        async with visit.deps.pool.connection() as connection:
            batch = await get_organization_batch(connection, visit.session.organization_id, batch_id)
            await require_results(connection, batch.workspace_id, batch_id)
        headers = {**SECURITY_HEADERS, "content-disposition": f'attachment; filename="{batch_id}.jsonl"'}
        lines = read_results(visit.deps.pool, batch_id)
        return StreamingResponse(lines, headers=headers, media_type="application/x-jsonl")


def _batch_id(visit: Visit) -> str:
    batch_id: str = visit.request.path_params["batch_id"]
    if not batch_id.isprintable():
        raise UnknownBatchError(ascii(batch_id))
    return batch_id


def _render_left(expires_at: datetime, at: datetime) -> str:
    """How long until the deadline: ``23 h 59 min``."""
    minutes = max(0, int((expires_at - at).total_seconds())) // 60
    return f"{minutes // 60} h {minutes % 60} min"


def _render_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _render_batch(batch: Standing) -> dict[str, object]:
    return {
        "id": batch.batch_id,
        "type": "message_batch",
        "workspace_id": batch.workspace_id,
        "processing_status": batch.state,
        "request_counts": {
            "processing": batch.processing,
            "succeeded": batch.succeeded,
            "errored": batch.errored,
            "canceled": batch.canceled,
            "expired": batch.expired,
        },
        "created_at": _render_time(batch.created_at),
        "expires_at": _render_time(batch.expires_at),
        "ended_at": _render_time(batch.ended_at),
        "cancel_initiated_at": _render_time(batch.cancel_initiated_at),
        "archived_at": _render_time(batch.archived_at),
        "held_amount": render_usd(batch.held_nano),
        "list_amount": render_usd(batch.list_nano),
        "saved_by_batch": render_usd(batch.saved_batch_nano),
        "saved_by_cache": render_usd(batch.saved_cache_nano),
        "saved_otherwise": render_usd(batch.saved_other_nano),
        "net_amount": render_usd(batch.net_nano),
        "currency": "USD",
    }


def _render_amounts(amounts: Amounts) -> dict[str, object]:
    sums = amounts.sums
    return {
        "requests_done": sums.done,
        "list_amount": render_usd(sums.list_nano),
        "saved_by_batch": render_usd(sums.saved_batch_nano),
        "saved_by_cache": render_usd(sums.saved_cache_nano),
        "saved_otherwise": render_usd(sums.saved_other_nano),
        "net_amount": render_usd(sums.net_nano),
    }


def _render_errors(report: ErrorReport) -> dict[str, object]:
    kinds = [
        {"type": kind.type, "count": kind.count, "first_message": kind.sentence} for kind in report.kinds
    ]
    return {"examined": report.examined, "by_type": kinds}


def _render_totals(totals: BatchTotals) -> dict[str, object]:
    return {
        "since": totals.since.isoformat(),
        "in_progress": totals.in_progress,
        "canceling": totals.canceling,
        "ended": totals.ended,
        "requests": totals.items,
        "succeeded": totals.succeeded,
        "errored": totals.errored,
        "canceled": totals.canceled,
        "expired": totals.expired,
        "list_amount": render_usd(totals.list_nano),
        "saved_by_batch": render_usd(totals.saved_batch_nano),
        "saved_by_cache": render_usd(totals.saved_cache_nano),
        "saved_otherwise": render_usd(totals.saved_other_nano),
        "net_amount": render_usd(totals.net_nano),
    }
