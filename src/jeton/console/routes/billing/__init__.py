"""Billing: credit and how more of it comes, payments, cards, auto-reload, and prices."""

from starlette.routing import BaseRoute, Route

from jeton.console.files.downloading import download
from jeton.console.routes.billing import auto_reload, buying, cards, payments
from jeton.console.routes.billing.credit import show_credit
from jeton.console.routes.billing.prices import export_prices, show_prices
from jeton.console.visit import Act, Door


def billing_routes(door: Door) -> list[BaseRoute]:
    """What an organization has and pays."""
    return [
        *door.pages_at("/console/billing", show_credit),
        *door.pages_at(buying.PLACE, buying.show_buying),
        Route(buying.PLACE, door.form(buying.buy), methods=["POST"]),
        *_payment_routes(door),
        *_card_routes(door),
        *door.pages_at(auto_reload.PLACE, auto_reload.show_auto_reload),
        Route(auto_reload.PLACE, door.form(auto_reload.save), methods=["POST"]),
        Route(f"{auto_reload.PLACE}/off", door.form(auto_reload.end), methods=["POST"]),
        *door.pages_at("/console/prices", show_prices),
        Route("/console/prices.csv", download(door, export_prices), methods=["GET"]),
    ]


def _payment_routes(door: Door) -> list[BaseRoute]:
    place = f"{buying.PAYMENTS}/{{payment_id}}"
    forms: dict[str, Act] = {
        "retry": payments.retry,
        "give-up": payments.give_up,
        "refund": payments.refund,
    }
    return [
        *door.pages_at(buying.PAYMENTS, payments.show_payments),
        *door.pages_at(place, payments.show_payment),
        *(Route(f"{place}/{name}", door.form(act), methods=["POST"]) for name, act in forms.items()),
    ]


def _card_routes(door: Door) -> list[BaseRoute]:
    place = f"{cards.PLACE}/{{payment_method_id}}"
    return [
        *door.pages_at(cards.PLACE, cards.show_cards),
        Route(cards.PLACE, door.form(cards.add_card), methods=["POST"]),
        Route(f"{place}/default", door.form(cards.make_default), methods=["POST"]),
        Route(f"{place}/remove", door.form(cards.remove), methods=["POST"]),
    ]
