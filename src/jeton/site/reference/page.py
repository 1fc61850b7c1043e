"""Page: the API reference for people, as Markdown for programs, and as OpenAPI for tools."""

from collections.abc import Iterator

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from jeton.site.documents import Documents
from jeton.site.pages import SECURITY_HEADERS, Pages
from jeton.site.reference.description import Description, Field, load_description
from jeton.site.reference.openapi import build_openapi


def reference_routes(documents: Documents, pages: Pages) -> list[BaseRoute]:
    """The reference in its three forms."""

    async def show(request: Request) -> Response:
        return _answer(request, is_of_objects=False)

    async def show_objects(request: Request) -> Response:
        return _answer(request, is_of_objects=True)

    def _answer(request: Request, *, is_of_objects: bool) -> Response:
        context = {
            "description": load_description(),
            "groups": documents.groups,
            "is_of_objects": is_of_objects,
        }
        return pages.answer(request, "docs/reference.html", context)

    async def send_markdown(request: Request) -> Response:
        del request
        text = "\n".join(render_markdown(load_description())) + "\n"
        return Response(text, media_type="text/markdown", headers=dict(SECURITY_HEADERS))

    async def send_openapi(request: Request) -> Response:
        document = build_openapi(
            load_description(), brand=pages.brand_name, base_url=pages.find_base_url(request)
        )
        return JSONResponse(document, headers=dict(SECURITY_HEADERS))

    # Long, and nothing in it is secret, so its length may say what it likes.
    compressed = [Middleware(GZipMiddleware)]
    return [
        Route("/docs/api", show, methods=["GET"], middleware=compressed),
        Route("/docs/api/objects", show_objects, methods=["GET"], middleware=compressed),
        Route("/docs/api.md", send_markdown, methods=["GET"], middleware=compressed),
        Route("/openapi.json", send_openapi, methods=["GET"], middleware=compressed),
    ]


def render_markdown(description: Description) -> Iterator[str]:
    """The whole reference."""
    yield "# API reference"
    yield ""
    yield "As OpenAPI 3.1: `/openapi.json`."
    for tag, text in description.tags:
        yield from ("", f"## {tag}", "", text)
        for operation in description.list_tagged(tag):
            yield from ("", f"### {operation.title}", "", f"`{operation.method} {operation.path}`", "")
            yield operation.text
            yield ""
            yield f"Key: {operation.key}. Body: {operation.body or 'none'}. Answer: {operation.answer}."
            if operation.query:
                yield from ("", *_render_fields(operation.query))
    yield from ("", "## Objects")
    for schema in description.schemas:
        yield from ("", f"### {schema.name}", "", schema.text, "", *_render_fields(schema.fields))


def _render_fields(fields: tuple[Field, ...]) -> Iterator[str]:
    yield "| field | type | |"
    yield "|---|---|---|"
    for field in fields:
        null = " or null" if field.may_be_null else ""
        yield f"| `{field.name}` | {field.type}{null} | {field.text} |"
