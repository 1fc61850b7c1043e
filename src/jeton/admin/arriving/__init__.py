"""Arriving: webhooks of a payment provider, ``POST /v1/billing/webhooks/stripe``.

There is no key: a webhook is believed for its signature. Any other answer than 200 has it sent again.
"""

import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from jeton import clock
from jeton.admin.errors import BodyTooLargeError, MethodNotAllowedError
from jeton.admin.resource import DATABASE_AWAY, render, render_error
from jeton.billing.payments.arriving.receiving import receive_webhook
from jeton.billing.payments.till import Till
from jeton.errors import JetonError, OverloadedError
from jeton.ids import new_id

PATH = "/v1/billing/webhooks/stripe"
SIGNATURE_HEADER = "stripe-signature"
# Stripe's largest events are some tens of kilobytes.
BODY_BYTES_MAX = 262_144


def arriving_routes(till: Till) -> list[BaseRoute]:
    """The one path; without a provider it answers 404."""
    return [Route(PATH, _ProviderWebhooks(till))]


class _ProviderWebhooks:
    """The path as ASGI, since its body is read as it was signed, and nobody has a key."""

    def __init__(self, till: Till) -> None:
        self._till = till

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one webhook, errors included."""
        request_id = new_id("req")
        try:
            response = await self._answer(Request(scope, receive), request_id)
        except ClientDisconnect:
            return
        except psycopg.OperationalError:
            response = render_error(OverloadedError(DATABASE_AWAY), request_id)
        except JetonError as error:
            response = render_error(error, request_id)
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Response:
        if request.method != "POST":
            raise MethodNotAllowedError(request.method, ("POST",))
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise BodyTooLargeError(BODY_BYTES_MAX)
        signature = request.headers.get(SIGNATURE_HEADER, "")
        received = await receive_webhook(self._till, bytes(body), signature, at=clock.now())
        said = {"type": "provider_event", "id": received.event_id, "outcome": received.outcome}
        return render(200, said, request_id)
