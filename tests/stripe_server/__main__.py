r"""A server that speaks as Stripe does, as far as Jeton asks: for tests and for looking at pages.

    .venv/bin/python -m tests.stripe_server --port 8420 \
        --webhook-url http://127.0.0.1:8080/v1/billing/webhooks/stripe

and beside it ``./run`` with JETON_STRIPE_SECRET_KEY=sk_test_jeton, JETON_STRIPE_WEBHOOK_SECRET=whsec_jeton
and JETON_STRIPE_URL=http://127.0.0.1:8420. Cards are Stripe's test numbers (cards.py).
"""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.stripe_server.api import Api
from tests.stripe_server.books import Books, Refusal, copy_of
from tests.stripe_server.hooks import Hooks, Plan
from tests.stripe_server.pages import Pages

SECRET_KEY = "sk_test_jeton"
WEBHOOK_SECRET = "whsec_jeton"


class Control:
    """What a test may do to this server that Stripe's clients cannot: ``POST /_control/NAME`` with JSON."""

    def __init__(self, books: Books, api: Api, hooks: Hooks) -> None:
        self.books, self.api, self.hooks = books, api, hooks
        self.names: dict[str, Callable[[dict[str, Any]], Awaitable[object]]] = {
            "webhooks": self.set_webhooks,
            "plan": self.set_plan,
            "flush": self.flush,
            "repeat": self.repeat,
            "trouble": self.set_trouble,
            "clock": self.set_clock,
            "card": self.add_card,
            "dispute": self.dispute,
            "close_dispute": self.close_dispute,
            "fail_refund": self.fail_refund,
            "give_back": self.give_back,
            "alter": self.alter,
            "state": self.show,
            "forget": self.forget,
        }

    async def answer(self, request: Request) -> Response:
        handle = self.names[request.path_params["name"]]
        try:
            return JSONResponse(await handle(await request.json()))
        except Refusal as refusal:
            return JSONResponse({"error": refusal.error}, refusal.status)

    async def set_webhooks(self, asked: dict[str, Any]) -> None:
        self.hooks.url, self.hooks.secret = asked["url"], asked.get("secret", self.hooks.secret)

    async def set_plan(self, asked: dict[str, Any]) -> None:
        self.hooks.plan = Plan(**asked)

    async def flush(self, asked: dict[str, Any]) -> object:
        del asked
        return await self.hooks.flush()

    async def repeat(self, asked: dict[str, Any]) -> object:
        """Send events of a type (or all) once more, newest first where asked."""
        found = [one for one in self.books.events if asked.get("type") in {None, one["type"]}]
        if asked.get("newest_first"):
            found.reverse()
        return [(one["type"], await self.hooks.send(one)) for one in found]

    async def set_trouble(self, asked: dict[str, Any]) -> None:
        self.api.failing, self.api.losing = asked.get("failing", 0), asked.get("losing", 0)

    async def set_clock(self, asked: dict[str, Any]) -> None:
        self.books.clock_s = asked["seconds"]

    async def add_card(self, asked: dict[str, Any]) -> object:
        """A card that a person saved in a form of the provider's."""
        method = self.books.add_method(asked["number"])
        self.books.attach(method, asked["customer"])
        return method

    async def dispute(self, asked: dict[str, Any]) -> object:
        intent = self.books.get(asked["payment_intent"])
        amount = int(asked.get("amount") or intent["amount"])
        return self.books.dispute(intent, amount, asked.get("reason", "fraudulent"))

    async def close_dispute(self, asked: dict[str, Any]) -> None:
        self.books.close_dispute(self.books.get(asked["dispute"]), asked["status"])

    async def give_back(self, asked: dict[str, Any]) -> object:
        """A refund that somebody made in the provider's own pages."""
        return self.books.refund(self.books.get(asked["payment_intent"]), asked.get("amount"), {})

    async def fail_refund(self, asked: dict[str, Any]) -> None:
        self.books.fail_refund(self.books.get(asked["refund"]), asked.get("reason", "lost_or_stolen_card"))

    async def alter(self, asked: dict[str, Any]) -> None:
        """Make an object say something else, without an event."""
        self.books.get(asked["id"]).update(asked["fields"])

    async def forget(self, asked: dict[str, Any]) -> None:
        """Begin anew: nothing was ever asked."""
        del asked
        for kept in (
            self.books.things,
            self.books.events,
            self.books.unsent,
            self.api.answered,
            self.hooks.sent,
        ):
            kept.clear()

    async def show(self, asked: dict[str, Any]) -> object:
        kinds = asked.get("kinds", ["payment_intent", "refund", "dispute"])
        things = [copy_of(one) for one in self.books.things.values() if one["object"] in kinds]
        return {
            "things": things,
            "events": self.books.events,
            "sent": self.hooks.sent,
            "calls": self.api.calls,
        }


def make_app(base_url: str, hooks_url: str, *, secret_key: str, webhook_secret: str) -> Starlette:
    """The whole server."""
    books = Books(base_url)
    api = Api(books, secret_key)
    hooks = Hooks(books, hooks_url, webhook_secret)
    control = Control(books, api, hooks)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        task = asyncio.create_task(hooks.run())
        yield
        task.cancel()

    routes = [
        *api.routes(),
        *Pages(books).routes(),
        Route("/_control/{name}", control.answer, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8420)
    parser.add_argument("--webhook-url", default="")
    parser.add_argument("--secret-key", default=SECRET_KEY)
    parser.add_argument("--webhook-secret", default=WEBHOOK_SECRET)
    given = parser.parse_args()
    app = make_app(
        f"http://127.0.0.1:{given.port}",
        given.webhook_url,
        secret_key=given.secret_key,
        webhook_secret=given.webhook_secret,
    )
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", ws="none")


if __name__ == "__main__":
    main()
