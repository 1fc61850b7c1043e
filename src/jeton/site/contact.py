"""Contact: the form that people write to sales with; what they write goes into the operator's inbox.

Anybody may send it, so everything about it has a limit: the body, the fields, how often from one
address, and how often altogether (each in this process), and how many items may wait (in the database).
"""

from collections.abc import Mapping

import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from jeton.charging.credits.inbox import SalesRequest, open_item
from jeton.db.pool import Pool
from jeton.errors import InvalidInputError, JetonError
from jeton.notifications.inbox.items import MESSAGE_CHARS_MAX, NAME_CHARS_MAX
from jeton.site.deps import SiteDeps
from jeton.site.intake import (
    HONEYPOT,
    TRAPPED,
    Pace,
    Pacer,
    TooOftenError,
    find_address,
    parse_form,
    read_body,
)
from jeton.site.pages import PRIVATE, Pages

FORM_BYTES_MAX = 32_768
FORM_FIELDS_MAX = 10
PACE = Pace(window_s=3_600, by_address_max=5, altogether_max=200)
FIELDS = ("email", "name", "company", "message")
DATABASE_AWAY = "The database is away, so nothing was kept. Send it again in a moment."
_LIMITS = {"name": NAME_CHARS_MAX, "message": MESSAGE_CHARS_MAX}


class Contact:
    """The page with the form, and what becomes of it."""

    def __init__(self, deps: SiteDeps, pool: Pool, pages: Pages) -> None:
        """Keep what is sent through ``pool``."""
        self._deps = deps
        self._pool = pool
        self._pages = pages
        self._pacer = Pacer(PACE, "messages")

    async def show(self, request: Request) -> Response:
        """The form; what is known of a reader already is filled in."""
        reader = await self._deps.find_reader(request)
        if reader is None:
            return self._answer(request, {})
        answer = self._answer(request, {"email": reader.email, "company": reader.organization_name})
        answer.headers.update(PRIVATE)
        return answer

    async def send(self, request: Request) -> Response:
        """Keep a filled form in the inbox, or show it again with what is wrong."""
        form: Mapping[str, str] = {}
        try:
            form = parse_form(await read_body(request, FORM_BYTES_MAX), FORM_FIELDS_MAX)
            if form.get(HONEYPOT):
                return self._answer(request, form, problem=TRAPPED, status=400)
            self._pacer.admit(find_address(request))
            async with self._pool.connection() as connection:
                item_id = await open_item(connection, SalesRequest(*(form.get(name, "") for name in FIELDS)))
        except ClientDisconnect:
            return Response(status_code=400)
        except psycopg.OperationalError:
            return self._answer(request, form, problem=DATABASE_AWAY, status=503)
        except TooOftenError as error:
            return self._answer(request, form, problem=str(error), status=429)
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
