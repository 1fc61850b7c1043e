"""Agreements with one organization: its terms, tried out before they are agreed on, and how it pays."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from uuid import UUID

from jeton import clock
from jeton.billing.switching.storage import list_switches
from jeton.billing.switching.switching import switch_to_invoiced, switch_to_prepaid
from jeton.billing.switching.words import SwitchAsk, render_switch
from jeton.billing.terms.asking import REASON_CHARS_MAX, TermsAsk, first_begin
from jeton.billing.terms.keeping import Change, add_terms, end_terms
from jeton.billing.terms.reading import parse_terms
from jeton.console.errors import InvalidFormError
from jeton.console.routes.billing.prices import find_chosen_month
from jeton.console.routes.operating.inbox import operator
from jeton.console.routes.operating.organizations import PLACE, find_organization_id
from jeton.console.visit import View, Visit
from jeton.ids import new_id
from jeton.insight.contract.repricing import find_next_month
from jeton.insight.contract.terms import list_agreed, render_agreed
from jeton.insight.operating.organizations import get_organization_row
from jeton.insight.rerating.proposed import propose, render_proposal
from jeton.money import parse_usd
from jeton.pricing.terms import OwnTerms

KEY_CHARS_MAX = 60
DAYS_DIGITS_MAX = 9
NAMES = ("scope", "factor", "rates", "effective_from", "effective_to", "reason", "approved_by")


async def show_agreements(visit: Visit) -> View:
    """What was agreed; with ``scope`` and ``factor`` or ``rates`` also what ``month`` would have come to."""
    visit.require_operator()
    organization_id, at = find_organization_id(visit), clock.now()
    month_on = find_chosen_month(visit, at)
    async with visit.deps.pool.connection() as connection:
        row = await get_organization_row(connection, organization_id)
        agreed = await list_agreed(connection, organization_id)
        switches = await list_switches(connection, organization_id)
        proposal = None
        if visit.find_filter("scope"):
            from_at, until_at = (
                datetime.combine(on, time(), UTC) for on in (month_on, find_next_month(month_on))
            )
            terms = OwnTerms([_read_proposed(visit, at).make("proposed")])
            proposal = await propose(connection, organization_id, terms, from_at=from_at, until_at=until_at)
    models = sorted(visit.deps.book.models())
    context = {
        "as_of": at,
        "row": row,
        "agreed": [(one, one.state(at)) for one in agreed],
        "switches": switches,
        "month_on": month_on,
        "proposal": proposal,
        "asked": {name: visit.find_filter(name) for name in ("scope", "factor", "rates")},
        "scopes": ["all", *_list_lines(visit), *(f"model:{model}" for model in models)],
        "item_id": visit.find_filter("item"),
        "first_begin": first_begin(at),
        "reason_chars_max": REASON_CHARS_MAX,
        "idempotency_key": new_id("form"),
    }
    data = {
        "type": "agreements",
        "as_of": at.isoformat(),
        "organization_id": str(organization_id),
        "kind": row.kind,
        "terms": [render_agreed(one, at) for one in agreed],
        "switches": [render_switch(switch) for switch in switches],
        "proposed": None if proposal is None else render_proposal(proposal),
    }
    return View("operating/agreements.html", context, data)


async def agree_on_terms(visit: Visit, form: Mapping[str, str]) -> str:
    """Agree on a discount or prices; the same form twice agrees once."""
    visit.require_operator()
    organization_id, now = find_organization_id(visit), clock.now()
    values = {name: form.get(name, "").strip() for name in NAMES}
    values["effective_from"] = values["effective_from"] or first_begin(now).isoformat()
    change = Change(operator(visit), now, _read_key(form))
    async with visit.deps.pool.connection() as connection:
        asks = [parse_terms(values).ask]
        await add_terms(connection, organization_id, asks, book=visit.deps.book, change=change)
    return _place(organization_id)


async def end_agreement(visit: Visit, form: Mapping[str, str]) -> str:
    """End terms at the next possible quarter of an hour."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    terms_id = str(visit.request.path_params["terms_id"])
    change = Change(operator(visit), clock.now())
    async with visit.deps.pool.connection() as connection:
        reason = form.get("reason", "").strip()
        await end_terms(connection, organization_id, terms_id, reason=reason, change=change)
    return _place(organization_id)


async def switch_kind(visit: Visit, form: Mapping[str, str]) -> str:
    """Invoice the organization from now on, or have it pay ahead again; the same form twice is one switch."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    reason, item_id = form.get("reason", "").strip(), form.get("item", "").strip()
    ask = SwitchAsk(operator(visit), clock.now(), reason, _read_key(form), item_id)
    async with visit.deps.pool.connection() as connection:
        match form.get("to"):
            case "invoiced":
                limit_nano = parse_usd(form.get("limit", "").strip().removeprefix("$"))
                days = form.get("net_days", "").strip()
                if days and not (days.isascii() and days.isdigit() and len(days) <= DAYS_DIGITS_MAX):
                    raise InvalidFormError("the days until an invoice is due are no whole number")
                net_days = int(days) if days else None
                await switch_to_invoiced(
                    connection, organization_id, ask, limit_nano=limit_nano, net_days=net_days
                )
            case "prepaid":
                may_issue = form.get("issue_last") == "yes"
                await switch_to_prepaid(connection, organization_id, ask, may_issue_last=may_issue)
            case _:
                raise InvalidFormError("it has a choice that the page does not offer")
    return _place(organization_id)


def _read_proposed(visit: Visit, at: datetime) -> TermsAsk:
    values = {name: visit.find_filter(name) for name in ("scope", "factor", "rates")}
    fixed = {"effective_from": at, "reason": "proposed", "approved_by": "nobody"}
    ask = parse_terms({**values, **fixed}).ask
    if ask.factor is None and not ask.rates:
        raise InvalidFormError("say a factor, or rates")
    return ask


def _list_lines(visit: Visit) -> list[str]:
    lines = {version.line for version in visit.deps.book.versions if version.line}
    return [f"line:{line}" for line in sorted(lines)]


def _read_key(form: Mapping[str, str]) -> str:
    key = form.get("idempotency_key", "")
    if not 0 < len(key) <= KEY_CHARS_MAX or not key.isprintable():
        raise InvalidFormError("it has no idempotency key")
    return key


def _place(organization_id: UUID) -> str:
    return f"{PLACE}/{organization_id}/agreements"
