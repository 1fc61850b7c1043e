"""Organizations: whom the operator serves, what each may use, and a look at its Console."""

from collections.abc import Mapping
from uuid import UUID

from jeton.charging.credits.granting import DAYS_MAX, REASON_CHARS_MAX, Grant, grant
from jeton.charging.credits.limits import set_credit_limit, set_outage_cap
from jeton.charging.credits.taking_back import adjust_lot
from jeton.console.errors import InvalidFilterError, InvalidFormError
from jeton.console.routes.operating.inbox import operator, parse_days
from jeton.console.visit import View, Visit
from jeton.errors import NotFoundError
from jeton.identity.standing.suspensions import resume, suspend
from jeton.identity.standing.viewings import end_viewing, start_viewing
from jeton.ids import new_id
from jeton.insight.balance import get_balance, render_balance
from jeton.insight.operating.audit import AuditFilter, list_audit_page, render_audit_entry
from jeton.insight.operating.organizations import (
    OrganizationFilter,
    get_organization_row,
    list_organization_rows,
    render_organization_row,
)
from jeton.insight.operating.people import list_people, render_person
from jeton.insight.operating.risks import list_risks, read_arrears, render_risks
from jeton.ledger.chart import LotKind
from jeton.money import parse_usd, render_usd

PLACE = "/console/organizations"
STATES: Mapping[str, str] = {
    "": "every one",
    "prepaid": "prepaid",
    "invoiced": "invoiced",
    "suspended": "suspended",
    "overdue": "overdue",
}
# What may be granted by hand.
KINDS: Mapping[str, str] = {
    "promotional": "given (promotional)",
    "commit": "to be paid (commit)",
    "paid": "somebody paid for it (paid)",
}
DIRECTIONS: Mapping[str, str] = {"take": "take out of", "put": "put back into"}
ENTRIES_SHOWN = 20
KEY_CHARS_MAX = 60


async def show_organizations(visit: Visit) -> View:
    """A page of organizations, newest first, found by ``search`` and ``state``."""
    visit.require_operator()
    search, state = visit.find_filter("search"), visit.find_filter("state")
    if state not in STATES:
        raise InvalidFilterError("state", f"is {state!r}, not one of {', '.join(filter(None, STATES))}")
    wanted = OrganizationFilter(
        search,
        state if state in {"prepaid", "invoiced"} else "",
        state == "suspended",
        _read_before(visit),
        state == "overdue",
    )
    async with visit.deps.pool.connection() as connection:
        page = await list_organization_rows(connection, wanted)
        arrears = await read_arrears(connection, [row.organization_id for row in page.rows], page.as_of)
    risks = {
        row.organization_id: list_risks(row, arrears[row.organization_id], page.as_of) for row in page.rows
    }
    context = {
        "page": page,
        "arrears": arrears,
        "risks": risks,
        "search": search,
        "state": state,
        "states": STATES,
    }
    data = {
        "type": "organization_list",
        "as_of": page.as_of.isoformat(),
        "month_from_on": page.since_on.isoformat(),
        "currency": "USD",
        "data": [
            {
                **render_organization_row(row),
                "overdue": render_usd(arrears[row.organization_id].overdue_nano),
                "risks": render_risks(risks[row.organization_id]),
            }
            for row in page.rows
        ],
        "has_more": page.next_id is not None,
        "next_id": None if page.next_id is None else str(page.next_id),
    }
    return View("operating/organizations.html", context, data)


async def show_organization(visit: Visit) -> View:
    """One organization: its standing, terms, credit and people, with what the operator may do."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    async with visit.deps.pool.connection() as connection:
        row = await get_organization_row(connection, organization_id)
        balance = await get_balance(connection, organization_id)
        late = (await read_arrears(connection, [organization_id], balance.as_of))[organization_id]
        people = await list_people(connection, organization_id)
        entries = await list_audit_page(
            connection, AuditFilter(organization_id=organization_id), limit=ENTRIES_SHOWN
        )
    risks = list_risks(row, late, balance.as_of)
    context = {
        "row": row,
        "late": late,
        "risks": risks,
        "balance": balance,
        "people": people,
        "entries": entries.entries,
        "kinds": KINDS,
        "directions": DIRECTIONS,
        "days_max": DAYS_MAX,
        "reason_chars_max": REASON_CHARS_MAX,
        "idempotency_key": new_id("form"),
        "adjust_key": new_id("form"),
    }
    data = {
        **render_organization_row(row),
        "as_of": balance.as_of.isoformat(),
        "overdue": render_usd(late.overdue_nano),
        "risks": render_risks(risks),
        "balance": render_balance(balance),
        "members": [render_person(person) for person in people],
        "audit": [render_audit_entry(entry) for entry in entries.entries],
    }
    return View("operating/organization.html", context, data)


async def grant_credit(visit: Visit, form: Mapping[str, str]) -> str:
    """Give the organization credit, in the operator's name; the same form twice grants once."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    kind, days, key = form.get("kind", ""), form.get("days", "").strip(), form.get("idempotency_key", "")
    if kind not in KINDS or not 0 < len(key) <= KEY_CHARS_MAX or not key.isprintable():
        raise InvalidFormError("it has a choice that the page does not offer")
    given = Grant(
        kind=LotKind(kind),
        amount_nano=_parse_amount(form, "amount"),
        reason=form.get("reason", "").strip(),
        days=parse_days(days) if days else None,
    )
    async with visit.deps.pool.connection() as connection:
        await grant(connection, organization_id, given, by=operator(visit), idempotency_key=key)
    return f"{PLACE}/{organization_id}"


async def adjust_credit(visit: Visit, form: Mapping[str, str]) -> str:
    """Take credit out of a lot, or put back what was taken out; the same form twice adjusts once."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    lot_id, key = form.get("lot_id", ""), form.get("idempotency_key", "")
    if form.get("direction") not in DIRECTIONS or not 0 < len(key) <= KEY_CHARS_MAX or not key.isprintable():
        raise InvalidFormError("it has a choice that the page does not offer")
    amount_nano = _parse_amount(form, "amount")
    if amount_nano <= 0:
        raise InvalidFormError("the amount is not more than nothing")
    async with visit.deps.pool.connection() as connection, connection.transaction():
        balance = await get_balance(connection, organization_id)
        if lot_id not in {lot.lot_id for lot in balance.lots}:
            raise InvalidFormError("the lot is not one of this organization's")
        await adjust_lot(
            connection,
            lot_id,
            -amount_nano if form["direction"] == "take" else amount_nano,
            reason=form.get("reason", "").strip(),
            by=operator(visit),
            idempotency_key=key,
        )
    return f"{PLACE}/{organization_id}"


async def set_terms(visit: Visit, form: Mapping[str, str]) -> str:
    """Set how far the organization may owe, and how far it is served while the database is away."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    limit_nano, cap_nano = _parse_amount(form, "limit"), _parse_amount(form, "cap")
    async with visit.deps.pool.connection() as connection, connection.transaction():
        row = await get_organization_row(connection, organization_id)
        if not limit_nano and cap_nano:
            raise InvalidFormError("only with a credit limit can it be served while the database is away")
        if row.outage_cap_nano and not cap_nano:
            await set_outage_cap(connection, organization_id, 0, by=operator(visit))
        if (row.kind == "invoiced") != (limit_nano > 0):
            raise InvalidFormError("how it pays is switched on the page of agreements")
        if row.credit_limit_nano != limit_nano:
            await set_credit_limit(connection, organization_id, limit_nano, by=operator(visit))
        if cap_nano and row.outage_cap_nano != cap_nano:
            await set_outage_cap(connection, organization_id, cap_nano, by=operator(visit))
    return f"{PLACE}/{organization_id}"


async def suspend_organization(visit: Visit, form: Mapping[str, str]) -> str:
    """Refuse the organization's new requests from now on."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    async with visit.deps.pool.connection() as connection:
        await suspend(connection, organization_id, reason=form.get("reason", ""), by=operator(visit))
    return f"{PLACE}/{organization_id}"


async def resume_organization(visit: Visit, form: Mapping[str, str]) -> str:
    """Let the organization's requests through again."""
    del form
    visit.require_operator()
    organization_id = find_organization_id(visit)
    async with visit.deps.pool.connection() as connection:
        await resume(connection, organization_id, by=operator(visit))
    return f"{PLACE}/{organization_id}"


async def view_organization(visit: Visit, form: Mapping[str, str]) -> str:
    """See the Console as that organization, to read only."""
    del form
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        await start_viewing(connection, visit.secret, find_organization_id(visit), by=operator(visit))
    return "/console"


async def leave_viewing(visit: Visit, form: Mapping[str, str]) -> str:
    """See one's own Console again."""
    del form
    async with visit.deps.pool.connection() as connection:
        organization_id = await end_viewing(connection, visit.secret, by=operator(visit))
    return PLACE if organization_id is None else f"{PLACE}/{organization_id}"


def find_organization_id(visit: Visit) -> UUID:
    """The organization that the address names; NotFoundError for what is no id."""
    text = str(visit.request.path_params["organization_id"])
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError(f"There is no organization {ascii(text)[1:-1]}.") from None


def _read_before(visit: Visit) -> UUID | None:
    text = visit.find_filter("before")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidFilterError("before", f"is {text!r}, not the id of an organization") from None


def _parse_amount(form: Mapping[str, str], name: str) -> int:
    return parse_usd(form.get(name, "").strip().removeprefix("$") or "0")
