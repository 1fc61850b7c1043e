"""Taxing: the tax on a purchase of credit, from the same rules that documents follow."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from jeton.billing.currencies import render_minor
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.rates import LEDGER_CURRENCY
from jeton.billing.invoicing.tax import NO_RATE, decide_tax
from jeton.billing.invoicing.words import Profile, Rules
from jeton.billing.payments.till import PaymentTax, TaxOf
from jeton.billing.taxation.errors import TaxAnswerError
from jeton.billing.taxation.words import AskedLine, TaxAnswer, TaxQuestion
from jeton.db.pool import Connection

# As much as a service may sum its tax otherwise (EN 16931, BR-CO-17).
OFF_MINOR_MAX = 1


def make_tax_of(rules: Rules) -> TaxOf:
    """The tax of an organization on what it buys, on the day that it is in its zone; rounded half-even once.

    Credit that is taxed at its use (a multi-purpose voucher) has none at its purchase. A tax service is asked
    where there is one (TaxUnaskedError, TaxAnswerError).
    """

    async def tax_of(
        connection: Connection, organization_id: UUID, net_minor: int, *, at: datetime
    ) -> PaymentTax:
        if rules.tax_point == "use":
            return PaymentTax("O", NO_RATE, 0, tax_point="use")
        profile = await get_profile(connection, organization_id)
        on = at.astimezone(ZoneInfo(profile.zone)).date()
        if rules.tax_desk is not None:
            answer = rules.tax_desk.get(_ask_about(rules, profile, net_minor, on), is_binding=True)
            if isinstance(answer, TaxAnswer):
                return _take(answer, net_minor)
        decision = decide_tax(rules, profile, on)
        return PaymentTax(decision.category, decision.rate, round(net_minor * decision.rate))

    return tax_of


def _ask_about(rules: Rules, profile: Profile, net_minor: int, on: date) -> TaxQuestion:
    amount = render_minor(net_minor, LEDGER_CURRENCY)
    return TaxQuestion(
        kind="receipt",
        purpose="purchase",
        organization_id=str(profile.organization_id),
        currency=LEDGER_CURRENCY,
        on=on.isoformat(),
        seller=rules.seller,
        buyer=profile.buyer,
        place_of_supply=profile.country or rules.seller.country,
        agreed_category=profile.tax_category,
        is_tax_included=False,
        net_amount=amount,
        lines=(AskedLine("1", "top_up", "Credit that is bought", amount),),
    )


def _take(answer: TaxAnswer, net_minor: int) -> PaymentTax:
    """The one tax of a purchase; TaxAnswerError for several, or for an amount that its rate contradicts."""
    if len(answer.taxes) != 1:
        raise TaxAnswerError("a purchase of credit has one tax.")
    (tax,) = answer.taxes
    tax_minor = round(net_minor * tax.rate)
    said_minor = tax_minor if tax.tax_minor is None else tax.tax_minor
    if abs(said_minor - tax_minor) > OFF_MINOR_MAX:
        raise TaxAnswerError(f"it says {said_minor} cents of tax where its rate comes to {tax_minor}.")
    return PaymentTax(tax.category, tax.rate, said_minor)
