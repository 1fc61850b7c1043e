"""Pages: where a person gives a card to the provider and answers their bank. Jeton never sees either."""

import html
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from tests.stripe_server.api import add_intent
from tests.stripe_server.books import Books, Refusal, Thing
from tests.stripe_server.forms import parse_form

FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>body{{font:16px/1.5 sans-serif;margin:3rem auto;
max-width:26rem;padding:0 1rem}}label,button,a{{display:block;margin-top:1rem}}input{{width:100%;
padding:.5rem;box-sizing:border-box;font:inherit}}button{{padding:.7rem 1.2rem;font:inherit}}
[role=alert]{{color:#a00}}</style>
</head><body><main><h1>{title}</h1>{body}</main></body></html>"""
CARD_FORM = """<p>{what}</p>{problem}<form method="post">
<label>Card number <input name="number" inputmode="numeric" required></label>
<label>Expiry <input name="expiry" value="12 / 34" autocomplete="cc-exp"></label>
<label>Security code <input name="cvc" value="123" autocomplete="cc-csc"></label>
<button>{button}</button></form><a href="{back}">Back</a>"""
BANK_FORM = """<p>Your bank asks whether you want to pay {amount}.</p><form method="post">
<button name="answer" value="yes">Complete</button><button name="answer" value="no">Fail</button></form>"""


class Pages:
    """The hosted page and the bank's."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def routes(self) -> list[Route]:
        return [
            Route("/pay/{id}", self.show, methods=["GET"]),
            Route("/pay/{id}", self.pay, methods=["POST"]),
            Route("/3ds/{id}", self.ask, methods=["GET"]),
            Route("/3ds/{id}", self.answer, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        page = self.books.things.get(request.path_params["id"])
        if page is None or page["status"] != "open":
            return HTMLResponse(FRAME.format(title="This page has expired", body=""), 410)
        return self._form(page)

    async def pay(self, request: Request) -> Response:
        page = self.books.get(request.path_params["id"])
        if page["status"] != "open":
            return HTMLResponse(FRAME.format(title="This page has expired", body=""), 410)
        form = parse_form(await request.body())
        method = self.books.add_method(str(form.get("number", "")).replace(" ", ""))
        try:
            self.books.attach(method, page["customer"])
            if page["mode"] == "setup":
                return self._save(page, method)
            intent = self._intent(page)
            intent["payment_method"] = method["id"]
            self.books.confirm(intent)
        except Refusal as refusal:
            return self._form(page, str(refusal))
        if intent["status"] == "requires_action":
            return RedirectResponse(intent["next_action"]["redirect_to_url"]["url"], 303)
        return self._complete(page)

    async def ask(self, request: Request) -> Response:
        intent = self.books.get(request.path_params["id"])
        body = BANK_FORM.format(amount=f"{intent['amount']} {intent['currency']}")
        return HTMLResponse(FRAME.format(title="Your bank", body=body))

    async def answer(self, request: Request) -> Response:
        intent = self.books.get(request.path_params["id"])
        form = parse_form(await request.body())
        page = next(
            (one for one in self.books.listed("checkout.session") if one["payment_intent"] == intent["id"]),
            None,
        )
        if intent["status"] == "requires_action" and form.get("answer") == "yes":
            self.books.confirm(intent, has_answered=True)
        elif intent["status"] == "requires_action":
            self.books.refuse_action(intent)
        if page is None:
            return RedirectResponse(intent["return_url"], 303)
        if intent["status"] == "succeeded":
            return self._complete(page)
        return RedirectResponse(page["url"], 303)

    def _form(self, page: Thing, problem: str = "") -> Response:
        is_setup = page["mode"] == "setup"
        fields: dict[str, Any] = {
            "what": "Save a card" if is_setup else html.escape(f"{page['label']}: {page['amount_total']}"),
            "problem": f'<p role="alert">{html.escape(problem)}</p>' if problem else "",
            "button": "Save card" if is_setup else "Pay",
            "back": html.escape(page["cancel_url"] or page["success_url"]),
        }
        return HTMLResponse(FRAME.format(title="Test payments", body=CARD_FORM.format(**fields)))

    def _save(self, page: Thing, method: Thing) -> Response:
        setup = self.books.add(
            "seti", "setup_intent", customer=page["customer"], status="succeeded", payment_method=method["id"]
        )
        page["setup_intent"] = setup["id"]
        return self._complete(page)

    def _intent(self, page: Thing) -> Thing:
        """One intent a page: another card after a decline is another try at the same one."""
        if page["payment_intent"] is not None:
            return self.books.get(page["payment_intent"])
        fields = {
            "amount": page["amount_total"],
            "currency": page["currency"],
            "customer": page["customer"],
            "metadata": page["intent_metadata"],
        }
        intent = add_intent(self.books, fields)
        page["payment_intent"] = intent["id"]
        return intent

    def _complete(self, page: Thing) -> Response:
        page |= {"status": "complete", "payment_status": "paid"}
        self.books.tell("checkout.session.completed", page)
        url = page["success_url"].replace("{CHECKOUT_SESSION_ID}", page["id"])
        return RedirectResponse(url, 303)
