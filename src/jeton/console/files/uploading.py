"""Uploading: a form with one file, for pages that take one; all of it is bounded and kept in memory."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from jeton.console.errors import InvalidFormError, StaleFormError, ViewingOnlyError
from jeton.console.visit import Door, View, Visit
from jeton.errors import NotAuthenticatedError
from jeton.identity.sessions import is_form_token

KIND = "multipart/form-data"
FIELDS_MAX = 20
# Around the file: fields, and the lines between the parts.
OVERHEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Upload:
    """What a form sent: its fields, and its one file."""

    fields: Mapping[str, str]
    name: str
    content: bytes


Act = Callable[[Visit, Upload], Awaitable[View | str]]
Endpoint = Callable[[Request], Awaitable[Response]]


def upload(door: Door, act: Act, *, bytes_max: int) -> Endpoint:
    """An endpoint that acts on a form with a file, sent from our own page by a member who is signed in."""

    async def answer(request: Request) -> Response:
        visit = await door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        if visit.viewing is not None:
            raise ViewingOnlyError(visit.viewing.organization_name)
        sent = await read_upload(request, door.deps.base_url, bytes_max=bytes_max)
        if not is_form_token(visit.secret, sent.fields.get("form_token", "")):
            raise StaleFormError
        return await door.answer(visit, act(visit, sent))

    async def endpoint(request: Request) -> Response:
        return await door.guard(request, answer(request))

    return endpoint


async def read_upload(request: Request, base_url: str, *, bytes_max: int) -> Upload:
    """The fields and the file of a form; InvalidFormError, or StaleFormError from another site."""
    origin = request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(base_url).netloc}
    if origin is not None and urlsplit(origin).netloc not in ours - {""}:
        raise StaleFormError
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith(KIND):
        # Without a token of the session no form acts, whatever its kind.
        raise StaleFormError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max + OVERHEAD_BYTES:
            raise InvalidFormError(f"the file has more than {bytes_max} bytes")
    return parse_upload(kind, bytes(body))


def parse_upload(kind: str, body: bytes) -> Upload:
    """The parts of a body of this content type (RFC 7578); InvalidFormError."""
    head = b"content-type: " + kind.encode("latin-1", "replace") + b"\r\n\r\n"
    parts = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    name, content = "", None
    if not parts.is_multipart() or len(parts.get_payload()) > FIELDS_MAX:
        raise InvalidFormError(f"it is no form with at most {FIELDS_MAX} fields and a file")
    for part in parts.iter_parts():
        data = _read_bytes(part)
        label = part.get_param("name", "", header="content-disposition")
        if part.get_filename() is None:
            fields[str(label)] = data.decode("utf-8", "replace")
        else:
            name, content = str(part.get_filename()), data
    if not content:
        raise InvalidFormError("it has no file")
    return Upload(fields, name, content)


def _read_bytes(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""
