"""FOCUS over the Admin API: an organization's charges, or everybody's, as a file that FinOps tools read."""

from uuid import UUID

from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidQueryError
from jeton.admin.money.payments import office_of
from jeton.admin.reports import read_filters, read_time, read_token_class
from jeton.admin.resource import Call, Resource
from jeton.billing.focus.files import open_export
from jeton.billing.focus.words import FocusAsk
from jeton.billing.focus.writing import FORMS
from jeton.identity.organizations import get_organization
from jeton.insight.explore.stretches import Stretch


def focus_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The export of the caller's organization, and the operator's of all of them."""
    return [
        Route("/v1/organizations/focus_report", Resource(deps, {"GET": _send_ours})),
        Route("/v1/operator/focus_report", Resource(deps, {"GET": _send_everybodys})),
    ]


async def _send_ours(call: Call) -> Response:
    return await _send(call, call.require_admin().organization_id)


async def _send_everybodys(call: Call) -> Response:
    call.require_operator()
    text = call.find_text("organization_id")
    if not text:
        return await _send(call, None)
    try:
        organization_id = UUID(text)
    except ValueError:
        raise InvalidQueryError("organization_id", "must be the id of an organization") from None
    async with call.connect() as connection:
        await get_organization(connection, organization_id)
    return await _send(call, organization_id)


async def _send(call: Call, organization_id: UUID | None) -> Response:
    form = call.find_text("format") or "csv"
    if form not in FORMS:
        raise InvalidQueryError("format", f"must be one of {', '.join(FORMS)}")
    starts_at = read_time(call, "starting_at")
    ends_at = read_time(call, "ending_at") if call.find_text("ending_at") else clock.now()
    where, token_class = read_filters(call), read_token_class(call)
    ask = FocusAsk(organization_id, Stretch(starts_at, ends_at), where, token_class)
    export = await open_export(call.deps.pool, ask, form=FORMS[form], rules=office_of(call).rules)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{export.name}"',
        "content-length": str(export.size_bytes),
    }
    return StreamingResponse(
        export.chunks, headers=headers, media_type=export.media_type, background=BackgroundTask(export.close)
    )
