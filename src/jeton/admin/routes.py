"""Routes: what an admin key may ask about its organization, and the receipt for either kind of key."""

from starlette.routing import BaseRoute, Route

from jeton.admin.access import access_routes
from jeton.admin.deps import AdminDeps
from jeton.admin.finance import finance_routes
from jeton.admin.limits import limit_routes
from jeton.admin.money import money_routes
from jeton.admin.reports import report_routes
from jeton.admin.resource import Call, Resource, render_list
from jeton.admin.scim import scim_routes
from jeton.admin.spending import spending_routes
from jeton.admin.streaming import stream_routes
from jeton.admin.terms import terms_routes
from jeton.admin.webhooks import webhook_routes
from jeton.identity.organizations import get_organization
from jeton.insight.balance import get_balance, render_balance, render_lot
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt


def admin_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The Admin API's routes and the receipt's."""
    return [
        Route("/v1/organizations/me", Resource(deps, {"GET": _get_organization})),
        Route("/v1/organizations/balance", Resource(deps, {"GET": _get_balance})),
        Route("/v1/organizations/credits", Resource(deps, {"GET": _list_credits})),
        Route("/v1/receipts/{request_id}", Resource(deps, {"GET": _get_receipt})),
        *access_routes(deps),
        *spending_routes(deps),
        *limit_routes(deps),
        *finance_routes(deps),
        *money_routes(deps),
        *report_routes(deps),
        *stream_routes(deps),
        *scim_routes(deps),
        *terms_routes(deps),
        *webhook_routes(deps),
    ]


async def _get_organization(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        organization = await get_organization(connection, caller.organization_id)
    return {"type": "organization", "id": str(organization.organization_id), "name": organization.name}


async def _get_balance(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return render_balance(await get_balance(connection, caller.organization_id))


async def _list_credits(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        balance = await get_balance(connection, caller.organization_id)
    data = [render_lot(lot) for lot in balance.lots]
    return render_list(data, has_more=balance.lots_count > len(data))


async def _get_receipt(call: Call) -> dict[str, object]:
    # An API key sees its own workspace; an admin key has none and sees its whole organization.
    caller = call.caller
    async with call.connect() as connection:
        receipt = await get_receipt(
            connection,
            caller.organization_id,
            call.request.path_params["request_id"],
            workspace_id=caller.workspace_id,
        )
    return render_receipt(receipt)
