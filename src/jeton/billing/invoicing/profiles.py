"""Profiles: whom an organization's documents are for, entered by a member or the operator.

An organization without a row has the profile that the rules give. Every change has an actor and a reason and
is in the audit log, in the same transaction; documents that were issued keep what they said.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from jeton.billing.currencies import minor_digits
from jeton.billing.identifiers import check_vat_number
from jeton.billing.invoicing.errors import ProfileError
from jeton.billing.invoicing.words import Profile
from jeton.db.pool import Connection
from jeton.errors import InvalidInputError
from jeton.identity.audit import Actor, record_audit
from jeton.identity.errors import UnknownOrganizationError
from jeton.ledger.budgets.zones import parse_zone
from jeton.money import NANO_MAX, render_usd

EMAILS_MAX = 20
NET_DAYS_MAX = 365
GRACE_DAYS_MAX = 60
REASON_CHARS_MAX = 500
_CHARS_MAX = {
    "legal_name": 200,
    "street": 200,
    "city": 100,
    "postal_code": 20,
    "vat_number": 30,
    "registration": 100,
    "purchase_order": 100,
    "tax_reason": 200,
}
_COUNTRY = re.compile(r"[A-Z]{2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CATEGORIES = ("", "S", "Z", "E", "AE", "O")

_READ = """
    SELECT o.organization_id, o.name AS organization_name, o.kind, o.created_at,
           coalesce(p.legal_name, '') AS legal_name, coalesce(p.street, '') AS street,
           coalesce(p.city, '') AS city, coalesce(p.postal_code, '') AS postal_code,
           coalesce(p.country, '') AS country, coalesce(p.vat_number, '') AS vat_number,
           coalesce(p.registration, '') AS registration, coalesce(p.emails, '{}') AS emails,
           coalesce(p.currency, '') AS currency, coalesce(p.zone, 'UTC') AS zone,
           coalesce(p.anchor_day, 1) AS anchor_day, p.net_days, p.grace_days,
           coalesce(p.purchase_order, '') AS purchase_order, coalesce(p.tax_category, '') AS tax_category,
           coalesce(p.tax_reason, '') AS tax_reason, coalesce(p.minimum_nano, 0) AS minimum_nano,
           coalesce(p.display_currency, '') AS display_currency,
           coalesce(p.documents, 0) AS documents
    FROM organizations AS o LEFT JOIN billing_profiles AS p USING (organization_id)
    WHERE o.organization_id = ANY (%s)
"""
_DISPLAYED = "SELECT display_currency FROM billing_profiles WHERE organization_id = %s"
_OPEN = "INSERT INTO billing_profiles (organization_id) VALUES (%s) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What becomes of a profile; None leaves it. -1 days are those of the rules again."""

    legal_name: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    vat_number: str | None = None
    registration: str | None = None
    emails: tuple[str, ...] | None = None
    currency: str | None = None
    zone: str | None = None
    anchor_day: int | None = None
    net_days: int | None = None
    grace_days: int | None = None
    purchase_order: str | None = None
    tax_category: str | None = None
    tax_reason: str | None = None
    minimum_nano: int | None = None
    display_currency: str | None = None


async def get_profile(connection: Connection, organization_id: UUID) -> Profile:
    """The profile of an organization; UnknownOrganizationError."""
    profiles = await read_profiles(connection, [organization_id])
    if organization_id not in profiles:
        raise UnknownOrganizationError(organization_id)
    return profiles[organization_id]


async def find_display_currency(connection: Connection, organization_id: UUID) -> str:
    """The currency in which an organization wants its usage and cost shown; "" for dollars."""
    row = await (await connection.execute(_DISPLAYED, (organization_id,))).fetchone()
    return str(row[0]) if row else ""


async def read_profiles(connection: Connection, organization_ids: Collection[UUID]) -> dict[UUID, Profile]:
    """The profiles of those of these organizations that there are."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_READ, (list(organization_ids),))
        return {row["organization_id"]: _parse(row) async for row in cursor}


async def change_profile(
    connection: Connection,
    organization_id: UUID,
    change: ProfileChange,
    *,
    by: Actor,
    reason: str,
    at: datetime,
) -> Profile:
    """Change a profile, for documents that are made from now on; in the caller's transaction.

    A new anchor day or zone ends the period that runs at its next boundary. Raises ProfileError, which says
    everything that is wrong, UnknownOrganizationError, UnknownZoneError.
    """
    values = {name: value for name, value in _list_given(change).items() if value is not None}
    mistakes = _list_mistakes(values)
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        mistakes.append(
            f"A change of a billing profile needs a reason of 1 to {REASON_CHARS_MAX} characters."
        )
    if mistakes:
        raise ProfileError(" ".join(mistakes))
    before = await get_profile(connection, organization_id)
    await connection.execute(_OPEN, (organization_id,))
    stored = {name: _store(name, value) for name, value in values.items()}
    names = ", ".join(f"{name} = %({name})s" for name in (*stored, "changed_at"))
    query = f"UPDATE billing_profiles SET {names} WHERE organization_id = %(organization_id)s"  # noqa: S608 - names of fields of ours
    await connection.execute(query, {**stored, "changed_at": at, "organization_id": organization_id})
    after = await get_profile(connection, organization_id)
    await record_audit(
        connection,
        by,
        "billing_profile.changed",
        subject=str(organization_id),
        organization_id=organization_id,
        details={"reason": reason, **_describe(before, after)},
    )
    return after


def _list_given(change: ProfileChange) -> dict[str, Any]:
    return {entry.name: getattr(change, entry.name) for entry in fields(change)}


def _list_mistakes(values: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong, one sentence each."""
    mistakes = [
        f"{name} has at most {_CHARS_MAX[name]} printable characters."
        for name, value in values.items()
        if name in _CHARS_MAX and (len(value) > _CHARS_MAX[name] or not value.replace("\n", "").isprintable())
    ]
    country = values.get("country", "")
    if country and _COUNTRY.fullmatch(country) is None:
        mistakes.append(f"country is {country!r}, not an ISO 3166-1 code such as DE.")
    emails = values.get("emails", ())
    if len(emails) > EMAILS_MAX or not all(_EMAIL.fullmatch(email) for email in emails):
        mistakes.append(f"emails are at most {EMAILS_MAX} e-mail addresses.")
    for name, low, high in (
        ("anchor_day", 1, 31),
        ("net_days", -1, NET_DAYS_MAX),
        ("grace_days", -1, GRACE_DAYS_MAX),
        ("minimum_nano", 0, NANO_MAX),
    ):
        if not low <= values.get(name, low) <= high:
            mistakes.append(f"{name} is {values[name]}, not a whole number from {low} to {high}.")
    if values.get("tax_category", "") not in _CATEGORIES:
        mistakes.append(f"tax_category is {values['tax_category']!r}, not one of S, Z, E, AE, O or nothing.")
    for name, check in (
        ("currency", minor_digits),
        ("display_currency", minor_digits),
        ("zone", parse_zone),
        ("vat_number", lambda number: check_vat_number(number, country)),
    ):
        try:
            # Without a currency it is the operator's own; without a zone nothing could ever be issued.
            if values.get(name) or (name == "zone" and name in values):
                check(values[name])
        except InvalidInputError as error:
            mistakes.append(str(error))
    return mistakes


def _store(name: str, value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return None if name in ("net_days", "grace_days") and value == -1 else value


def _parse(row: Mapping[str, Any]) -> Profile:
    return Profile(**{**row, "emails": tuple(row["emails"])})


def _describe(before: Profile, after: Profile) -> dict[str, object]:
    """What changed, for the audit log, which people read."""
    changed: dict[str, object] = {}
    for entry in fields(ProfileChange):
        old, new = getattr(before, entry.name), getattr(after, entry.name)
        if old != new:
            is_money = entry.name.endswith("_nano")
            changed[entry.name] = [render_usd(value) if is_money else value for value in (old, new)]
    return changed
