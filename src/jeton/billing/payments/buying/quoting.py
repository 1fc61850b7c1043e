"""Quoting: what an amount of credit costs, tax included, before anybody pays."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from jeton.billing.payments.errors import PaymentAmountError
from jeton.billing.payments.till import USD_CENT_NANO, Till
from jeton.billing.payments.words import PaymentOrder, Purpose
from jeton.db.pool import Connection
from jeton.money import display_usd, divide_half_even, render_exact

CURRENCY = "USD"
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Quote:
    """What buying ``credit_nano`` costs: net, tax and total in minor units of ``currency``."""

    organization_id: UUID
    credit_nano: int
    given_nano: int
    currency: str
    net_minor: int
    tax_minor: int
    tax_category: str
    tax_rate: Fraction
    net_nano: int
    tax_nano: int
    expires_at: datetime | None
    tax_point: str = "purchase"

    @property
    def total_minor(self) -> int:
        """What is charged."""
        return self.net_minor + self.tax_minor


async def quote_credit(
    till: Till, connection: Connection, organization_id: UUID, *, credit_nano: int, at: datetime
) -> Quote:
    """What this credit costs now; PaymentAmountError outside the settings' limits, or for parts of cents."""
    terms = till.terms
    cents, rest = divmod(credit_nano, USD_CENT_NANO)
    if rest:
        raise PaymentAmountError("Credit is bought in whole cents.")
    if not terms.min_cents <= cents <= terms.max_cents:
        least, most = (display_usd(one * USD_CENT_NANO) for one in (terms.min_cents, terms.max_cents))
        raise PaymentAmountError(
            f"{display_usd(credit_nano)} of credit cannot be bought at once: from {least} to {most} can."
        )
    tax = await till.tax_of(connection, organization_id, cents, at=at)
    return Quote(
        organization_id=organization_id,
        credit_nano=credit_nano,
        given_nano=divide_half_even(credit_nano * terms.given_percent, _PERCENT),
        currency=CURRENCY,
        net_minor=cents,
        tax_minor=tax.tax_minor,
        tax_category=tax.category,
        tax_rate=tax.rate,
        net_nano=cents * USD_CENT_NANO,
        tax_nano=tax.tax_minor * USD_CENT_NANO,
        expires_at=at + timedelta(days=terms.credit_days) if terms.credit_days else None,
        tax_point=tax.tax_point,
    )


def order_credit(
    quote: Quote,
    purpose: Purpose,
    subject_id: str,
    *,
    is_off_session: bool,
    payment_method_id: str = "",
    started_by: str = "system",
) -> PaymentOrder:
    """The order that takes what was quoted."""
    return PaymentOrder(
        organization_id=quote.organization_id,
        purpose=purpose,
        subject_id=subject_id,
        currency=quote.currency,
        net_minor=quote.net_minor,
        net_nano=quote.net_nano,
        tax_minor=quote.tax_minor,
        tax_nano=quote.tax_nano,
        tax_category=quote.tax_category,
        tax_rate=render_exact(quote.tax_rate),
        tax_point=quote.tax_point,
        credit_nano=quote.credit_nano,
        given_nano=quote.given_nano,
        payment_method_id=payment_method_id,
        is_off_session=is_off_session,
        started_by=started_by,
    )
