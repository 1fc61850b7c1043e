"""Accounts as data: whom documents are for, and what an organization was billed and paid."""

from jeton.billing.currencies import render_minor
from jeton.billing.invoicing.words import Profile
from jeton.billing.receivables.account import Account, Entry
from jeton.money import render_usd


def render_profile(profile: Profile) -> dict[str, object]:
    """Whom documents are for and when they are made."""
    return {
        "type": "billing_profile",
        "kind": profile.kind,
        "legal_name": profile.legal_name,
        "street": profile.street,
        "city": profile.city,
        "postal_code": profile.postal_code,
        "country": profile.country,
        "vat_number": profile.vat_number,
        "registration": profile.registration,
        "emails": list(profile.emails),
        "purchase_order": profile.purchase_order,
        "currency": profile.currency or None,
        "display_currency": profile.display_currency or None,
        "zone": profile.zone,
        "anchor_day": profile.anchor_day,
        "net_days": profile.net_days,
        "grace_days": profile.grace_days,
        "tax_category": profile.tax_category or None,
        "tax_reason": profile.tax_reason or None,
        "minimum": render_usd(profile.minimum_nano),
    }


def render_account(account: Account) -> dict[str, object]:
    """A statement of account."""
    return {
        "type": "account_statement",
        "from": account.from_on.isoformat(),
        "until": account.until_on.isoformat(),
        "opening": {one: render_minor(minor, one) for one, minor in account.opening.items()},
        "closing": {one: render_minor(minor, one) for one, minor in account.closing.items()},
        "data": [render_entry(entry) for entry in account.entries],
        "is_cut": account.is_cut,
    }


def render_entry(entry: Entry) -> dict[str, object]:
    """One movement: above zero is owed by the organization."""
    return {
        "at": entry.at.isoformat(),
        "on": entry.on.isoformat(),
        "kind": entry.kind,
        "subject_id": entry.subject_id,
        "text": entry.text,
        "currency": entry.currency,
        "amount": render_minor(entry.amount_minor, entry.currency),
        "balance": render_minor(entry.balance_minor, entry.currency),
    }
