"""Alerts: which are given beside those of budgets and credit, and when nobody wants to be told."""

from collections.abc import Mapping
from datetime import timedelta

from jeton import clock
from jeton.console.errors import InvalidFormError
from jeton.console.visit import Visit
from jeton.identity.audit import Actor
from jeton.identity.roles.permissions import Permission
from jeton.insight.budgets.standing import get_budget
from jeton.notifications.quiet.choices import AlertChoices, set_choices
from jeton.notifications.quiet.snoozes import EVERYTHING, snooze

PLACE = "/console/budgets#alerts"
# In hours; 0 ends it.
SNOOZES = {"1": "for an hour", "24": "for a day", "168": "for a week", "720": "for 30 days", "0": "no more"}
HOURS_DIGITS_MAX = 4


async def choose(visit: Visit, form: Mapping[str, str]) -> str:
    """Choose which alerts are given."""
    visit.require(Permission.MANAGE_BUDGETS)
    choices = AlertChoices(
        tells_anomalies=form.get("anomalies") == "yes",
        tells_price_changes=form.get("price_changes") == "yes",
        silence_hours=_parse_hours(form.get("silence_hours", "")),
    )
    async with visit.deps.pool.connection() as connection:
        by = Actor("member", visit.session.email)
        await set_choices(connection, visit.session.organization_id, choices, by=by)
    return PLACE


async def quiet(visit: Visit, form: Mapping[str, str]) -> str:
    """Send alerts to nobody for a while: all of them, or those of one budget."""
    visit.require(Permission.MANAGE_BUDGETS)
    hours, about = form.get("hours", ""), form.get("about", EVERYTHING)
    if hours not in SNOOZES:
        raise InvalidFormError("it has a choice that the page does not offer")
    at, organization_id = clock.now(), visit.session.organization_id
    async with visit.deps.pool.connection() as connection:
        if about != EVERYTHING:
            about = (await get_budget(connection, organization_id, about)).budget_id
        by, until = Actor("member", visit.session.email), at + timedelta(hours=int(hours))
        await snooze(connection, organization_id, about, until=until, by=by, at=at)
    return PLACE


def _parse_hours(text: str) -> int | None:
    digits = text.strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= HOURS_DIGITS_MAX):
        raise InvalidFormError("silence is a whole number of hours, or nothing")
    return int(digits)
