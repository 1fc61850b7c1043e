"""Profile: whom documents are for from now on, as members may change it."""

import re
from collections.abc import Mapping

from jeton import clock
from jeton.billing.invoicing.profiles import (
    EMAILS_MAX,
    REASON_CHARS_MAX,
    ProfileChange,
    change_profile,
    get_profile,
)
from jeton.billing.rendering.accounts import render_profile
from jeton.console.routes.billing.desk import member, office_of, our_id
from jeton.console.routes.invoices.listing import PLACE as INVOICES
from jeton.console.visit import View, Visit
from jeton.identity.roles.permissions import Permission

PLACE = f"{INVOICES}/profile"
_SEPARATORS = re.compile(r"[\s,;]+")


async def show_profile(visit: Visit) -> View:
    """The profile with the rules that hold where it says nothing."""
    visit.require(Permission.SEE_BILLING)
    async with visit.deps.pool.connection() as connection:
        profile = await get_profile(connection, our_id(visit))
    rules, at = office_of(visit).rules, clock.now()
    context = {
        "as_of": at,
        "profile": profile,
        "rules": rules,
        "may_change": visit.may(Permission.MANAGE_BILLING),
        "is_saved": bool(visit.find_filter("saved")),
        "emails_max": EMAILS_MAX,
        "reason_chars_max": REASON_CHARS_MAX,
    }
    return View("invoices/profile.html", context, {**render_profile(profile), "as_of": at.isoformat()})


async def save(visit: Visit, form: Mapping[str, str]) -> str:
    """Change whom documents are for from now on; everything that is wrong is said at once."""
    visit.require(Permission.MANAGE_BILLING)
    texts = {name: " ".join(form.get(name, "").split()) for name in _TEXTS}
    change = ProfileChange(
        legal_name=texts["legal_name"],
        street=texts["street"],
        city=texts["city"],
        postal_code=texts["postal_code"],
        country=texts["country"].upper(),
        vat_number=texts["vat_number"],
        registration=texts["registration"],
        purchase_order=texts["purchase_order"],
        display_currency=texts["display_currency"].upper(),
        emails=tuple(filter(None, _SEPARATORS.split(form.get("emails", "")))),
    )
    reason = form.get("reason", "").strip() or "changed in the Console"
    async with visit.deps.pool.connection() as connection:
        await change_profile(
            connection, our_id(visit), change, by=member(visit), reason=reason, at=clock.now()
        )
    return f"{PLACE}?saved=yes"


_TEXTS = (
    "legal_name", "street", "city", "postal_code", "country", "vat_number", "registration", "purchase_order",
    "display_currency",
)  # fmt: skip
