"""Stating: from a document to what EN 16931 says of it; every figure is the document's.

A price is never below zero (BR-27): less of something is a quantity below zero. A discount is an allowance
and a surcharge a charge, both above zero, whichever way the line goes.
"""

from fractions import Fraction

from jeton.billing.currencies import minor_digits
from jeton.billing.paper.errors import NotInvoiceDataError
from jeton.billing.paper.standard.figures import render_amount, render_number
from jeton.billing.paper.standard.limits import find_obstacle
from jeton.billing.paper.standard.words import (
    StatedLine,
    StatedMeans,
    StatedParty,
    StatedStep,
    StatedTax,
    Statement,
)
from jeton.billing.paper.wording import (
    CATEGORY_REASONS,
    describe_factor,
    describe_line,
    first_day,
    is_counted,
    last_day,
    name_step,
    price_of,
)
from jeton.billing.words import Discount, Document, Line, Party, TaxLine
from jeton.money import render_exact, render_usd

# UNTDID 1001: commercial invoice, credit note. A receipt is an invoice that is paid.
_TYPE_CODES = {"invoice": "380", "receipt": "380", "credit_note": "381"}
# UNTDID 4461: SEPA transfer, any transfer.
_SEPA, _TRANSFER = "58", "30"
_REASON_CODES = {"AE": "VATEX-EU-AE", "O": "VATEX-EU-O"}
_REASONED = frozenset({"AE", "E", "O"})
_PREFIX_LETTERS = 2
# UNTDID 5189: discount.
_DISCOUNT = "95"


def state(document: Document) -> Statement:
    """What the standard says of a document; NotInvoiceDataError says what it cannot say."""
    obstacle = find_obstacle(document)
    if obstacle is not None or document.issued_on is None:
        raise NotInvoiceDataError(document.number, obstacle or "it is not issued.")
    currency, voucher_minor = document.currency, document.voucher_minor
    # What credit paid that is taxed at its use is an amount paid before (BT-113), no line.
    net = render_amount(document.lines_minor + voucher_minor, currency)
    first_on = first_day(document.period_from, document.zone)
    # Outside the scope of VAT neither party may show a VAT number (BR-O-02).
    has_vat = all(tax.category != "O" for tax in document.taxes)
    return Statement(
        form="credit_note" if document.kind == "credit_note" else "invoice",
        type_code=_TYPE_CODES[document.kind],
        number=document.number,
        issued_on=document.issued_on,
        due_on=document.due_on,
        first_on=first_on,
        last_on=max(first_on, last_day(document.period_to, document.zone)),
        notes=_notes(document),
        currency=currency,
        purchase_order=document.purchase_order,
        payment_reference=document.remittance.reference or document.number,
        terms=_terms(document),
        seller=_party(document.seller, has_vat=has_vat),
        buyer=_party(document.buyer, has_vat=has_vat),
        means=_means(document),
        corrects=document.corrects,
        corrects_on=document.corrects_on,
        taxes=tuple(_tax(document, tax) for tax in document.taxes),
        lines=tuple(_line(document, line) for line in document.sold_lines),
        net=net,
        tax=render_amount(document.tax_minor, currency),
        total=render_amount(document.total_minor + voucher_minor, currency),
        prepaid=render_amount(document.paid_minor + voucher_minor, currency),
        due=render_amount(document.total_minor - document.paid_minor, currency),
    )


def _notes(document: Document) -> tuple[str, ...]:
    if document.currency == "USD":
        return document.notes
    return (*document.notes, f"1 USD = {render_exact(document.rate)} {document.currency}")


def _terms(document: Document) -> str:
    """What is still to be paid needs terms or a day (BR-CO-25)."""
    if document.terms or document.due_on is not None or document.total_minor <= document.paid_minor:
        return document.terms
    return "Due on receipt"


def _party(party: Party, *, has_vat: bool) -> StatedParty:
    number = "".join(party.vat_number.split()) if has_vat else ""
    return StatedParty(
        name=party.name,
        identifier="" if has_vat or party.registration else party.vat_number,
        registration=party.registration,
        street=party.street,
        city=party.city,
        postal_code=party.postal_code,
        country=party.country,
        email=party.email,
        tax_number=number,
        is_vat=number[:_PREFIX_LETTERS].isalpha(),
    )


def _means(document: Document) -> StatedMeans | None:
    to = document.remittance
    account = "".join((to.iban or to.account_number).split())
    if not account or document.kind != "invoice":
        return None
    return StatedMeans(
        code=_SEPA if to.iban and document.currency == "EUR" else _TRANSFER,
        account=account,
        is_iban=bool(to.iban),
        holder=to.account_holder,
        bic="".join(to.bic.split()),
    )


def _tax(document: Document, tax: TaxLine) -> StatedTax:
    is_reasoned = tax.category in _REASONED
    return StatedTax(
        category=tax.category,
        rate=_rate(tax.category, tax.rate),
        taxable=render_amount(tax.taxable_minor, document.currency),
        tax=render_amount(tax.tax_minor, document.currency),
        reason=(tax.reason or CATEGORY_REASONS[tax.category]) if is_reasoned else "",
        reason_code=_REASON_CODES.get(tax.category, ""),
    )


def _rate(category: str, rate: Fraction) -> str:
    return "" if category == "O" else render_number(rate * 100)


def _line(document: Document, line: Line) -> StatedLine:
    price, per, quantity = _price(document, line)
    parts = (line.model, describe_line(line) or line.description or line.kind)
    return StatedLine(
        line_id=line.line_id,
        note=f"Corrects {line.corrects}" if line.corrects else "",
        item_id=line.price_version_id,
        name=", ".join(part for part in parts if part),
        attributes=_attributes(line),
        price=render_number(price),
        per=str(per),
        quantity=str(quantity),
        category=line.tax_category,
        rate=_rate(line.tax_category, line.tax_rate),
        steps=tuple(_step(document, discount) for discount in line.discounts),
        net=render_amount(line.net_minor, document.currency),
        cost_center=line.cost_center,
    )


def _step(document: Document, discount: Discount) -> StatedStep:
    is_charge = discount.amount_minor < 0
    return StatedStep(
        is_charge=is_charge,
        amount=render_amount(abs(discount.amount_minor), document.currency),
        reason_code="" if is_charge else _DISCOUNT,
        reason=f"{name_step(discount.name)} {describe_factor(discount.factor)}",
    )


def _price(document: Document, line: Line) -> tuple[Fraction, int, int]:
    """Price, for how many, and how many of them; what is not counted is one piece."""
    if is_counted(line):
        return price_of(document, line), line.per, line.quantity
    price = Fraction(abs(line.list_minor), 10 ** minor_digits(document.currency))
    return price, 1, -1 if line.list_minor < 0 else 1


def _attributes(line: Line) -> tuple[tuple[str, str], ...]:
    """What tells the line from others, and what the ledger has for it: dollars, to the nano."""
    found = (
        ("Workspace", line.workspace_name or line.workspace_id),
        ("Workspace id", line.workspace_id),
        ("Purchase order", line.purchase_order),
        ("Bucket", line.bucket),
        ("Conditions", line.conditions),
        ("Ledger USD", render_usd(line.net_nano)),
    )
    return tuple((name, value) for name, value in found if value)
