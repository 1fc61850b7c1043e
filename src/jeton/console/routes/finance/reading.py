"""Reading: what the operator's forms about money say: organizations, days, amounts of a currency, reasons."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from jeton import clock
from jeton.billing.currencies import parse_minor
from jeton.billing.receivables.applying import Act
from jeton.console.errors import InvalidFormError
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import Visit


def read_organization(form: Mapping[str, str]) -> UUID:
    """The organization that a form names by its id; InvalidFormError."""
    try:
        return UUID(form.get("organization_id", "").strip())
    except ValueError:
        raise InvalidFormError("the organization is not an id of one") from None


def read_day(form: Mapping[str, str], name: str) -> date:
    """A day of a form; InvalidFormError."""
    text = form.get(name, "").strip()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidFormError(f"{name} is {text!r}, not a day such as 2026-11-23") from None


def read_amount(form: Mapping[str, str], currency: str) -> int:
    """An amount of a form in minor units; InvalidInputError for a decimal too many."""
    return parse_minor(form.get("amount", "").strip().replace(",", ""), currency)


def read_act(visit: Visit, form: Mapping[str, str]) -> Act:
    """The operator, now, for the reason that the form gives."""
    return Act(operator(visit), clock.now(), form.get("reason", "").strip())
