"""Batch desk: what a batch could come to, what was not sent as one, and retrying what failed."""

import asyncio
from collections.abc import Mapping

from jeton import clock
from jeton.batches.desk import (
    QUOTED_BYTES_MAX,
    QUOTED_ITEMS_MAX,
    BatchDesk,
    BatchQuote,
    split_lines,
)
from jeton.batches.errors import UnknownBatchError
from jeton.batches.overview import get_organization_batch
from jeton.console.files.uploading import Upload
from jeton.console.visit import View, Visit
from jeton.errors import OverloadedError
from jeton.identity.audit import Actor, record_audit
from jeton.identity.organizations import list_workspaces
from jeton.identity.roles.permissions import Permission
from jeton.insight.balance import get_standing
from jeton.insight.batchable.reading import (
    CROWD_REQUESTS,
    ROWS_MAX,
    get_unbatched,
    render_unbatched,
)
from jeton.insight.contract.terms import read_own_terms
from jeton.money import render_usd

PATH = "/console/batches"


async def show_quote(visit: Visit) -> View:
    """The form that takes a file of requests."""
    return await _view_quote(visit, None)


async def quote(visit: Visit, sent: Upload) -> View:
    """What the requests of a file could come to; nothing of it is kept."""
    desk = _desk_of(visit)
    elements = split_lines(sent.content)
    found = await asyncio.to_thread(desk.quote, elements, visit.session.organization_id, at=clock.now())
    return await _view_quote(visit, found)


async def retry(visit: Visit, form: Mapping[str, str]) -> str:
    """Send what failed of a batch again, once, under the key that sent it."""
    del form
    visit.require(Permission.MANAGE_BATCHES)
    batch_id: str = visit.request.path_params["batch_id"]
    if not batch_id.isprintable():
        raise UnknownBatchError(ascii(batch_id))
    organization_id, at = visit.session.organization_id, clock.now()
    async with visit.deps.pool.connection() as connection:
        batch = await get_organization_batch(connection, organization_id, batch_id)
    # Held like every batch, so outside of any transaction of ours.
    retry_id = await _desk_of(visit).retry(batch.batch_id, by=visit.session.email, at=at)
    async with visit.deps.pool.connection() as connection:
        await record_audit(
            connection,
            Actor("member", visit.session.email),
            "batches.retried",
            subject=batch_id,
            organization_id=organization_id,
            details={"retry_id": retry_id},
        )
    return f"{PATH}/{retry_id}"


async def show_unbatched(visit: Visit) -> View:
    """Standard traffic of 30 days by key and model, and what a batch would have saved."""
    organization_id, at = visit.session.organization_id, clock.now()
    async with visit.deps.pool.connection() as connection:
        own = await read_own_terms(connection, organization_id)
        report = await get_unbatched(connection, organization_id, book=visit.deps.book, own=own, at=at)
        workspaces = await list_workspaces(connection, organization_id)
    context = {
        "report": report,
        "rows_max": ROWS_MAX,
        "crowd": CROWD_REQUESTS,
        "names": {one.workspace_id: one.name for one in workspaces},
    }
    return View("spending/unbatched.html", context, render_unbatched(report))


def render_quote(found: BatchQuote) -> dict[str, object]:
    """A quote as JSON; amounts are the most that it can come to."""
    return {
        "requests": found.requests,
        "batch_amount_max": render_usd(found.batch_nano),
        "prompt_amount_max": render_usd(found.prompt_nano),
        "standard_amount_max": render_usd(found.standard_nano),
        "by_model": [
            {
                "model": one.model,
                "price_version": one.price_version_id,
                "requests": one.requests,
                "batch_amount_max": render_usd(one.batch_nano),
                "prompt_amount_max": render_usd(one.prompt_nano),
                "standard_amount_max": render_usd(one.standard_nano),
            }
            for one in found.models
        ],
        "problems": [
            {
                "type": one.type,
                "requests": one.requests,
                "first_custom_id": one.first_custom_id,
                "first_message": one.first_message,
            }
            for one in found.problems
        ],
    }


async def _view_quote(visit: Visit, found: BatchQuote | None) -> View:
    async with visit.deps.pool.connection() as connection:
        standing = await get_standing(connection, visit.session.organization_id)
    context = {
        "as_of": standing.as_of,
        "quote": found,
        "available_nano": standing.available_nano,
        "items_max": QUOTED_ITEMS_MAX,
        "bytes_max": QUOTED_BYTES_MAX,
        "is_there": visit.deps.batches is not None,
    }
    data = {
        "type": "batch_quote",
        "as_of": standing.as_of.isoformat(),
        "currency": "USD",
        "quote": None if found is None else render_quote(found),
    }
    return View("spending/batch_quote.html", context, data)


def _desk_of(visit: Visit) -> BatchDesk:
    if visit.deps.batches is None:
        raise OverloadedError("Batches are not received here now.")
    return visit.deps.batches
