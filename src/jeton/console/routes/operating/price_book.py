"""Price book: every version with its days, what each changed, and models that have no price."""

from jeton import clock
from jeton.console.routes.billing.prices import list_pairs, read_version
from jeton.console.visit import View, Visit
from jeton.insight.contract.coverage import AHEAD_DAYS, USED_DAYS, list_gaps, list_used_models, read_recorded
from jeton.insight.contract.prices import CONDITION_NAMES, list_rate_changes, render_rate_change


async def show_price_book(visit: Visit) -> View:
    """The book of this server, and what is on record of it."""
    visit.require_operator()
    book, at = visit.deps.book, clock.now()
    async with visit.deps.pool.connection() as connection:
        used = await list_used_models(connection, at)
        recorded = await read_recorded(connection)
    served = visit.deps.served_models()
    gaps = list_gaps(book, at, served=served, used=used)
    old, new = read_version(visit, "old"), read_version(visit, "new")
    changes = list_rate_changes(old, new) if old and new else []
    in_force = {
        version.price_version_id for model in book.models() if (version := book.find_version(model, at))
    }
    context = {
        "as_of": at,
        "today": at.date(),
        "gaps": gaps,
        "timelines": {model: list_pairs(book, model) for model in book.models()},
        "in_force": in_force,
        "recorded": recorded,
        "served": served,
        "used": used,
        "ahead_days": AHEAD_DAYS,
        "used_days": USED_DAYS,
        "condition_names": CONDITION_NAMES,
        "old": old,
        "new": new,
        "changes": changes,
    }
    data = {
        "type": "price_book",
        "as_of": at.isoformat(),
        "gaps": [
            {
                "model": gap.model,
                "from_on": gap.from_on.isoformat(),
                "until_on": None if gap.until_on is None else gap.until_on.isoformat(),
                "is_served": gap.is_served,
                "is_used": gap.is_used,
            }
            for gap in gaps
        ],
        "data": [
            {
                "price_version_id": version.price_version_id,
                "digest": version.digest,
                "from_on": version.from_on.isoformat(),
                "until_on": None if version.until_on is None else version.until_on.isoformat(),
                "is_in_force": version.price_version_id in in_force,
                "recorded_at": recorded[version.price_version_id][1].isoformat()
                if version.price_version_id in recorded
                else None,
            }
            for version in book.versions
        ],
        "changes": [render_rate_change(change) for change in changes],
    }
    return View("operating/price_book.html", context, data)
