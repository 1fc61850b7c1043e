"""Purchases: the receipt of credit that was bought, and the credit note of what was paid back of it.

Written in the transaction that books the payment or refund, which posts it; these documents post nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from jeton.billing.invoicing.drafting.composing import Occasion, compose
from jeton.billing.invoicing.issuing.issuing import number_documents
from jeton.billing.invoicing.issuing.writing import write_documents
from jeton.billing.invoicing.lines.building import amount_line
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.rates import LEDGER_CURRENCY
from jeton.billing.invoicing.tax import VOUCHER_REASON, TaxDecision
from jeton.billing.invoicing.words import Profile, Rules
from jeton.billing.words import Document, LineKind, Purpose, TaxCategory
from jeton.db.pool import Connection
from jeton.money import NANO_PER_USD

_FIND = "SELECT document_id FROM documents WHERE purpose = %s AND subject = %s"
_CENTS = 100


@dataclass(frozen=True, slots=True)
class Sale:
    """Credit that was bought or paid back, in whole cents; ``subject`` is the payment or refund.

    Tax as it was quoted and taken.
    """

    organization_id: UUID
    subject: str
    description: str
    net_minor: int
    tax_minor: int
    tax_category: TaxCategory
    tax_rate: Fraction
    reason: str = ""
    # Credit that is taxed at its use, so that its sale is not.
    is_voucher: bool = False


async def issue_purchase_receipt(
    connection: Connection, sale: Sale, *, rules: Rules, at: datetime
) -> Document:
    """The receipt of a payment that was booked, paid in full; the same payment again returns the first."""
    known = await _find(connection, "purchase", sale.subject)
    profile = await get_profile(connection, sale.organization_id)
    occasion = _occasion(profile, sale, rules=rules, at=at)
    if known:
        return replace(_compose(occasion, sale, "top_up"), document_id=known)
    document = _compose(occasion, sale, "top_up")
    return await _write(connection, replace(document, paid_minor=document.total_minor), rules, at)


async def issue_refund_note(
    connection: Connection, sale: Sale, *, payment_id: str, rules: Rules, at: datetime
) -> Document:
    """The credit note of a refund that was booked, for the receipt of its payment; once, as above."""
    known = await _find(connection, "refund", sale.subject)
    profile = await get_profile(connection, sale.organization_id)
    occasion = replace(
        _occasion(profile, sale, rules=rules, at=at),
        kind="credit_note",
        purpose="refund",
        corrects_id=await _find(connection, "purchase", payment_id),
    )
    document = _compose(occasion, sale, "refund")
    if known:
        return replace(document, document_id=known)
    return await _write(connection, document, rules, at)


def _occasion(profile: Profile, sale: Sale, *, rules: Rules, at: datetime) -> Occasion:
    reason = VOUCHER_REASON if sale.is_voucher else ""
    return Occasion(
        profile=profile,
        rules=rules,
        kind="receipt",
        purpose="purchase",
        period=Period(at, at),
        at=at,
        tax=TaxDecision(sale.tax_category, sale.tax_rate, reason),
        currency=LEDGER_CURRENCY,
        subject=sale.subject,
        reason=sale.reason,
    )


def _compose(occasion: Occasion, sale: Sale, kind: LineKind) -> Document:
    """The document, with the tax that was taken, whatever the rates say by now."""
    nano_per_cent = NANO_PER_USD // _CENTS
    net_nano = sale.net_minor * nano_per_cent
    line = amount_line(kind, kind, description=sale.description, net_nano=net_nano, period=occasion.period)
    document = compose(occasion, [line])
    tax_nano = sale.tax_minor * nano_per_cent
    return replace(
        document,
        taxes=tuple(replace(tax, tax_minor=sale.tax_minor) for tax in document.taxes),
        tax_minor=sale.tax_minor,
        tax_nano=tax_nano,
        total_minor=sale.net_minor + sale.tax_minor,
        total_nano=sale.net_minor * nano_per_cent + tax_nano,
    )


async def _write(connection: Connection, document: Document, rules: Rules, at: datetime) -> Document:
    numbered = await number_documents(connection, [document], formats=rules.numbers, at=at)
    await write_documents(connection, numbered)
    return numbered[0].document


async def _find(connection: Connection, purpose: Purpose, subject: str) -> str:
    row = await (await connection.execute(_FIND, (purpose, subject))).fetchone()
    return str(row[0]) if row else ""
