"""Files: style sheets, scripts and pictures of the package, served as they are."""

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jeton.site.pages import SECURITY_HEADERS, Pages

MEDIA_TYPES = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}


def file_routes(pages: Pages) -> list[BaseRoute]:
    """The files under /static; the Console's pages use them too."""

    async def send_file(request: Request) -> Response:
        name = request.path_params["name"]
        folder = resources.files("jeton.site").joinpath("static")
        known = {file.name: file for file in folder.iterdir()}
        kind = MEDIA_TYPES.get(name.rpartition(".")[2])
        if name not in known or kind is None:
            return pages.answer(request, "not_found.html", {}, status=404)
        return _file(known[name].read_bytes(), kind)

    async def send_icon(request: Request) -> Response:
        """The mark, for browsers that ask for it at the old place."""
        del request
        icon = resources.files("jeton.site").joinpath("static").joinpath("mark.svg")
        return _file(icon.read_bytes(), MEDIA_TYPES["svg"])

    return [
        Route("/static/{name}", send_file, methods=["GET"]),
        Route("/favicon.ico", send_icon, methods=["GET"]),
    ]


def _file(content: bytes, kind: str) -> Response:
    # An hour: short enough that an upgrade is seen the same day, long enough to spare requests.
    headers = {**SECURITY_HEADERS, "cache-control": "public, max-age=3600"}
    return Response(content, media_type=kind, headers=headers)
