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
    post_rerating,
    propose_rerating,
    render_rerating,
)
from jeton.console.errors import InvalidFormError
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import View, Visit
from jeton.insight.rerating.ranged import Span

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
    context = {
        "as_of": clock.now(),
        "rerating": rerating,
        "is_own": rerating.proposed_by == visit.session.email,
        "posted_at_once": POSTED_AT_ONCE,
    }
    return View("operating/rerating.html", context, render_rerating(rerating))


async def propose(visit: Visit, form: Mapping[str, str]) -> str:
    """Make the dry run of a span and keep it as proposed."""
    visit.require_operator()
    version_id = form.get("price_version_id", "")
    known = {version.price_version_id: version for version in visit.deps.book.versions}
    if version_id not in known:
        raise InvalidFormError("the price version is not one of the price book")
    organization = form.get("organization_id", "").strip()
    try:
        organization_id = UUID(organization) if organization else None
    except ValueError:
        raise InvalidFormError("the organization is not an id of one") from None
    span = Span(
        known[version_id].model,
        version_id,
        _read_day(form, "from"),
        # Of today, what is past.
        min(_read_day(form, "until"), clock.now()),
        organization_id,
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


def _rerating_id(visit: Visit) -> str:
    return str(visit.request.path_params["rerating_id"])


def _read_day(form: Mapping[str, str], name: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(form.get(name, "")), time(), UTC)
    except ValueError:
        raise InvalidFormError(f"{name} is no day such as 2026-11-23") from None
