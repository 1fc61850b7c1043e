"""Files: style sheets, scripts and pictures of the package, read once, sent compressed to who takes it.

Pages themselves are not compressed: they hold the tokens of forms, which compression could tell.
"""

import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jeton.site.pages import SECURITY_HEADERS, Pages

MEDIA_TYPES = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}
# The mark may be the operator's file: whoever opens it by itself runs no script of it and loads nothing.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
MARK = "mark.svg"
# An hour: short enough that an upgrade is seen the same day, long enough to spare requests.
CACHE_CONTROL = "public, max-age=3600"


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is sent: plain or compressed, with the tag by which a browser asks whether it changed."""

    content: bytes
    compressed: bytes
    tag: str
    kind: str


def file_routes(pages: Pages, mark: bytes = b"") -> list[BaseRoute]:
    """The files under /static, with an own mark in the place of ours; the Console's pages use them too."""
    files = _read_files()
    if mark:
        files[MARK] = _pack(mark, MEDIA_TYPES["svg"])

    async def send_file(request: Request) -> Response:
        file = files.get(request.path_params["name"])
        if file is None:
            return pages.answer(request, "not_found.html", {}, status=404)
        return _send(request, file)

    async def send_icon(request: Request) -> Response:
        """The mark, for browsers that ask for it at the old place."""
        return _send(request, files[MARK])

    return [
        Route("/static/{name}", send_file, methods=["GET"]),
        Route("/favicon.ico", send_icon, methods=["GET"]),
    ]


def _read_files() -> dict[str, _File]:
    files = {}
    for file in resources.files("jeton.site").joinpath("static").iterdir():
        kind = MEDIA_TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            files[file.name] = _pack(file.read_bytes(), kind)
    return files


def _pack(content: bytes, kind: str) -> _File:
    # Without the time of the compression, the same file is the same on every node.
    compressed = gzip.compress(content, mtime=0)
    return _File(content, compressed, hashlib.sha256(content).hexdigest()[:16], kind)


def _send(request: Request, file: _File) -> Response:
    is_compressed = "gzip" in request.headers.get("accept-encoding", "")
    # Two forms of one file are two things to a cache, so each has a tag of its own.
    tag = f'"{file.tag}-gzip"' if is_compressed else f'"{file.tag}"'
    headers = {**SECURITY_HEADERS, "cache-control": CACHE_CONTROL, "etag": tag, "vary": "accept-encoding"}
    if file.kind == MEDIA_TYPES["svg"]:
        headers["content-security-policy"] = _PICTURE_POLICY
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if is_compressed:
        headers["content-encoding"] = "gzip"
    return Response(file.compressed if is_compressed else file.content, media_type=file.kind, headers=headers)
