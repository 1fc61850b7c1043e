"""What an organization has agreed on, and the prices that it therefore pays; the operator changes them."""

from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.resource import Call, Resource, render_list
from jeton.insight.contract.prices import list_prices, render_price
from jeton.insight.contract.terms import list_agreed, read_own_terms, render_agreed


def terms_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of terms and prices."""
    return [
        Route("/v1/organizations/terms", Resource(deps, {"GET": _list_terms})),
        Route("/v1/organizations/prices", Resource(deps, {"GET": _list_prices})),
    ]


async def _list_terms(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    at = clock.now()
    async with call.connect() as connection:
        agreed = await list_agreed(connection, caller.organization_id)
    return render_list([render_agreed(one, at) for one in agreed], has_more=False)


async def _list_prices(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        own = await read_own_terms(connection, caller.organization_id)
    prices = list_prices(call.deps.book, clock.now(), own)
    data: list[dict[str, object]] = [
        {"type": "price", "id": price.version.price_version_id, **render_price(price)} for price in prices
    ]
    return render_list(data, has_more=False)
