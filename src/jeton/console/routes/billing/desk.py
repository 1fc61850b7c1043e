"""Desk: what every page about money shares: the office, who acts, and amounts of forms."""

from collections.abc import Mapping
from uuid import UUID

from jeton.billing.office import Office, bare_office
from jeton.console.errors import InvalidFilterError, InvalidFormError
from jeton.console.visit import Visit
from jeton.identity.audit import Actor
from jeton.money import parse_usd

KEY_CHARS_MAX = 60
ID_CHARS_MAX = 100


def office_of(visit: Visit) -> Office:
    """The office of this installation; one that takes no cards where it was given none."""
    return visit.deps.office or bare_office(visit.deps.pool)


def member(visit: Visit) -> Actor:
    """The member who looks, for the audit log."""
    return Actor("member", visit.session.email)


def our_id(visit: Visit) -> UUID:
    """The organization whose Console this is."""
    return visit.session.organization_id


def read_id(visit: Visit, name: str) -> str:
    """An id out of the path, which may be anything that can be printed; InvalidFilterError."""
    text: str = visit.request.path_params[name]
    if not text.isprintable() or len(text) > ID_CHARS_MAX:
        raise InvalidFilterError(name, "is no id")
    return text


def read_dollars(form: Mapping[str, str], name: str) -> int:
    """An amount of dollars out of a form, in nano; InvalidInputError."""
    return parse_usd(form.get(name, "").strip().removeprefix("$").replace(",", ""))


def read_key(form: Mapping[str, str]) -> str:
    """What makes a form one deed, however often it is sent; InvalidFormError."""
    key = form.get("idempotency_key", "")
    if not 0 < len(key) <= KEY_CHARS_MAX or not key.isprintable():
        raise InvalidFormError("it has no key of its own: load the page again")
    return key
