"""Support: the form that people with a problem fill in, and the number of their ticket."""

from collections.abc import Mapping

import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jeton.db.pool import Pool
from jeton.errors import InvalidInputError, JetonError
from jeton.notifications.inbox.items import MESSAGE_CHARS_MAX, NAME_CHARS_MAX
from jeton.notifications.inbox.tickets import REQUEST_ID_CHARS_MAX, TOPICS, Ticket, open_ticket
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
from jeton.site.pages import Pages

FORM_BYTES_MAX = 32_768
FORM_FIELDS_MAX = 10
PACE = Pace(window_s=3_600, by_address_max=5, altogether_max=200)
FIELDS = ("email", "name", "topic", "organization", "request_id", "message")
DATABASE_AWAY = "The database is away, so nothing was kept. Send it again in a moment."


def support_routes(deps: SiteDeps, pages: Pages) -> list[BaseRoute]:
    """The form, if what is written can be kept."""
    if deps.pool is None:
        return []
    support = Support(deps, deps.pool, pages)
    return [
        Route("/contact-support", support.show, methods=["GET"]),
        Route("/contact-support", support.send, methods=["POST"]),
    ]


class Support:
    """The page with the form, and what becomes of it."""

    def __init__(self, deps: SiteDeps, pool: Pool, pages: Pages) -> None:
        """Keep what is sent through ``pool``."""
        self._deps = deps
        self._pool = pool
        self._pages = pages
        self._pacer = Pacer(PACE, "messages")

    async def show(self, request: Request) -> Response:
        """The form; what is known already is filled in, a request id out of the address too."""
        reader = await self._deps.find_reader(request)
        known = {"request_id": request.query_params.get("request_id", "")[:REQUEST_ID_CHARS_MAX]}
        if reader is not None:
            known |= {"email": reader.email, "organization": reader.organization_name}
        return self._answer(request, known)

    async def send(self, request: Request) -> Response:
        """Keep a filled form, or show it again with what is wrong."""
        form: Mapping[str, str] = {}
        try:
            form = parse_form(await read_body(request, FORM_BYTES_MAX), FORM_FIELDS_MAX)
            if form.get(HONEYPOT):
                return self._answer(request, form, problem=TRAPPED, status=400)
            self._pacer.admit(find_address(request))
            reader = await self._deps.find_reader(request)
            ticket = Ticket(
                **{name: form.get(name, "") for name in FIELDS},
                organization_id="" if reader is None else str(reader.organization_id),
            )
            async with self._pool.connection() as connection:
                item_id = await open_ticket(connection, ticket)
        except ClientDisconnect:
            return Response(status_code=400)
        except psycopg.OperationalError:
            return self._answer(request, form, problem=DATABASE_AWAY, status=503)
        except TooOftenError as error:
            return self._answer(request, form, problem=str(error), status=429)
        except JetonError as error:
            status = 400 if isinstance(error, InvalidInputError) else 503
            return self._answer(request, form, problem=str(error), status=status)
        return self._pages.answer(request, "support.html", {"item_id": item_id})

    def _answer(
        self, request: Request, form: Mapping[str, str], *, problem: str = "", status: int = 200
    ) -> Response:
        context = {
            "form": {name: form.get(name, "") for name in FIELDS},
            "problem": problem,
            "item_id": "",
            "topics": TOPICS,
            "limits": {
                "name": NAME_CHARS_MAX,
                "message": MESSAGE_CHARS_MAX,
                "request_id": REQUEST_ID_CHARS_MAX,
            },
        }
        return self._pages.answer(request, "support.html", context, status=status)
