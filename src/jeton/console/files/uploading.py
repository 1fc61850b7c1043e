"""Uploading: a form with one file, for pages that take one; all of it is bounded and kept in memory."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.errors import InvalidFormError, StaleFormError, ViewingOnlyError
from jeton.console.visit import Door, View, Visit, check_origin, check_texts
from jeton.errors import NotAuthenticatedError
from jeton.identity.sessions import is_form_token

KIND = "multipart/form-data"
FIELDS_MAX = 20
# Around the file: fields, and the lines between the parts.
OVERHEAD_BYTES = 65_536
HEAD_BYTES_MAX = 4_096
# At most 70 characters (RFC 2046, 5.1.1).
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s";]{1,70})(?![^\s;]))', re.IGNORECASE)
_LABEL = re.compile(r';\s*(name|filename)="([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a form sent: its fields, and its one file, whose content is empty if none was chosen."""

    fields: Mapping[str, str]
    name: str
    content: bytes


Act = Callable[[Visit, Upload], Awaitable[View | str]]
Endpoint = Callable[[Request], Awaitable[Response]]


def upload(door: Door, act: Act, *, bytes_max: int, is_required: bool = True) -> Endpoint:
    """An endpoint that acts on a form with a file, sent from our own page by a member who is signed in.

    Where the file is not required its content may be empty: the form has a field that stands for it.
    """

    async def answer(request: Request) -> Response:
        visit = await door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        if visit.viewing is not None:
            raise ViewingOnlyError(visit.viewing.organization_name)
        sent = await read_upload(request, door.deps.base_url, bytes_max=bytes_max)
        if not is_form_token(visit.secret, sent.fields.get("form_token", "")):
            raise StaleFormError
        if is_required and not sent.content:
            raise InvalidFormError("it has no file")
        return await door.answer(visit, act(visit, sent))

    async def endpoint(request: Request) -> Response:
        return await door.guard(request, answer(request))

    return endpoint


async def read_upload(request: Request, base_url: str, *, bytes_max: int) -> Upload:
    """The fields and the file of a form; InvalidFormError, or StaleFormError from another site."""
    check_origin(request, base_url)
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith(KIND):
        # Without a token of the session no form acts, whatever its kind.
        raise StaleFormError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max + OVERHEAD_BYTES:
            raise InvalidFormError(
                f"the file has more than {bytes_max:,} bytes, which is the most that is taken here"
            )
    return parse_upload(kind, bytes(body))


def parse_upload(kind: str, body: bytes) -> Upload:
    """The parts of a body of this content type (RFC 7578); InvalidFormError.

    Not by ``email``: a megabyte of empty parts kept it busy for 19 s, and parts within parts made it raise
    RecursionError. Here a part is bytes between two delimiters, and the first one too many ends it.
    """
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        raise InvalidFormError("it does not say where its parts end")
    fields: dict[str, str] = {}
    name, content = "", b""
    for part in _split(body, b"\r\n--" + (boundary[1] or boundary[2]).encode("latin-1", "replace")):
        head, _, data = part.partition(b"\r\n\r\n")
        if len(head) > HEAD_BYTES_MAX:
            raise InvalidFormError(f"a part of it has a head of more than {HEAD_BYTES_MAX:,} bytes")
        labels = _read_labels(head)
        if "filename" in labels:
            name, content = labels["filename"], data
        else:
            fields[labels.get("name", "")] = data.decode("utf-8", "replace")
    return Upload(check_texts(fields), name, content)


def _split(body: bytes, delimiter: bytes) -> list[bytes]:
    """What is between the delimiters, of which the last one has two more hyphens."""
    parts: list[bytes] = []
    text = b"\r\n" + body
    start = text.find(delimiter)
    while start >= 0 and not text.startswith(b"--", start + len(delimiter)):
        end = text.find(delimiter, start + len(delimiter))
        if end < 0:
            break
        parts.append(text[start + len(delimiter) : end])
        if len(parts) > FIELDS_MAX:
            break
        start = end
    if not 1 <= len(parts) <= FIELDS_MAX:
        raise InvalidFormError(f"it is no form with at most {FIELDS_MAX} fields and a file")
    return parts


def _read_labels(head: bytes) -> dict[str, str]:
    """``name`` and ``filename`` of a part, as browsers write them (HTML, multipart/form-data encoding)."""
    for line in head.decode("utf-8", "replace").split("\r\n"):
        header, _, value = line.partition(":")
        if header.strip().lower() == "content-disposition":
            return {found[1].lower(): found[2].replace("%22", '"') for found in _LABEL.finditer(value)}
    return {}
