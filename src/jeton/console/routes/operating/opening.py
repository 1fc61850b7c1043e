"""Opening: a new organization, in the operator's name, with its trial and an invite for its first admin."""

from collections.abc import Mapping

from jeton import clock
from jeton.charging.credits.requests import KEY_CHARS_MAX
from jeton.charging.onboarding import Opened, Opening, open_for
from jeton.console.errors import InvalidFormError
from jeton.console.routes.access.members import hand_over
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import View, Visit
from jeton.identity.names import EMAIL_CHARS_MAX, NAME_CHARS_MAX
from jeton.ids import new_id
from jeton.money import render_usd

PLACE = "/console/organizations/new"


async def show_opening(visit: Visit) -> View:
    """The form, with what the address says in it already: a ``name`` and an ``email``."""
    visit.require_operator()
    return _view(visit, visit.find_filter("name"), visit.find_filter("email"))


async def open_one(visit: Visit, form: Mapping[str, str]) -> View:
    """Open an organization; the same form twice opens one. Its admin's link goes by mail or is shown."""
    visit.require_operator()
    key = form.get("idempotency_key", "")
    if not 0 < len(key) <= KEY_CHARS_MAX or not key.isprintable():
        raise InvalidFormError("it has a choice that the page does not offer")
    name, email = form.get("name", ""), form.get("email", "")
    trial = visit.deps.trial if form.get("has_trial") else None
    async with visit.deps.pool.connection() as connection:
        opened = await open_for(connection, Opening(name, email, trial, key), by=operator(visit))
    told = link = ""
    if opened.invite is not None:
        told, link = await hand_over(visit, opened.invite, opened.secret)
    return _view(visit, "", "", opened=opened, told=told, link=link)


def _view(
    visit: Visit, name: str, email: str, *, opened: Opened | None = None, told: str = "", link: str = ""
) -> View:
    trial = visit.deps.trial
    context = {
        "name": name[:NAME_CHARS_MAX],
        "email": email[:EMAIL_CHARS_MAX],
        "name_chars_max": NAME_CHARS_MAX,
        "email_chars_max": EMAIL_CHARS_MAX,
        "trial": trial,
        "opened": opened,
        "told": told,
        "link": link,
        "idempotency_key": new_id("form"),
    }
    data = {
        "type": "organization_opening",
        "as_of": clock.now().isoformat(),
        "currency": "USD",
        "trial": {"amount": render_usd(trial.amount_nano), "days": trial.days, "clock": trial.clock},
    }
    return View("operating/opening.html", context, data)
