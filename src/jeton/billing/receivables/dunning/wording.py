"""Wording: what dunning says, in mails, in errors and in headers; each names the document and how to pay."""

from collections.abc import Mapping
from datetime import date, datetime

from jeton.billing.currencies import display_minor, render_minor
from jeton.billing.receivables.dunning.words import Arrears, Debt, DunningTerms
from jeton.notifications.catalogue.dunning import (
    DocumentOverdue,
    ServiceLimited,
    ServiceResumed,
    ServiceStopped,
)

SENTENCE_CHARS_MAX = 1_000


def describe_stopped(debt: Debt, remittance: Mapping[str, str]) -> str:
    """Why requests are refused, for whoever sent one."""
    return (
        f"{_owed(debt)}, so new requests of your organization are refused; nothing was held or charged."
        f" {describe_payment(debt, remittance)} Requests are let through again as soon as it is paid."
    )[:SENTENCE_CHARS_MAX]


def describe_limited(debt: Debt, remittance: Mapping[str, str]) -> str:
    """That something is late, for whoever looks."""
    return f"{_owed(debt)}. {describe_payment(debt, remittance)}"[:SENTENCE_CHARS_MAX]


def describe_payment(debt: Debt, remittance: Mapping[str, str]) -> str:
    """How to pay a document."""
    account = remittance.get("iban") or remittance.get("account_number") or ""
    reference = remittance.get("reference") or debt.number
    if not account:
        return f"Pay it by card on the Console's invoices page; the reference is {reference}."
    bic = f" (BIC {remittance['bic']})" if remittance.get("bic") else ""
    holder = f" of {remittance['account_holder']}" if remittance.get("account_holder") else ""
    return (
        f"Pay it by card on the Console's invoices page, or transfer it to {account}{bic}{holder} with the"
        f" reference {reference}."
    )


def tell_overdue(
    debt: Debt, step: int, terms: DunningTerms, *, remittance: Mapping[str, str], at: datetime
) -> DocumentOverdue:
    """The event of one mail of the schedule."""
    return DocumentOverdue(
        document_id=debt.document_id,
        number=debt.number,
        due=render_minor(debt.due_minor, debt.currency),
        currency=debt.currency,
        due_on=debt.due_on,
        days=count_days(debt, at),
        step=step,
        steps=len(terms.mail_days),
        stops_on=_stops_on(debt, terms),
        how_to_pay=describe_payment(debt, remittance),
    )


def tell_stopped(debt: Debt, remittance: Mapping[str, str], *, at: datetime) -> ServiceStopped:
    """The event of the stop."""
    return ServiceStopped(
        document_id=debt.document_id,
        number=debt.number,
        due=render_minor(debt.due_minor, debt.currency),
        currency=debt.currency,
        due_on=debt.due_on,
        days=count_days(debt, at),
        how_to_pay=describe_payment(debt, remittance),
    )


def tell_limited(debt: Debt, remittance: Mapping[str, str], *, at: datetime) -> ServiceLimited:
    """The event of the soft limit."""
    return ServiceLimited(
        document_id=debt.document_id,
        number=debt.number,
        due=render_minor(debt.due_minor, debt.currency),
        currency=debt.currency,
        due_on=debt.due_on,
        days=count_days(debt, at),
        how_to_pay=describe_payment(debt, remittance),
    )


def tell_resumed(number: str, *, was: Arrears) -> ServiceResumed:
    """The event of the end of both."""
    return ServiceResumed(number=number, was_stopped=was == "stopped")


def count_days(debt: Debt, at: datetime) -> int:
    """How many days a debt is late, in the organization's zone."""
    return max(0, (at - debt.days_after(0)).days)


def _stops_on(debt: Debt, terms: DunningTerms) -> date | None:
    return debt.days_after(terms.stop_days).date() if terms.stop_days else None


def _owed(debt: Debt) -> str:
    amount = display_minor(debt.due_minor, debt.currency).replace("\u00a0", " ")
    return f"{amount} of {debt.number}, which was due on {debt.due_on.isoformat()}, are not paid"
