"""Receipting: the documents of payments, as hooks of the transactions that book them.

A purchase has a receipt, a refund a credit note on it; credit that is sold without tax is noted. Where a
refund that was booked did not arrive, the credit is the organization's again, and so is a receipt of it.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.purchases import Sale, issue_purchase_receipt, issue_refund_note
from jeton.billing.invoicing.tax import decide_tax
from jeton.billing.invoicing.words import Rules
from jeton.billing.payments.storage import get_payment
from jeton.billing.payments.words import Hooks, Payment, PaymentHook, Purpose, Refund
from jeton.db.pool import Connection
from jeton.money import display_usd, render_exact

_NOTE = """
    INSERT INTO vouchers (lot_id, organization_id, payment_id, sold_at, evidence) VALUES (%s, %s, %s, %s, %s)
"""
_BUYING: tuple[Purpose, ...] = ("purchase", "reload")


def with_receipts(hooks: Hooks, rules: Rules) -> Hooks:
    """These hooks, and the documents of what was bought and paid back."""
    settled: dict[Purpose, PaymentHook] = {**hooks.settled}
    for purpose in _BUYING:
        settled[purpose] = _after(hooks.settled, purpose, rules)

    async def note(connection: Connection, refund: Refund, at: datetime) -> None:
        if hooks.refunded is not None:
            await hooks.refunded(connection, refund, at)
        payment = await get_payment(connection, refund.payment_id)
        if payment.lot_id is None or not refund.net_minor + refund.tax_minor:
            # A document's money, or money for what was used: what was sold stays sold.
            return
        sale = _sale_of(payment, refund.refund_id, net_minor=refund.net_minor, tax_minor=refund.tax_minor)
        if refund.state == "failed":
            again = replace(sale, description=f"Refund that did not arrive: {refund.failure_reason}"[:300])
            await issue_purchase_receipt(connection, again, rules=rules, at=at)
            return
        back = replace(sale, description=f"Refund of {display_usd(refund.credit_nano)} of credit")
        await issue_refund_note(connection, back, payment_id=refund.payment_id, rules=rules, at=at)

    return replace(hooks, settled=settled, refunded=note)


def _after(settled: Mapping[Purpose, PaymentHook], purpose: Purpose, rules: Rules) -> PaymentHook:
    """The hook that was there, and then the receipt."""
    before = settled.get(purpose)

    async def receive(connection: Connection, payment: Payment, at: datetime) -> None:
        if before is not None:
            await before(connection, payment, at)
        if payment.tax_point == "use":
            await _note_voucher(connection, payment, rules, at)
        sale = _sale_of(payment, payment.payment_id, net_minor=payment.net_minor, tax_minor=payment.tax_minor)
        await issue_purchase_receipt(connection, sale, rules=rules, at=at)

    return receive


async def _note_voucher(connection: Connection, payment: Payment, rules: Rules, at: datetime) -> None:
    """That its lot was sold without tax, with what shows why: parties, places, and the tax of its use."""
    profile = await get_profile(connection, payment.organization_id)
    on = at.astimezone(ZoneInfo(profile.zone)).date()
    decision = decide_tax(rules, profile, on)
    evidence = {
        "on": on.isoformat(),
        "seller": asdict(rules.seller),
        "buyer": asdict(profile.buyer),
        "agreed_category": profile.tax_category,
        "tax_of_use": {
            "category": decision.category,
            "rate": render_exact(decision.rate),
            "reason": decision.reason,
        },
        "paid": {"amount_minor": payment.net_minor, "currency": payment.currency},
    }
    values = (payment.lot_id, payment.organization_id, payment.payment_id, at, Jsonb(evidence))
    await connection.execute(_NOTE, values)


def _sale_of(payment: Payment, subject: str, *, net_minor: int, tax_minor: int) -> Sale:
    given = f", and {display_usd(payment.given_nano)} on top" if payment.given_nano else ""
    return Sale(
        organization_id=payment.organization_id,
        subject=subject,
        description=f"{display_usd(payment.credit_nano)} of credit{given}",
        net_minor=net_minor,
        tax_minor=tax_minor,
        tax_category=payment.tax_category,  # type: ignore[arg-type] # stored as it was decided here
        tax_rate=Fraction(payment.tax_rate),
        is_voucher=payment.tax_point == "use",
    )
