"""Batch desk: what a batch could come to, sending it, what was not sent as one, and retrying what failed."""

import asyncio
from collections.abc import Mapping

from jeton import clock
from jeton.batches.desk import API_VERSION, QUOTED_BYTES_MAX, QUOTED_ITEMS_MAX, BatchDesk
from jeton.batches.errors import UnknownBatchError
from jeton.batches.items import BatchHead
from jeton.batches.overview import get_organization_batch
from jeton.batches.quoting import (
    WRONG_MAX,
    BatchQuote,
    WrongElement,
    find_wrong,
    render_quote,
    split_elements,
)
from jeton.console.errors import InvalidFormError
from jeton.console.files.uploading import Upload
from jeton.console.visit import View, Visit
from jeton.errors import OverloadedError
from jeton.identity.audit import Actor, record_audit
from jeton.identity.keys import KeyFilter, list_keys
from jeton.identity.organizations import list_workspaces
from jeton.identity.roles.permissions import Permission
from jeton.insight.batchable.reading import (
    CROWD_REQUESTS,
    ROWS_MAX,
    get_unbatched,
    render_unbatched,
)
from jeton.insight.contract.terms import read_own_terms
from jeton.insight.overview.standing import get_standing

PATH = "/console/batches"
NANO_DIGITS_MAX = 18


async def show_quote(visit: Visit) -> View:
    """The form that takes requests, as a file or pasted."""
    return await _view_quote(visit, None)


async def quote(visit: Visit, sent: Upload) -> View | str:
    """What the requests could come to; kept as a draft where a key is chosen that is to send them."""
    desk, at, key_id = _desk_of(visit), clock.now(), sent.fields.get("key_id", "")
    if key_id:
        visit.require(Permission.MANAGE_BATCHES)
    elements = await asyncio.to_thread(split_elements, _read_requests(sent))
    wrong = await asyncio.to_thread(find_wrong, elements[:QUOTED_ITEMS_MAX])
    if wrong:
        return await _view_quote(visit, None, wrong=wrong)
    head = BatchHead("", visit.session.organization_id, "", key_id, API_VERSION, "")
    if key_id:
        return f"{PATH}/drafts/{await desk.draft(elements, head, at=at)}"
    return await _view_quote(visit, await asyncio.to_thread(desk.quote, elements, head, at=at))


async def show_draft(visit: Visit) -> View:
    """What a draft could come to now, and the button that sends it."""
    visit.require(Permission.MANAGE_BATCHES)
    desk, at = _desk_of(visit), clock.now()
    head, found = await desk.quote_draft(visit.session.organization_id, _draft_id(visit), at=at)
    async with visit.deps.pool.connection() as connection:
        standing = await get_standing(connection, visit.session.organization_id)
        keys = await list_keys(connection, visit.session.organization_id)
        workspaces = await list_workspaces(connection, visit.session.organization_id)
    context = {
        "as_of": standing.as_of,
        "quote": found,
        "available_nano": standing.available_nano,
        "draft_id": _draft_id(visit),
        "key": next((key for key in keys if key.key_id == head.key_id), None),
        "workspace_name": next(
            (one.name for one in workspaces if one.workspace_id == head.workspace_id), head.workspace_id
        ),
    }
    data = {
        "type": "batch_draft",
        "as_of": standing.as_of.isoformat(),
        "currency": "USD",
        "key_id": head.key_id,
        "workspace_id": head.workspace_id,
        "quote": render_quote(found),
    }
    return View("spending/batch_draft.html", context, data)


async def send(visit: Visit, form: Mapping[str, str]) -> str:
    """Send a draft for what it was quoted at; a second time is the same batch."""
    visit.require(Permission.MANAGE_BATCHES)
    quoted = form.get("quoted_nano", "")
    # What is no amount is not what was quoted.
    if not (quoted.isascii() and quoted.isdigit() and len(quoted) <= NANO_DIGITS_MAX):
        quoted = "0"
    organization_id, at = visit.session.organization_id, clock.now()
    # Held like every batch, so outside of any transaction of ours.
    batch_id = await _desk_of(visit).send(organization_id, _draft_id(visit), quoted_nano=int(quoted), at=at)
    await _note(visit, "batches.sent", batch_id, {"quoted_nano": quoted})
    return f"{PATH}/{batch_id}"


async def discard(visit: Visit, form: Mapping[str, str]) -> str:
    """Forget a draft."""
    del form
    visit.require(Permission.MANAGE_BATCHES)
    await _desk_of(visit).discard(visit.session.organization_id, _draft_id(visit))
    return f"{PATH}/quote"


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
    by = Actor("member", visit.session.email)
    retry_id = await _desk_of(visit).retry(batch.batch_id, by=by, at=at)
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


def _read_requests(sent: Upload) -> bytes:
    """The file, or what was pasted; InvalidFormError for both or neither."""
    pasted = sent.fields.get("requests", "").strip().encode()
    if bool(pasted) == bool(sent.content.strip()):
        raise InvalidFormError("it has both a file and pasted requests" if pasted else "it has no requests")
    if max(len(pasted), len(sent.content)) > QUOTED_BYTES_MAX:
        raise InvalidFormError(
            f"the requests have more than {QUOTED_BYTES_MAX:,} bytes, which is the most here"
        )
    return pasted or sent.content


async def _view_quote(
    visit: Visit, found: BatchQuote | None, *, wrong: list[WrongElement] | None = None
) -> View:
    may_send = visit.may(Permission.MANAGE_BATCHES) and visit.viewing is None
    async with visit.deps.pool.connection() as connection:
        standing = await get_standing(connection, visit.session.organization_id)
        keys = (
            await list_keys(connection, visit.session.organization_id, filter_=KeyFilter("active"))
            if may_send
            else []
        )
        workspaces = await list_workspaces(connection, visit.session.organization_id, has_archived=False)
    names = {one.workspace_id: one.name for one in workspaces}
    context = {
        "as_of": standing.as_of,
        "quote": found,
        "wrong": wrong or [],
        "wrong_max": WRONG_MAX,
        # A key that is restricted to networks sends from there only, an archived workspace not at all.
        "senders": [
            (key, names[key.workspace_id])
            for key in keys
            if key.kind == "api" and key.networks is None and key.workspace_id in names
        ],
        "may_send": may_send,
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
    return View("spending/batch_quote.html", context, data, status=400 if wrong else 200)


async def _note(visit: Visit, action: str, batch_id: str, details: Mapping[str, str]) -> None:
    async with visit.deps.pool.connection() as connection:
        await record_audit(
            connection,
            Actor("member", visit.session.email),
            action,
            subject=batch_id,
            organization_id=visit.session.organization_id,
            details=details,
        )


def _draft_id(visit: Visit) -> str:
    draft_id: str = visit.request.path_params["draft_id"]
    return draft_id


def _desk_of(visit: Visit) -> BatchDesk:
    if visit.deps.batches is None:
        raise OverloadedError("Batches are not received here now.")
    return visit.deps.batches
