"""Files: a document as PDF with its XML, as XML, as CSV of its lines, and as the bundle that proves it."""

import asyncio
import tempfile
from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from jeton.admin.errors import InvalidQueryError
from jeton.admin.money.payments import office_of
from jeton.admin.resource import Call
from jeton.billing.invoicing.documents.reading import get_document
from jeton.billing.paper.files import Form, make_file, name_file, save_bundle
from jeton.billing.words import Document

FORMS: Mapping[str, Form] = MappingProxyType({"pdf": "pdf", "xml": "xml", "csv": "csv"})
BUNDLE = "zip"
CHUNK_BYTES = 65_536


async def send_any_file(call: Call) -> Response:
    """A file of anybody's document, for the operator."""
    call.require_operator()
    return await _send(call, None)


async def send_our_file(call: Call) -> Response:
    """A file of a document of the caller's."""
    return await _send(call, call.require_admin().organization_id)


async def _send(call: Call, organization_id: UUID | None) -> Response:
    form = str(call.request.path_params["form"])
    if form not in (*FORMS, BUNDLE):
        raise InvalidQueryError("form", f"must be one of {', '.join((*FORMS, BUNDLE))}")
    async with call.connect() as connection:
        name = str(call.request.path_params["document_id"])
        document = await get_document(connection, name, organization_id=organization_id)
    if form == BUNDLE:
        return await _send_bundle(call, document)
    # Drawing takes a moment, in which others are served.
    made = await asyncio.to_thread(make_file, document, FORMS[form], office_of(call).look)
    return Response(made.content, headers=_headers(made.name), media_type=made.media_type)


async def _send_bundle(call: Call, document: Document) -> Response:
    """The bundle, which may be larger than memory: written to a file first, which goes with the answer."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once the answer is sent
    try:
        async with call.deps.pool.connection() as connection:
            await save_bundle(connection, document, file, office_of(call).look)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return StreamingResponse(
        iter(lambda: file.read(CHUNK_BYTES), b""),
        headers=_headers(name_file(document, BUNDLE)),
        media_type="application/zip",
        background=BackgroundTask(file.close),
    )


def _headers(name: str) -> dict[str, str]:
    return {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"'}
