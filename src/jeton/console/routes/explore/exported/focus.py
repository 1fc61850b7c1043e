"""FOCUS: the charges of a page of cost, with its range and filters, as FinOps tools read them."""

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jeton.billing.focus.files import open_export
from jeton.billing.focus.words import FocusAsk
from jeton.billing.focus.writing import FocusForm
from jeton.console.errors import InvalidFilterError
from jeton.console.files.downloading import Endpoint
from jeton.console.filters import parse_filters
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.routes.billing.desk import office_of, our_id
from jeton.console.routes.explore.asking import where_of
from jeton.console.visit import Door, Visit
from jeton.errors import NotAuthenticatedError
from jeton.identity.roles.permissions import Permission
from jeton.insight.narrowed.uncharged import UNCHARGED

PLACE = "/console/cost/focus"


def make_focus(door: Door, form: FocusForm) -> Endpoint:
    """An endpoint that gives what the page's range and filters mean; how the page groups is left out."""

    async def answer(request: Request) -> Response:
        visit = await door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        # It has documents in it: purchases, taxes, corrections.
        visit.require(Permission.SEE_BILLING)
        return await _send(visit, form)

    async def endpoint(request: Request) -> Response:
        return await door.guard(request, answer(request))

    return endpoint


async def _send(visit: Visit, form: FocusForm) -> Response:
    filters = parse_filters(visit)
    if filters.state in UNCHARGED:
        raise InvalidFilterError("state", "is of requests that were not charged, and FOCUS has charges alone")
    ask = FocusAsk(our_id(visit), filters.stretch, where_of(filters), filters.token_class or "")
    export = await open_export(visit.deps.pool, ask, form=form, rules=office_of(visit).rules)
    headers = {
        **SECURITY_HEADERS,
        "content-disposition": f'attachment; filename="{export.name}"',
        "content-length": str(export.size_bytes),
    }
    return StreamingResponse(
        export.chunks, headers=headers, media_type=export.media_type, background=BackgroundTask(export.close)
    )
