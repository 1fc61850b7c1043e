"""Lines of an invoice or a credit note in UBL, and the category of tax, which both levels have."""

import xml.etree.ElementTree as ET

from jeton.billing.paper.standard.elements import add, add_text
from jeton.billing.paper.standard.words import PIECE, StatedLine, StatedTax, Statement

_NAMES = {
    "invoice": ("cac:InvoiceLine", "cbc:InvoicedQuantity"),
    "credit_note": ("cac:CreditNoteLine", "cbc:CreditedQuantity"),
}


def add_line(root: ET.Element, line: StatedLine, stated: Statement) -> None:
    """One line of a document, below its root."""
    name, counted = _NAMES[stated.form]
    item = add(root, name)
    add(item, "cbc:ID", text=line.line_id)
    add_text(item, "cbc:Note", text=line.note)
    add(item, counted, text=line.quantity, unitCode=PIECE)
    add(item, "cbc:LineExtensionAmount", text=line.net, currencyID=stated.currency)
    add_text(item, "cbc:AccountingCost", text=line.cost_center)
    for step in line.steps:
        element = add(item, "cac:AllowanceCharge")
        add(element, "cbc:ChargeIndicator", text="true" if step.is_charge else "false")
        add_text(element, "cbc:AllowanceChargeReasonCode", text=step.reason_code)
        add(element, "cbc:AllowanceChargeReason", text=step.reason)
        add(element, "cbc:Amount", text=step.amount, currencyID=stated.currency)
    product = add(item, "cac:Item")
    add(product, "cbc:Name", text=line.name)
    add_text(product, "cac:SellersItemIdentification/cbc:ID", text=line.item_id)
    add_tax_category(product, "cac:ClassifiedTaxCategory", line)
    for label, value in line.attributes:
        attribute = add(product, "cac:AdditionalItemProperty")
        add(attribute, "cbc:Name", text=label)
        add(attribute, "cbc:Value", text=value)
    price = add(item, "cac:Price")
    add(price, "cbc:PriceAmount", text=line.price, currencyID=stated.currency)
    add(price, "cbc:BaseQuantity", text=line.per, unitCode=PIECE)


def add_tax_category(parent: ET.Element, name: str, stated: StatedLine | StatedTax) -> None:
    """A category of VAT with its rate; of a sum of tax with the reason why there is none."""
    category = add(parent, name)
    add(category, "cbc:ID", text=stated.category)
    add_text(category, "cbc:Percent", text=stated.rate)
    if isinstance(stated, StatedTax):
        add_text(category, "cbc:TaxExemptionReasonCode", text=stated.reason_code)
        add_text(category, "cbc:TaxExemptionReason", text=stated.reason)
    add(category, "cac:TaxScheme/cbc:ID", text="VAT")
