"""Claims: what lost disputes and refunds made elsewhere left owed of used credit; giving it up, once."""

from uuid import UUID

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidQueryError
from jeton.admin.money.payments import LIMIT_DEFAULT, LIMIT_MAX
from jeton.admin.resource import Call, Resource, render_list
from jeton.billing.payments.storage import get_payment
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.claims.giving_up import give_up_claim, render_given_up
from jeton.billing.receivables.claims.reading import list_claims, render_claim
from jeton.money import parse_usd

PLACE = "/v1/operator/claims"


class GiveUpClaim(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that gives up what is owed of a payment: so many dollars, or all of it."""

    reason: str
    amount: str | None = None


def claim_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The operator's routes of what is owed on no document."""
    return [
        Route(PLACE, Resource(deps, {"GET": _list})),
        Route(f"{PLACE}/{{payment_id}}/give_up", Resource(deps, {"POST": _give_up})),
    ]


async def _list(call: Call) -> dict[str, object]:
    call.require_operator()
    limit = call.find_count("limit", default=LIMIT_DEFAULT, count_max=LIMIT_MAX)
    async with call.connect() as connection:
        found = await list_claims(connection, _find_organization(call), limit=limit + 1)
    return render_list([render_claim(one) for one in found[:limit]], has_more=len(found) > limit)


async def _give_up(call: Call) -> dict[str, object]:
    by, payment_id = call.require_operator(), str(call.request.path_params["payment_id"])
    body = call.read_body(GiveUpClaim)
    amount_nano = None if body.amount is None else parse_usd(body.amount)
    async with call.deps.pool.connection() as connection:
        payment = await get_payment(connection, payment_id)
    async with call.connect(payment.organization_id) as connection:
        act = Act(by, clock.now(), body.reason)
        return render_given_up(await give_up_claim(connection, payment_id, act, amount_nano=amount_nano))


def _find_organization(call: Call) -> UUID | None:
    text = call.find_text("organization_id")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidQueryError("organization_id", "is not the id of an organization") from None
