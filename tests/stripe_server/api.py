"""Api: the routes of Stripe's API that Jeton uses, with idempotency and lists by page."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.stripe_server.books import Books, Refusal, Thing, copy_of
from tests.stripe_server.forms import parse_form

Handle = Callable[[Books, Request, dict[str, Any]], Thing]


@dataclass
class Api:
    """Answers calls; keeps what it answered under an idempotency key, whatever it was."""

    books: Books
    secret_key: str
    answered: dict[str, tuple[str, int, Thing]] = field(default_factory=dict)
    # Trouble on demand: calls that fail with 500 before, or whose answer is lost after, they took effect.
    failing: int = 0
    losing: int = 0
    calls: int = 0

    def route(self, path: str, handle: Handle, method: str) -> Route:
        async def answer(request: Request) -> Response:
            return await self._answer(request, handle)

        return Route(path, answer, methods=[method])

    async def _answer(self, request: Request, handle: Handle) -> Response:
        body = await request.body()
        if request.headers.get("authorization") != f"Bearer {self.secret_key}":
            return JSONResponse(
                {"error": {"type": "invalid_request_error", "message": "Invalid API Key."}}, 401
            )
        self.calls += 1
        if self.failing:
            self.failing -= 1
            return JSONResponse({"error": {"type": "api_error", "message": "An error occurred."}}, 500)
        key = request.headers.get("idempotency-key", "")
        digest = hashlib.sha256(request.url.path.encode() + body).hexdigest()
        if key in self.answered:
            known, status, said = self.answered[key]
            if known != digest:
                message = "Keys for idempotent requests can only be used with the same parameters."
                return JSONResponse({"error": {"type": "idempotency_error", "message": message}}, 400)
        else:
            try:
                fields = parse_form(body if request.method == "POST" else request.url.query.encode())
                status, said = 200, copy_of(handle(self.books, request, fields))
            except Refusal as refusal:
                status, said = refusal.status, {"error": refusal.error}
            if key:
                self.answered[key] = (digest, status, said)
        if self.losing and request.method == "POST":
            self.losing -= 1
            return Response(b"", 503)
        return JSONResponse(said, status)

    def routes(self) -> list[Route]:
        gets: dict[str, Handle] = {
            "/v1/customers/{id}": get_thing,
            "/v1/payment_methods": list_methods,
            "/v1/payment_methods/{id}": get_thing,
            "/v1/setup_intents/{id}": get_thing,
            "/v1/payment_intents": list_of("payment_intent"),
            "/v1/payment_intents/{id}": get_thing,
            "/v1/refunds": list_of("refund"),
            "/v1/refunds/{id}": get_thing,
            "/v1/disputes": list_of("dispute"),
            "/v1/checkout/sessions/{id}": get_thing,
        }
        posts: dict[str, Handle] = {
            "/v1/customers": create_customer,
            "/v1/payment_methods": create_method,
            "/v1/payment_methods/{id}/attach": attach_method,
            "/v1/payment_methods/{id}/detach": detach_method,
            "/v1/setup_intents": create_setup,
            "/v1/setup_intents/{id}/confirm": confirm_setup,
            "/v1/payment_intents": create_intent,
            "/v1/payment_intents/{id}/cancel": cancel_intent,
            "/v1/refunds": create_refund,
            "/v1/checkout/sessions": create_page,
            "/v1/checkout/sessions/{id}/expire": expire_page,
        }
        return [
            *(self.route(path, handle, "GET") for path, handle in gets.items()),
            *(self.route(path, handle, "POST") for path, handle in posts.items()),
        ]


def get_thing(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    found = copy_of(books.get(request.path_params["id"]))
    for path in fields.get("expand", []):
        expand(books, found, path.split("."))
    return found


def expand(books: Books, thing: Thing, path: list[str]) -> None:
    """Put what an id names in its place, as far as it is there."""
    value = thing.get(path[0])
    if isinstance(value, str):
        value = thing[path[0]] = copy_of(books.get(value))
    if isinstance(value, dict) and path[1:]:
        expand(books, value, path[1:])


def list_of(kind: str) -> Handle:
    def handle(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
        del request
        since = int(fields.get("created", {}).get("gte", 0))
        limit = int(fields.get("limit", 10))
        found = [thing for thing in books.listed(kind) if thing["created"] >= since]
        after = fields.get("starting_after")
        if after:
            ids = [thing["id"] for thing in found]
            found = found[ids.index(after) + 1 :]
        return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": "/v1"}

    return handle


def list_methods(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del request
    found = [one for one in books.listed("payment_method") if one["customer"] == fields.get("customer")]
    return {"object": "list", "data": found, "has_more": False, "url": "/v1"}


def create_customer(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del request
    made = books.add("cus", "customer", name=fields.get("name"), metadata=fields.get("metadata", {}))
    books.tell("customer.created", made)
    return made


def create_method(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del request
    return books.add_method(fields["card"]["number"])


def attach_method(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    method = books.find_method(request.path_params["id"])
    books.attach(method, fields["customer"])
    return method


def detach_method(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del fields
    method = books.get(request.path_params["id"])
    if method["customer"] is None:
        raise Refusal(400, "invalid_request_error", "The payment method is not attached to a customer.")
    method["customer"] = None
    books.tell("payment_method.detached", method)
    return method


def create_setup(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del request
    return books.add(
        "seti",
        "setup_intent",
        client_secret=f"seti_secret_{secrets.token_hex(8)}",
        customer=fields.get("customer"),
        status="requires_payment_method",
        payment_method=None,
        metadata=fields.get("metadata", {}),
    )


def confirm_setup(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    setup = books.get(request.path_params["id"])
    method = books.find_method(fields["payment_method"])
    if method["customer"] is None:
        books.attach(method, setup["customer"])
    setup |= {"status": "succeeded", "payment_method": method["id"]}
    books.tell("setup_intent.succeeded", setup)
    return setup


def create_intent(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del request
    made = add_intent(books, fields)
    if fields.get("confirm") == "true":
        method = books.find_method(fields["payment_method"])
        if method["customer"] != fields.get("customer"):
            raise Refusal(400, "invalid_request_error", "The payment method is not this customer's.")
        made["payment_method"] = method["id"]
        books.confirm(made, is_off_session=fields.get("off_session") == "true")
    return made


def add_intent(books: Books, fields: dict[str, Any]) -> Thing:
    amount = int(fields["amount"])
    if amount <= 0:
        raise Refusal(
            400, "invalid_request_error", "Invalid positive integer", code="parameter_invalid_integer"
        )
    made = books.add(
        "pi",
        "payment_intent",
        amount=amount,
        currency=fields["currency"],
        customer=fields.get("customer"),
        metadata=fields.get("metadata", {}),
        payment_method=None,
        status="requires_payment_method",
        next_action=None,
        last_payment_error=None,
        return_url=fields.get("return_url"),
    )
    books.tell("payment_intent.created", made)
    return made


def cancel_intent(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del fields
    intent = books.get(request.path_params["id"])
    if intent["status"] in {"succeeded", "canceled"}:
        raise Refusal(
            400,
            "invalid_request_error",
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    intent |= {"status": "canceled", "next_action": None}
    books.tell("payment_intent.canceled", intent)
    return intent


def create_refund(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del request
    amount = int(fields["amount"]) if "amount" in fields else None
    return books.refund(books.get(fields["payment_intent"]), amount, fields.get("metadata", {}))


def create_page(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del request
    item = fields.get("line_items", [{}])[0].get("price_data", {})
    made = books.add(
        "cs_test",
        "checkout.session",
        mode=fields["mode"],
        customer=fields.get("customer"),
        metadata=fields.get("metadata", {}),
        success_url=fields["success_url"],
        cancel_url=fields.get("cancel_url"),
        status="open",
        payment_status="unpaid",
        payment_intent=None,
        setup_intent=None,
        amount_total=int(item.get("unit_amount", 0)),
        currency=item.get("currency", fields.get("currency", "usd")),
        label=item.get("product_data", {}).get("name", ""),
        intent_metadata=fields.get("payment_intent_data", {}).get("metadata", {}),
    )
    made["url"] = f"{books.base_url}/pay/{made['id']}"
    return made


def expire_page(books: Books, request: Request, fields: dict[str, Any]) -> Thing:
    del fields
    page = books.get(request.path_params["id"])
    if page["status"] != "open":
        raise Refusal(400, "invalid_request_error", f"This Session is {page['status']}.")
    page |= {"status": "expired", "url": None}
    if page["payment_intent"] is not None:
        books.get(page["payment_intent"])["status"] = "canceled"
    books.tell("checkout.session.expired", page)
    return page
