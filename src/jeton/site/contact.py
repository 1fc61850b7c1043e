"""Contact: the form that people write to sales with; what they write goes into the operator's inbox.

Anybody may send it, so everything about it has a limit: the body, the fields, how often from one
address, and how often altogether (each in this process), and how many items may wait (in the database).
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from jeton.charging.credits.inbox import SalesRequest, open_item
from jeton.db.pool import Pool
from jeton.errors import InvalidInputError, JetonError
from jeton.notifications.inbox.items import MESSAGE_CHARS_MAX, NAME_CHARS_MAX
from jeton.site.pages import Pages

FORM_BYTES_MAX = 32_768
FORM_FIELDS_MAX = 10
WINDOW_S = 3_600
SENT_BY_ADDRESS_MAX = 5
SENT_MAX = 200
ADDRESSES_WATCHED_MAX = 10_000
FIELDS = ("email", "name", "company", "message")
DATABASE_AWAY = "The database is away, so nothing was kept. Send it again in a moment."
TOO_OFTEN = "That was sent too often for now. Write an e-mail, or try again in an hour."


class ContactLimiter:
    """Counts what was sent by address and altogether, in windows of ``WINDOW_S``; memory is bounded."""

    def __init__(self) -> None:
        """Nothing was sent."""
        self._sent: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def admit(self, address: str, *, at_s: int) -> bool:
        """Count one more; False where the address, or everybody together, has sent enough."""
        window = at_s // WINDOW_S
        counts = {name: self._count(name, window) for name in ("", address)}
        if counts[""] >= SENT_MAX or counts[address] >= SENT_BY_ADDRESS_MAX:
            return False
        for name, count in counts.items():
            self._sent[name] = (window, count + 1)
            self._sent.move_to_end(name)
        while len(self._sent) > ADDRESSES_WATCHED_MAX:
            self._sent.popitem(last=False)
        return True

    def _count(self, name: str, window: int) -> int:
        counted_in, count = self._sent.get(name, (window, 0))
        return count if counted_in == window else 0


class Contact:
    """The page with the form, and what becomes of it."""

    def __init__(self, pool: Pool, pages: Pages) -> None:
        """Keep what is sent through ``pool``."""
        self._pool = pool
        self._pages = pages
        self._limiter = ContactLimiter()

    async def show(self, request: Request) -> Response:
        """The empty form."""
        return self._answer(request, {})

    async def send(self, request: Request) -> Response:
        """Keep a filled form in the inbox, or show it again with what is wrong."""
        form: Mapping[str, str] = {}
        try:
            form = await _read_form(request)
            address = request.client.host if request.client else "unknown"
            if not self._limiter.admit(address, at_s=int(time.monotonic())):
                return self._answer(request, form, problem=TOO_OFTEN, status=429)
            async with self._pool.connection() as connection:
                item_id = await open_item(connection, SalesRequest(*(form.get(name, "") for name in FIELDS)))
        except ClientDisconnect:
            return Response(status_code=400)
        except psycopg.OperationalError:
            return self._answer(request, form, problem=DATABASE_AWAY, status=503)
        except JetonError as error:
            status = 400 if isinstance(error, InvalidInputError) else 503
            return self._answer(request, form, problem=str(error), status=status)
        return self._pages.answer(request, "contact.html", {"item_id": item_id, "limits": _LIMITS})

    def _answer(
        self, request: Request, form: Mapping[str, str], *, problem: str = "", status: int = 200
    ) -> Response:
        context = {
            "form": {name: form.get(name, "") for name in FIELDS},
            "problem": problem,
            "item_id": "",
            "limits": _LIMITS,
        }
        return self._pages.answer(request, "contact.html", context, status=status)


_LIMITS = {"name": NAME_CHARS_MAX, "message": MESSAGE_CHARS_MAX}


async def _read_form(request: Request) -> dict[str, str]:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise InvalidInputError("This form came from another site. Fill in the one on this page.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            raise InvalidInputError(f"The form has more than {FORM_BYTES_MAX} bytes; write less.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        raise InvalidInputError("The form cannot be read. Fill in the one on this page.") from None
    return {name: values[-1] for name, values in fields.items()}
