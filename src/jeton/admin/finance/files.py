"""Files: a document in each of its forms, and the bundle that proves it, as answers of the API."""

from uuid import UUID

from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from jeton.admin.errors import InvalidQueryError
from jeton.admin.money.payments import office_of
from jeton.admin.resource import Call
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.paper.files import DOWNLOADS, open_paper


async def send_any_file(call: Call) -> Response:
    """A file of anybody's document, for the operator."""
    call.require_operator()
    return await _send(call, None)


async def send_our_file(call: Call) -> Response:
    """A file of a document of the caller's."""
    return await _send(call, call.require_admin().organization_id)


async def _send(call: Call, organization_id: UUID | None) -> Response:
    form = str(call.request.path_params["form"])
    if form not in DOWNLOADS:
        raise InvalidQueryError("form", f"must be one of {', '.join(DOWNLOADS)}")
    async with call.connect() as connection:
        name = str(call.request.path_params["document_id"])
        document = await get_document(connection, name, organization_id=organization_id)
    paper = await open_paper(call.deps.pool, document, wanted=form, look=office_of(call).look)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{paper.name}"',
        "content-length": str(paper.size_bytes),
    }
    return StreamingResponse(
        paper.chunks, headers=headers, media_type=paper.media_type, background=BackgroundTask(paper.close)
    )
