"""Files: a document as PDF with its XML, as XML, as CSV of its lines, and as the bundle that proves it."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.paper.files import Form, make_file, name_file, save_bundle
from jeton.billing.words import Document
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.routes.billing.desk import office_of, our_id, read_id
from jeton.console.visit import Door, Visit
from jeton.errors import NotAuthenticatedError
from jeton.identity.roles.permissions import Permission

FORMS: dict[str, Form] = {"pdf": "pdf", "xml": "xml", "csv": "csv"}
BUNDLE = "zip"
SUFFIXES = (*FORMS, BUNDLE)
CHUNK_BYTES = 65_536

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
    """One form of a document as an answer; drawing one takes long, so that others are served meanwhile."""
    look = office_of(visit).look
    if suffix == BUNDLE:
        return await _send_bundle(visit, document)
    made = await asyncio.to_thread(make_file, document, FORMS[suffix], look)
    return Response(made.content, headers=_headers(made.name), media_type=made.media_type)


async def _send_bundle(visit: Visit, document: Document) -> Response:
    """The bundle, which may be larger than memory: written to a file first, which goes with the answer."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once the answer is sent
    try:
        async with visit.deps.pool.connection() as connection:
            await save_bundle(connection, document, file, office_of(visit).look)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = _headers(name_file(document, BUNDLE))
    chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
    return StreamingResponse(
        chunks, headers=headers, media_type="application/zip", background=BackgroundTask(file.close)
    )


async def _find(visit: Visit, *, is_operators: bool) -> Document:
    if is_operators:
        visit.require_operator()
    else:
        visit.require(Permission.SEE_BILLING)
    organization_id = None if is_operators else our_id(visit)
    async with visit.deps.pool.connection() as connection:
        return await get_document(connection, read_id(visit, "document_id"), organization_id=organization_id)


def _headers(name: str) -> dict[str, str]:
    return {**SECURITY_HEADERS, "content-disposition": f'attachment; filename="{name}"'}
