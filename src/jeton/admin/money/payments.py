"""Payments: buy credit with a saved card, refund what is unused, see cards, and set auto-reload.

What asks the payment provider does so outside every transaction: the idempotency key of a request becomes
that of the purchase or refund itself, so the same request again does nothing twice.
"""

from datetime import timedelta
from hashlib import sha256
from typing import Annotated

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.once import KEY_HEADER
from jeton.admin.resource import Call, Resource, render_list
from jeton.billing.office import Office, bare_office
from jeton.billing.payments.buying.purchasing import Purchase, buy_credit, new_purchase_id
from jeton.billing.payments.errors import PaymentNotFoundError
from jeton.billing.payments.refunding.asking import Asked, refund_payment
from jeton.billing.payments.saving import list_cards
from jeton.billing.payments.storage import get_payment, list_payments
from jeton.billing.payments.words import Payment
from jeton.billing.reloads.overview import read_overview, render_overview
from jeton.billing.reloads.rules import COOL_DOWN, RuleWish, save_rule, switch_off
from jeton.billing.reloads.words import COOL_DOWN_MAX
from jeton.billing.rendering.payments import render_card, render_payment, render_refund
from jeton.identity.audit import Actor
from jeton.money import parse_usd

LIMIT_DEFAULT = 20
LIMIT_MAX = 100
_PLACE = "/v1/organizations/payments"


class BuyCredit(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that buys credit, with a saved card; the default one where none is named."""

    credit: str
    payment_method_id: str = ""


class AskRefund(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that refunds unused credit: so much of it, or all that is left."""

    reason: str
    credit: str | None = None


class SetAutoReload(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that switches auto-reload on."""

    threshold: str
    target: str
    monthly_ceiling: str
    zone: str = "UTC"
    cool_down_s: Annotated[int, msgspec.Meta(ge=0, le=COOL_DOWN_MAX // timedelta(seconds=1))] = (
        COOL_DOWN // timedelta(seconds=1)
    )


def payment_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of payments, cards and auto-reload."""
    reload = {"GET": _get_auto_reload, "POST": _set_auto_reload, "DELETE": _end_auto_reload}
    return [
        Route(_PLACE, Resource(deps, {"GET": _list, "POST": _buy})),
        Route(f"{_PLACE}/{{payment_id}}", Resource(deps, {"GET": _get})),
        Route(f"{_PLACE}/{{payment_id}}/refunds", Resource(deps, {"POST": _refund})),
        Route("/v1/organizations/payment_methods", Resource(deps, {"GET": _list_cards})),
        Route("/v1/organizations/auto_reload", Resource(deps, reload)),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    limit = call.find_count("limit", default=LIMIT_DEFAULT, count_max=LIMIT_MAX)
    before = call.find_text("after_id")
    async with call.connect() as connection:
        found = await list_payments(connection, caller.organization_id, before=before, limit=limit + 1)
    return render_list([render_payment(one) for one in found[:limit]], has_more=len(found) > limit)


async def _get(call: Call) -> dict[str, object]:
    return render_payment(await _find(call))


async def _buy(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(BuyCredit)
    purchase = Purchase(
        caller.organization_id,
        parse_usd(body.credit),
        _derive_id(call) or new_purchase_id(),
        Actor("key", caller.key_id),
        payment_method_id=body.payment_method_id,
    )
    return render_payment(await buy_credit(office_of(call).till, purchase, at=clock.now()))


async def _refund(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    payment = await _find(call)
    body = call.read_body(AskRefund)
    asked = Asked(
        caller.organization_id,
        payment.payment_id,
        reason=body.reason,
        by=Actor("key", caller.key_id),
        credit_nano=None if body.credit is None else parse_usd(body.credit),
        idempotency_key=call.request.headers.get(KEY_HEADER, ""),
    )
    refund = await refund_payment(office_of(call).till, asked, at=clock.now())
    return render_refund(refund, payment.currency)


async def _list_cards(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        cards = await list_cards(connection, caller.organization_id)
    return render_list([render_card(card) for card in cards], has_more=False)


async def _get_auto_reload(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        terms = office_of(call).reloads
        overview = await read_overview(connection, caller.organization_id, terms, at=clock.now())
    return render_overview(overview)


async def _set_auto_reload(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body, at = call.read_body(SetAutoReload), clock.now()
    wish = RuleWish(
        threshold_nano=parse_usd(body.threshold),
        target_nano=parse_usd(body.target),
        ceiling_nano=parse_usd(body.monthly_ceiling),
        zone=body.zone,
        cool_down=timedelta(seconds=body.cool_down_s),
    )
    by = Actor("key", caller.key_id)
    async with call.connect() as connection:
        await save_rule(connection, caller.organization_id, wish, by=by, at=at)
    return await _get_auto_reload(call)


async def _end_auto_reload(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    by = Actor("key", caller.key_id)
    async with call.connect() as connection:
        await switch_off(connection, caller.organization_id, by=by, at=clock.now())
    return await _get_auto_reload(call)


def office_of(call: Call) -> Office:
    """The office of this installation; one that takes no cards where it was given none."""
    return call.deps.office or bare_office(call.deps.pool)


async def _find(call: Call) -> Payment:
    """The payment of the path, if it is the caller's; PaymentNotFoundError."""
    caller, payment_id = call.require_admin(), str(call.request.path_params["payment_id"])
    async with call.deps.pool.connection() as connection:
        payment = await get_payment(connection, payment_id)
    if payment.organization_id != caller.organization_id:
        raise PaymentNotFoundError(payment_id)
    return payment


def _derive_id(call: Call) -> str:
    """The purchase that a request's idempotency key stands for, "" without one."""
    key = call.request.headers.get(KEY_HEADER, "")
    named = f"{call.caller.organization_id} {key}".encode()
    return f"purch_{sha256(named).hexdigest()[:32]}" if key else ""
