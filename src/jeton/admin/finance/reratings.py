"""Re-ratings over the Admin API: a past time at another price, and what it found too little, each by two.

The second of them approves in the Console: a key says nothing of who holds it, so it could be the first
again. What a key proposed was proposed by that key: keys are for programs, not for those who approve.
Nothing here needs a key to be safe to send again: what was proposed the same way is the same proposal, and a
charge is reversed once and supplemented once for ever.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import msgspec
from starlette.routing import BaseRoute, Route

from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidBodyError
from jeton.admin.resource import Call, Resource, render_list
from jeton.billing.rerating.reratings import (
    LISTED_MAX,
    decide_rerating,
    list_reratings,
    make_span,
    post_rerating,
    propose_rerating,
    render_rerating,
)
from jeton.billing.rerating.supplements import (
    SupplementAsk,
    decline_supplement,
    propose_supplement,
    read_rerating,
)
from jeton.db.pool import Connection
from jeton.identity.audit import Actor

PLACE = "/v1/operator/reratings"


class ProposeRerating(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that makes the dry run of a past time; with an offset in both times."""

    price_version_id: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    organization_id: UUID | None = None


class AskSupplement(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that asks to charge an organization what was charged too little."""

    organization_id: UUID
    reason: str


Act = Callable[[Connection, str, Actor], Awaitable[object]]


def rerating_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The operator's routes of re-ratings; each answers the re-rating as it is then, supplements included."""
    return [
        Route(PLACE, Resource(deps, {"GET": _list, "POST": _propose})),
        Route(f"{PLACE}/{{rerating_id}}", Resource(deps, {"GET": _get})),
        Route(f"{PLACE}/{{rerating_id}}/decline", Resource(deps, {"POST": _decline})),
        Route(f"{PLACE}/{{rerating_id}}/post", Resource(deps, {"POST": _post})),
        Route(f"{PLACE}/{{rerating_id}}/supplements", Resource(deps, {"POST": _ask_supplement})),
        Route(
            f"{PLACE}/{{rerating_id}}/supplements/{{supplement_id}}/decline",
            Resource(deps, {"POST": _decline_supplement}),
        ),
    ]


async def _list(call: Call) -> dict[str, object]:
    call.require_operator()
    async with call.deps.pool.connection() as connection:
        found = await list_reratings(connection)
    return render_list([render_rerating(one) for one in found], has_more=len(found) == LISTED_MAX)


async def _get(call: Call) -> dict[str, object]:
    call.require_operator()
    async with call.deps.pool.connection() as connection:
        return await read_rerating(connection, _rerating_id(call))


async def _propose(call: Call) -> dict[str, object]:
    by, body = call.require_operator(), call.read_body(ProposeRerating)
    if body.starts_at.tzinfo is None or body.ends_at.tzinfo is None:
        raise InvalidBodyError("starts_at and ends_at need an offset, such as Z")
    span = make_span(
        call.deps.book,
        body.price_version_id,
        from_at=body.starts_at,
        until_at=body.ends_at,
        organization_id=body.organization_id,
    )
    async with call.deps.pool.connection() as connection:
        rerating_id = await propose_rerating(connection, span, reason=body.reason.strip(), by=by)
        return await read_rerating(connection, rerating_id)


async def _decline(call: Call) -> dict[str, object]:
    async def act(connection: Connection, rerating_id: str, by: Actor) -> None:
        await decide_rerating(connection, rerating_id, "declined", by=by)

    return await _do(call, act)


async def _post(call: Call) -> dict[str, object]:
    async def act(connection: Connection, rerating_id: str, by: Actor) -> None:
        await post_rerating(connection, rerating_id, by=by)

    return await _do(call, act)


async def _ask_supplement(call: Call) -> dict[str, object]:
    call.require_operator()
    body = call.read_body(AskSupplement)

    async def act(connection: Connection, rerating_id: str, by: Actor) -> None:
        ask = SupplementAsk(rerating_id, body.organization_id, body.reason.strip(), by)
        await propose_supplement(connection, ask)

    return await _do(call, act)


async def _decline_supplement(call: Call) -> dict[str, object]:
    async def act(connection: Connection, rerating_id: str, by: Actor) -> None:
        await decline_supplement(connection, rerating_id, _supplement_id(call), by=by)

    return await _do(call, act)


async def _do(call: Call, act: Act) -> dict[str, object]:
    """Do something to the re-rating of the path; the re-rating as it is then."""
    by, rerating_id = call.require_operator(), _rerating_id(call)
    async with call.deps.pool.connection() as connection:
        await act(connection, rerating_id, by)
        return await read_rerating(connection, rerating_id)


def _rerating_id(call: Call) -> str:
    return str(call.request.path_params["rerating_id"])


def _supplement_id(call: Call) -> str:
    return str(call.request.path_params["supplement_id"])
