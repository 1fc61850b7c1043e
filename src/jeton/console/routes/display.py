"""Display: the form that chooses theme, zone and currency; it changes nothing else, so asks no session."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jeton.billing.currencies import minor_digits
from jeton.console.choices import (
    CURRENCY_COOKIE,
    DOLLARS,
    THEME_COOKIE,
    THEMES,
    ZONE_COOKIE,
    is_place_of_ours,
)
from jeton.console.errors import InvalidFormError
from jeton.console.visit import Door, read_form, redirect
from jeton.ledger.budgets.zones import parse_zone

KEPT_S = 365 * 86_400


def display_routes(door: Door) -> list[BaseRoute]:
    """Where the choice goes."""

    async def choose(request: Request) -> Response:
        return await door.guard(request, _choose(door, request))

    return [Route("/console/display", choose, methods=["POST"])]


async def _choose(door: Door, request: Request) -> Response:
    form = await read_form(request, door.deps.base_url)
    place = form.get("next", "")
    response = redirect(place if is_place_of_ours(place) else "/console")
    for name, text in _read_cookies(form).items():
        response.set_cookie(
            name,
            text,
            max_age=KEPT_S if text else 0,
            httponly=True,
            samesite="lax",
            secure=door.deps.base_url.startswith("https:"),
        )
    return response


def _read_cookies(form: Mapping[str, str]) -> dict[str, str]:
    """The cookies that a form asks for; InvalidFormError, UnknownCurrencyError, UnknownZoneError."""
    cookies = {}
    if "theme" in form:
        if form["theme"] not in THEMES:
            raise InvalidFormError("there is no such theme")
        cookies[THEME_COOKIE] = form["theme"]
    if "zone" in form:
        name = form["zone"].strip()
        cookies[ZONE_COOKIE] = parse_zone(name).key if name and name != "UTC" else ""
    if "currency" in form:
        currency = form["currency"].strip().upper()
        minor_digits(currency or DOLLARS)
        # Dollars are kept as well: the organization may show amounts in another currency.
        cookies[CURRENCY_COOKIE] = currency
    return cookies
