"""Months of the books: what hinders the closing of one, closing it, and opening the newest again."""

from dataclasses import asdict

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.money.payments import office_of
from jeton.admin.resource import Call, Resource
from jeton.billing.books_lock import find_locked_until
from jeton.billing.closing.checklist import read_checklist
from jeton.billing.closing.closing import close_month, reopen_month
from jeton.billing.closing.words import Month, parse_month


class ReasonOnly(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of what needs a reason only."""

    reason: str


def month_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The operator's routes of months."""
    return [
        Route("/v1/operator/months/{month}", Resource(deps, {"GET": _get})),
        Route("/v1/operator/months/{month}/close", Resource(deps, {"POST": _close})),
        Route("/v1/operator/months/{month}/reopen", Resource(deps, {"POST": _reopen})),
    ]


async def _get(call: Call) -> dict[str, object]:
    call.require_operator()
    month, at = _read_month(call), clock.now()
    async with call.connect() as connection:
        locked_until = await find_locked_until(connection)
        items = await read_checklist(connection, month, at)
    return {
        "type": "month",
        "id": month.name,
        "as_of": at.isoformat(),
        "time_zone": month.zone,
        "starts_at": month.starts_at.isoformat(),
        "ends_at": month.ends_at.isoformat(),
        "is_closed": locked_until is not None and month.ends_at <= locked_until,
        "closed_until": None if locked_until is None else locked_until.isoformat(),
        "checklist": [asdict(item) for item in items],
    }


async def _close(call: Call) -> dict[str, object]:
    by, month = call.require_operator(), _read_month(call)
    reason = call.read_body(ReasonOnly).reason
    # A month is closed once whatever the key, and in several transactions.
    async with call.deps.pool.connection() as connection:
        await close_month(connection, month, by=by, at=clock.now(), reason=reason)
    return await _get(call)


async def _reopen(call: Call) -> dict[str, object]:
    by, month = call.require_operator(), _read_month(call)
    reason = call.read_body(ReasonOnly).reason
    async with call.deps.pool.connection() as connection:
        await reopen_month(connection, month, by=by, at=clock.now(), reason=reason)
    return await _get(call)


def _read_month(call: Call) -> Month:
    """The month of the path in the zone of the books; InvalidMonthError."""
    return parse_month(str(call.request.path_params["month"]), office_of(call).books_zone)
