"""Auto-reload: the rule, what it does now and why, and its last reloads."""

from collections.abc import Mapping
from datetime import timedelta

from jeton import clock
from jeton.billing.payments.saving import list_cards
from jeton.billing.reloads.overview import read_overview, render_overview
from jeton.billing.reloads.rules import COOL_DOWN, RuleWish, save_rule, switch_off
from jeton.billing.reloads.words import AMOUNT_MAX_NANO, AMOUNT_MIN_NANO
from jeton.console.errors import InvalidFormError
from jeton.console.routes.billing.desk import member, office_of, our_id, read_dollars
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission

PLACE = "/console/billing/auto-reload"
MINUTES_DIGITS_MAX = 5


async def show_auto_reload(visit: Visit) -> View:
    """The rule of the organization, or a form for a first one."""
    visit.require(Permission.SEE_BILLING)
    office, at = office_of(visit), clock.now()
    async with visit.deps.pool.connection() as connection:
        overview = await read_overview(connection, our_id(visit), office.reloads, at=at)
        cards = await list_cards(connection, our_id(visit))
    context = {
        "as_of": at,
        "overview": overview,
        "card": next((card for card in cards if card.is_default), None),
        "has_cards": office.has_cards,
        "may_change": visit.may(Permission.MANAGE_BILLING),
        "least_nano": AMOUNT_MIN_NANO,
        "most_nano": AMOUNT_MAX_NANO,
        "cool_down_minutes": _minutes(COOL_DOWN if overview is None else overview.rule.cool_down),
    }
    data = {**render_overview(overview), "as_of": at.isoformat(), "has_payment_provider": office.has_cards}
    return View("billing/auto_reload.html", context, data)


async def save(visit: Visit, form: Mapping[str, str]) -> str:
    """Switch auto-reload on with what the form says."""
    visit.require(Permission.MANAGE_BILLING)
    minutes = form.get("cool_down", "").strip()
    if not (minutes.isascii() and minutes.isdecimal() and len(minutes) <= MINUTES_DIGITS_MAX):
        raise InvalidFormError("the cool-down is no whole number of minutes")
    wish = RuleWish(
        threshold_nano=read_dollars(form, "threshold"),
        target_nano=read_dollars(form, "target"),
        ceiling_nano=read_dollars(form, "ceiling"),
        zone=form.get("zone", "").strip() or "UTC",
        cool_down=timedelta(minutes=int(minutes)),
    )
    async with visit.deps.pool.connection() as connection:
        await save_rule(connection, our_id(visit), wish, by=member(visit), at=clock.now())
    return PLACE


async def end(visit: Visit, form: Mapping[str, str]) -> str:
    """Buy nothing by itself any more."""
    del form
    visit.require(Permission.MANAGE_BILLING)
    async with visit.deps.pool.connection() as connection:
        await switch_off(connection, our_id(visit), by=member(visit), at=clock.now())
    return PLACE


def _minutes(time: timedelta) -> int:
    return int(time / timedelta(minutes=1))
