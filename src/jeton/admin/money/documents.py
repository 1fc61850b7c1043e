"""Documents of the organization, the draft that runs, whom they are for, and the statement of account."""

from datetime import date, timedelta

import msgspec
from starlette.routing import BaseRoute, Route

from jeton import clock
from jeton.admin.deps import AdminDeps
from jeton.admin.errors import InvalidQueryError
from jeton.admin.money.payments import LIMIT_DEFAULT, LIMIT_MAX, office_of
from jeton.admin.resource import Call, Resource, render_list
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.drafting.planning import draft_period
from jeton.billing.invoicing.profiles import ProfileChange, change_profile, get_profile
from jeton.billing.paper.judged.storage import read_e_invoice
from jeton.billing.receivables.account import read_account
from jeton.billing.receivables.dunning.plan import read_plan, render_plan
from jeton.billing.rendering.accounts import render_account, render_profile
from jeton.billing.rendering.documents import render_document, render_head
from jeton.identity.audit import Actor

DAYS_DEFAULT = 365
FIRST_ON = date(2000, 1, 1)
LAST_ON = date(2200, 1, 1)
_PLACE = "/v1/organizations/invoices"


class ChangeBillingProfile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body that changes whom documents are for; what is not there stays."""

    legal_name: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    vat_number: str | None = None
    registration: str | None = None
    emails: tuple[str, ...] | None = None
    purchase_order: str | None = None
    display_currency: str | None = None
    reason: str = "changed over the Admin API"


def document_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of documents; the draft's comes before those with an id in them."""
    profile = {"GET": _get_profile, "POST": _change_profile}
    return [
        Route(_PLACE, Resource(deps, {"GET": _list})),
        Route(f"{_PLACE}/draft", Resource(deps, {"GET": _draft})),
        Route(f"{_PLACE}/{{document_id}}", Resource(deps, {"GET": _get})),
        Route("/v1/organizations/billing_profile", Resource(deps, profile)),
        Route("/v1/organizations/account_statement", Resource(deps, {"GET": _get_account})),
    ]


async def _list(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    limit = call.find_count("limit", default=LIMIT_DEFAULT, count_max=LIMIT_MAX)
    before = call.find_text("after_id") or None
    async with call.connect() as connection:
        chosen = DocumentFilter(caller.organization_id)
        found = await list_documents(connection, chosen, limit=limit + 1, before=before)
    return render_list([render_head(one) for one in found[:limit]], has_more=len(found) > limit)


async def _get(call: Call) -> dict[str, object]:
    caller, name = call.require_admin(), str(call.request.path_params["document_id"])
    async with call.connect() as connection:
        document = await get_document(connection, name, organization_id=caller.organization_id)
        plan = await read_plan(connection, document.document_id, office_of(call).dunning, at=clock.now())
        e_invoice = await read_e_invoice(connection, document)
    return {**render_document(document), "dunning": render_plan(plan), "e_invoice": e_invoice}


async def _draft(call: Call) -> dict[str, object]:
    caller, at = call.require_admin(), clock.now()
    async with call.connect() as connection:
        drafts = await draft_period(connection, caller.organization_id, rules=office_of(call).rules, at=at)
    return {"type": "draft", "as_of": at.isoformat(), "data": [render_document(one) for one in drafts]}


async def _get_profile(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    async with call.connect() as connection:
        return render_profile(await get_profile(connection, caller.organization_id))


async def _change_profile(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    body = call.read_body(ChangeBillingProfile)
    named = {name: getattr(body, name) for name in body.__struct_fields__ if name != "reason"}
    async with call.connect() as connection:
        changed = await change_profile(
            connection,
            caller.organization_id,
            ProfileChange(**named),
            by=Actor("key", caller.key_id),
            reason=body.reason,
            at=clock.now(),
        )
    return render_profile(changed)


async def _get_account(call: Call) -> dict[str, object]:
    caller = call.require_admin()
    today = clock.now().date()
    from_on = _read_day(call, "from") or today - timedelta(days=DAYS_DEFAULT)
    until_on = _read_day(call, "until") or today + timedelta(days=1)
    async with call.connect() as connection:
        account = await read_account(connection, caller.organization_id, from_on=from_on, until_on=until_on)
    return render_account(account)


def _read_day(call: Call, name: str) -> date | None:
    text = call.find_text(name)
    if not text:
        return None
    try:
        on = date.fromisoformat(text)
    except ValueError:
        raise InvalidQueryError(name, "must be a day such as 2026-11-23") from None
    if not FIRST_ON <= on < LAST_ON:
        raise InvalidQueryError(name, f"must be a day from {FIRST_ON} to {LAST_ON}")
    return on
