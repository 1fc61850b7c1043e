"""Re-ratings: a past time at another price, tried first, approved by a second person, then posted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from uuid import UUID

from jeton import clock
from jeton.billing.rerating.reratings import (
    POSTED_AT_ONCE,
    REASON_CHARS_MAX,
    decide_rerating,
    get_rerating,
    list_reratings,
    make_span,
    post_rerating,
    propose_rerating,
    render_rerating,
)
from jeton.billing.rerating.supplements import (
    SupplementAsk,
    approve_supplement,
    decline_supplement,
    list_supplementable,
    list_supplements,
    propose_supplement,
    render_supplement,
)
from jeton.console.errors import InvalidFormError
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import View, Visit

PLACE = "/console/price-book/reratings"


async def show_reratings(visit: Visit) -> View:
    """What was proposed, newest first, and the form that makes a dry run."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        reratings = await list_reratings(connection)
    at = clock.now()
    context = {
        "as_of": at,
        "reratings": reratings,
        "versions": [version.price_version_id for version in visit.deps.book.versions],
        "today": at.date().isoformat(),
        "reason_chars_max": REASON_CHARS_MAX,
    }
    data = {
        "type": "rerating_list",
        "as_of": at.isoformat(),
        "data": [render_rerating(one) for one in reratings],
    }
    return View("operating/reratings.html", context, data)


async def show_rerating(visit: Visit) -> View:
    """One re-rating: its dry run, who said what, and how much of it is posted."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        rerating = await get_rerating(connection, _rerating_id(visit))
        supplements = await list_supplements(connection, rerating.rerating_id)
        supplementable = await list_supplementable(connection, rerating, supplements)
    context = {
        "as_of": clock.now(),
        "rerating": rerating,
        "is_own": rerating.proposed_by == visit.session.email,
        "posted_at_once": POSTED_AT_ONCE,
        "supplements": supplements,
        "supplementable": supplementable,
        "reason_chars_max": REASON_CHARS_MAX,
        "reader": visit.session.email,
    }
    data = {**render_rerating(rerating), "supplements": [render_supplement(one) for one in supplements]}
    return View("operating/rerating.html", context, data)


async def propose(visit: Visit, form: Mapping[str, str]) -> str:
    """Make the dry run of a span and keep it as proposed."""
    visit.require_operator()
    organization = form.get("organization_id", "").strip()
    try:
        organization_id = UUID(organization) if organization else None
    except ValueError:
        raise InvalidFormError("the organization is not an id of one") from None
    span = make_span(
        visit.deps.book,
        form.get("price_version_id", ""),
        from_at=_read_day(form, "from"),
        until_at=_read_day(form, "until"),
        organization_id=organization_id,
    )
    async with visit.deps.pool.connection() as connection:
        rerating_id = await propose_rerating(
            connection, span, reason=form.get("reason", "").strip(), by=operator(visit)
        )
    return f"{PLACE}/{rerating_id}"


async def approve(visit: Visit, form: Mapping[str, str]) -> str:
    """Approve what another operator proposed; posting is a step of its own."""
    del form
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        await decide_rerating(connection, _rerating_id(visit), "approved", by=operator(visit))
    return f"{PLACE}/{_rerating_id(visit)}"


async def decline(visit: Visit, form: Mapping[str, str]) -> str:
    """Decline a re-rating, or take back one's own."""
    del form
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        await decide_rerating(connection, _rerating_id(visit), "declined", by=operator(visit))
    return PLACE


async def post(visit: Visit, form: Mapping[str, str]) -> str:
    """Post the next charges of an approved re-rating; the same form again posts nothing twice."""
    del form
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        await post_rerating(connection, _rerating_id(visit), by=operator(visit))
    return f"{PLACE}/{_rerating_id(visit)}"


async def ask_supplement(visit: Visit, form: Mapping[str, str]) -> str:
    """Ask that an invoiced organization is charged what a re-rating found to be too little."""
    visit.require_operator()
    try:
        organization_id = UUID(form.get("organization_id", ""))
    except ValueError:
        raise InvalidFormError("the organization is not an id of one") from None
    ask = SupplementAsk(_rerating_id(visit), organization_id, form.get("reason", "").strip(), operator(visit))
    async with visit.deps.pool.connection() as connection:
        await propose_supplement(connection, ask)
    return _supplements_of(visit)


async def charge_supplement(visit: Visit, form: Mapping[str, str]) -> str:
    """Approve a supplement that another operator asked for: it is posted with that."""
    del form
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        await approve_supplement(connection, _rerating_id(visit), _supplement_id(visit), by=operator(visit))
    return _supplements_of(visit)


async def forgive_supplement(visit: Visit, form: Mapping[str, str]) -> str:
    """Decline a supplement, or take back one's own."""
    del form
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        await decline_supplement(connection, _rerating_id(visit), _supplement_id(visit), by=operator(visit))
    return _supplements_of(visit)


def _supplements_of(visit: Visit) -> str:
    return f"{PLACE}/{_rerating_id(visit)}#supplements"


def _supplement_id(visit: Visit) -> str:
    return str(visit.request.path_params["supplement_id"])


def _rerating_id(visit: Visit) -> str:
    return str(visit.request.path_params["rerating_id"])


def _read_day(form: Mapping[str, str], name: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(form.get(name, "")), time(), UTC)
    except ValueError:
        raise InvalidFormError(f"{name} is no day such as 2026-11-23") from None
