"""Files: a document in each of its forms, and the bundle that proves it, below its address."""

from collections.abc import Awaitable, Callable

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.paper.files import DOWNLOADS, open_paper
from jeton.billing.words import Document
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.routes.billing.desk import office_of, our_id, read_id
from jeton.console.visit import Door, Visit
from jeton.errors import NotAuthenticatedError
from jeton.identity.roles.permissions import Permission

SUFFIXES = DOWNLOADS

Endpoint = Callable[[Request], Awaitable[Response]]


def make_download(door: Door, suffix: str, *, is_operators: bool = False) -> Endpoint:
    """An endpoint that answers with a file of the document that its address names."""

    async def answer(request: Request) -> Response:
        visit = await door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        document = await _find(visit, is_operators=is_operators)
        return await send_file(visit, document, suffix)

    async def endpoint(request: Request) -> Response:
        return await door.guard(request, answer(request))

    return endpoint


async def send_file(visit: Visit, document: Document, suffix: str) -> Response:
    """One form of a document as an answer."""
    paper = await open_paper(visit.deps.pool, document, wanted=suffix, look=office_of(visit).look)
    headers = {
        **SECURITY_HEADERS,
        "content-disposition": f'attachment; filename="{paper.name}"',
        "content-length": str(paper.size_bytes),
    }
    return StreamingResponse(
        paper.chunks, headers=headers, media_type=paper.media_type, background=BackgroundTask(paper.close)
    )


async def _find(visit: Visit, *, is_operators: bool) -> Document:
    if is_operators:
        visit.require_operator()
    else:
        visit.require(Permission.SEE_BILLING)
    organization_id = None if is_operators else our_id(visit)
    async with visit.deps.pool.connection() as connection:
        return await get_document(connection, read_id(visit, "document_id"), organization_id=organization_id)
