"""Profiles: how documents of one organization are made and for whom, as the operator agrees it with them."""

import re
from collections.abc import Mapping

from jeton import clock
from jeton.billing.invoicing.drafting.planning import find_currency, find_wanted
from jeton.billing.invoicing.drafting.sources import Wanted
from jeton.billing.invoicing.profiles import (
    EMAILS_MAX,
    GRACE_DAYS_MAX,
    NET_DAYS_MAX,
    REASON_CHARS_MAX,
    ProfileChange,
    change_profile,
    get_profile,
)
from jeton.billing.invoicing.rates import find_rates
from jeton.billing.rendering.accounts import render_profile
from jeton.console.errors import InvalidFormError
from jeton.console.routes.billing.desk import office_of
from jeton.console.routes.operating.inbox import operator
from jeton.console.routes.operating.organizations import PLACE as ORGANIZATIONS
from jeton.console.routes.operating.organizations import find_organization_id
from jeton.console.visit import View, Visit
from jeton.money import parse_usd

PLACE = f"{ORGANIZATIONS}/{{organization_id}}/billing-profile"
CATEGORIES: Mapping[str, str] = {
    "": "as the countries and the rates of the settings say",
    "S": "S: standard rate",
    "Z": "Z: zero rate",
    "E": "E: exempt",
    "AE": "AE: reverse charge",
    "O": "O: outside the scope of tax",
}
_TEXTS = (
    "legal_name", "street", "city", "postal_code", "country", "vat_number", "registration", "purchase_order",
    "currency", "zone", "tax_category", "tax_reason",
)  # fmt: skip
_CAPITALS = frozenset({"country", "currency"})
_SEPARATORS = re.compile(r"[\s,;]+")
# What a profile stores where it leaves the days to the settings.
_AS_SET = -1
_DIGITS_MAX = 6


async def show_profile(visit: Visit) -> View:
    """The profile, the period that runs by it, and what of it takes effect when."""
    visit.require_operator()
    organization_id, at = find_organization_id(visit), clock.now()
    rules = office_of(visit).rules
    async with visit.deps.pool.connection() as connection:
        profile = await get_profile(connection, organization_id)
        (wanted,) = await find_wanted(connection, [profile])
        currency = find_currency(rules, profile)
        rates = await find_rates(connection, [currency], at.date())
    context = {
        "as_of": at,
        "profile": profile,
        "rules": rules,
        "period": wanted.period,
        "is_over": wanted.period.period_to <= at,
        "currency": currency,
        "has_rate": currency in rates,
        "categories": CATEGORIES,
        "is_saved": bool(visit.find_filter("saved")),
        "emails_max": EMAILS_MAX,
        "net_days_max": NET_DAYS_MAX,
        "grace_days_max": GRACE_DAYS_MAX,
        "reason_chars_max": REASON_CHARS_MAX,
    }
    return View("finance/profile.html", context, _render(wanted, visit, at.isoformat()))


async def save(visit: Visit, form: Mapping[str, str]) -> str:
    """Change the whole profile from now on; everything that is wrong is said at once."""
    visit.require_operator()
    organization_id = find_organization_id(visit)
    texts = {name: " ".join(form.get(name, "").split()) for name in _TEXTS}
    texts |= {name: texts[name].upper() for name in _CAPITALS}
    change = ProfileChange(
        **texts,
        emails=tuple(filter(None, _SEPARATORS.split(form.get("emails", "")))),
        anchor_day=_read_number(form, "anchor_day", "the day on which periods begin"),
        net_days=_read_days(form, "net_days"),
        grace_days=_read_days(form, "grace_days"),
        minimum_nano=parse_usd(form.get("minimum", "").strip() or "0"),
    )
    reason = form.get("reason", "").strip()
    async with visit.deps.pool.connection() as connection, connection.transaction():
        await change_profile(
            connection, organization_id, change, by=operator(visit), reason=reason, at=clock.now()
        )
    return f"{ORGANIZATIONS}/{organization_id}/billing-profile?saved=yes"


def _render(wanted: Wanted, visit: Visit, as_of: str) -> dict[str, object]:
    return {
        **render_profile(wanted.profile),
        "organization_id": str(wanted.profile.organization_id),
        "document_currency": find_currency(office_of(visit).rules, wanted.profile),
        "period_from": wanted.period.period_from.isoformat(),
        "period_to": wanted.period.period_to.isoformat(),
        "as_of": as_of,
    }


def _read_days(form: Mapping[str, str], name: str) -> int:
    """A number of days; nothing leaves them to the settings."""
    return _read_number(form, name, name.replace("_", " ")) if form.get(name, "").strip() else _AS_SET


def _read_number(form: Mapping[str, str], name: str, what: str) -> int:
    text = form.get(name, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        raise InvalidFormError(f"{what} is {text!r}, not a whole number")
    return int(text)
