"""Lines of a CII: quantity x price, each discount as an allowance, and where the ledger has it.

A price is never below zero (BR-27): less of something is a quantity below zero. A discount is an allowance
and a surcharge a charge, both above zero, whichever way the line goes.
"""

import xml.etree.ElementTree as ET
from fractions import Fraction

from jeton.billing.currencies import minor_digits
from jeton.billing.paper.cii.elements import add, add_text, render_amount, render_number
from jeton.billing.paper.wording import (
    describe_factor,
    describe_line,
    is_counted,
    name_step,
    price_of,
)
from jeton.billing.words import Discount, Document, Line
from jeton.money import render_usd

# Pieces (UN/ECE Recommendation 20); a token has no unit of its own.
_PIECE = "C62"
# UNTDID 5189: discount.
_DISCOUNT = "95"


def add_line(parent: ET.Element, document: Document, line: Line) -> None:
    """One line of a document, below its transaction."""
    item = add(parent, "ram:IncludedSupplyChainTradeLineItem")
    about = add(item, "ram:AssociatedDocumentLineDocument")
    add(about, "ram:LineID", text=line.line_id)
    add_text(about, "ram:IncludedNote/ram:Content", text=_note(line))
    product = add(item, "ram:SpecifiedTradeProduct")
    add_text(product, "ram:SellerAssignedID", text=line.price_version_id)
    add(product, "ram:Name", text=_name(line))
    for name, value in _characteristics(line):
        characteristic = add(product, "ram:ApplicableProductCharacteristic")
        add(characteristic, "ram:Description", text=name)
        add(characteristic, "ram:Value", text=value)
    price, per, quantity = _price(document, line)
    agreed = add(item, "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice")
    add(agreed, "ram:ChargeAmount", text=render_number(price))
    add(agreed, "ram:BasisQuantity", text=str(per), unitCode=_PIECE)
    add(item, "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity", text=str(quantity), unitCode=_PIECE)
    _add_settlement(item, document, line)


def _add_settlement(item: ET.Element, document: Document, line: Line) -> None:
    settlement = add(item, "ram:SpecifiedLineTradeSettlement")
    tax = add(settlement, "ram:ApplicableTradeTax")
    add(tax, "ram:TypeCode", text="VAT")
    add(tax, "ram:CategoryCode", text=line.tax_category)
    if line.tax_category != "O":
        add(tax, "ram:RateApplicablePercent", text=render_number(line.tax_rate * 100))
    for discount in line.discounts:
        _add_discount(settlement, document, discount)
    total = "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount"
    add(settlement, total, text=render_amount(line.net_minor, document.currency))
    add_text(settlement, "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID", text=line.cost_center)


def _add_discount(settlement: ET.Element, document: Document, discount: Discount) -> None:
    is_charge = discount.amount_minor < 0
    step = add(settlement, "ram:SpecifiedTradeAllowanceCharge")
    add(step, "ram:ChargeIndicator/udt:Indicator", text="true" if is_charge else "false")
    add(step, "ram:ActualAmount", text=render_amount(abs(discount.amount_minor), document.currency))
    if not is_charge:
        add(step, "ram:ReasonCode", text=_DISCOUNT)
    add(
        step,
        "ram:Reason",
        text=f"{name_step(discount.name)} {describe_factor(discount.factor)}",
    )


def _price(document: Document, line: Line) -> tuple[Fraction, int, int]:
    """Price, for how many, and how many of them; what is not counted is one piece."""
    if is_counted(line):
        return price_of(document, line), line.per, line.quantity
    price = Fraction(abs(line.list_minor), 10 ** minor_digits(document.currency))
    return price, 1, -1 if line.list_minor < 0 else 1


def _name(line: Line) -> str:
    parts = (line.model, describe_line(line) or line.description or line.kind)
    return ", ".join(part for part in parts if part)


def _note(line: Line) -> str:
    return f"Corrects {line.corrects}" if line.corrects else ""


def _characteristics(line: Line) -> list[tuple[str, str]]:
    """What tells the line from others, and what the ledger has for it: dollars, to the nano."""
    found = (
        ("Workspace", line.workspace_name or line.workspace_id),
        ("Workspace id", line.workspace_id),
        ("Purchase order", line.purchase_order),
        ("Bucket", line.bucket),
        ("Conditions", line.conditions),
        ("Ledger USD", render_usd(line.net_nano)),
    )
    return [(name, value) for name, value in found if value]
