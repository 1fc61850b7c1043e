"""Taxing: the tax on a purchase of credit, from the same rules that documents follow."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.tax import NO_RATE, decide_tax
from jeton.billing.invoicing.words import Rules
from jeton.billing.payments.till import PaymentTax, TaxOf
from jeton.db.pool import Connection


def make_tax_of(rules: Rules) -> TaxOf:
    """The tax of an organization on what it buys, on the day that it is in its zone; rounded half-even once.

    Credit that is taxed at its use (a multi-purpose voucher) has none at its purchase.
    """

    async def tax_of(
        connection: Connection, organization_id: UUID, net_minor: int, *, at: datetime
    ) -> PaymentTax:
        if rules.tax_point == "use":
            return PaymentTax("O", NO_RATE, 0)
        profile = await get_profile(connection, organization_id)
        decision = decide_tax(rules, profile, at.astimezone(ZoneInfo(profile.zone)).date())
        return PaymentTax(decision.category, decision.rate, round(net_minor * decision.rate))

    return tax_of
