"""Billing profiles of every organization, whole: what members may change, and what is agreed with them."""

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.finance.documents import read_organization_id
from jeton.admin.resource import Call, Resource
from jeton.billing.invoicing.profiles import ProfileChange, change_profile, get_profile
from jeton.billing.rendering.accounts import render_profile
from jeton.money import parse_usd


class SetBillingProfile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that changes a billing profile; what is not there stays, days of -1 are as set."""

    reason: str
    legal_name: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    vat_number: str | None = None
    registration: str | None = None
    emails: tuple[str, ...] | None = None
    purchase_order: str | None = None
    currency: str | None = None
    zone: str | None = None
    anchor_day: int | None = None
    net_days: int | None = None
    grace_days: int | None = None
    tax_category: str | None = None
    tax_reason: str | None = None
    minimum: str | None = None
    display_currency: str | None = None


def operator_profile_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The operator's routes of billing profiles."""
    both = {"GET": _get, "POST": _change}
    return [Route("/v1/operator/organizations/{organization_id}/billing_profile", Resource(deps, both))]


async def _get(call: Call) -> dict[str, object]:
    call.require_operator()
    async with call.connect() as connection:
        return render_profile(await get_profile(connection, read_organization_id(call)))


async def _change(call: Call) -> dict[str, object]:
    by, organization_id = call.require_operator(), read_organization_id(call)
    body = call.read_body(SetBillingProfile)
    named = {
        name: getattr(body, name) for name in body.__struct_fields__ if name not in ("reason", "minimum")
    }
    minimum_nano = None if body.minimum is None else parse_usd(body.minimum)
    change = ProfileChange(**named, minimum_nano=minimum_nano)
    async with call.connect(organization_id) as connection:
        changed = await change_profile(
            connection, organization_id, change, by=by, reason=body.reason, at=clock.now()
        )
    return render_profile(changed)
