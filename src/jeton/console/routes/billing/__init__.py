"""Billing: credit, and prices with what they would have come to."""

from starlette.routing import BaseRoute, Route

from jeton.console.downloading import download
from jeton.console.routes.billing.credit import show_credit
from jeton.console.routes.billing.prices import export_prices, show_prices
from jeton.console.visit import Door


def billing_routes(door: Door) -> list[BaseRoute]:
    """What an organization has and pays."""
    return [
        *door.pages_at("/console/billing", show_credit),
        *door.pages_at("/console/prices", show_prices),
        Route("/console/prices.csv", download(door, export_prices), methods=["GET"]),
    ]
