"""Lines of a CII: quantity x price, each discount as an allowance, and where the ledger has it."""

import xml.etree.ElementTree as ET

from jeton.billing.paper.standard.elements import add, add_text
from jeton.billing.paper.standard.words import PIECE, StatedLine, StatedStep


def add_line(parent: ET.Element, line: StatedLine) -> None:
    """One line of a document, below its transaction."""
    item = add(parent, "ram:IncludedSupplyChainTradeLineItem")
    about = add(item, "ram:AssociatedDocumentLineDocument")
    add(about, "ram:LineID", text=line.line_id)
    add_text(about, "ram:IncludedNote/ram:Content", text=line.note)
    product = add(item, "ram:SpecifiedTradeProduct")
    add_text(product, "ram:SellerAssignedID", text=line.item_id)
    add(product, "ram:Name", text=line.name)
    for name, value in line.attributes:
        characteristic = add(product, "ram:ApplicableProductCharacteristic")
        add(characteristic, "ram:Description", text=name)
        add(characteristic, "ram:Value", text=value)
    agreed = add(item, "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice")
    add(agreed, "ram:ChargeAmount", text=line.price)
    add(agreed, "ram:BasisQuantity", text=line.per, unitCode=PIECE)
    add(item, "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity", text=line.quantity, unitCode=PIECE)
    settlement = add(item, "ram:SpecifiedLineTradeSettlement")
    tax = add(settlement, "ram:ApplicableTradeTax")
    add(tax, "ram:TypeCode", text="VAT")
    add(tax, "ram:CategoryCode", text=line.category)
    add_text(tax, "ram:RateApplicablePercent", text=line.rate)
    for step in line.steps:
        _add_step(settlement, step)
    total = "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount"
    add(settlement, total, text=line.net)
    add_text(settlement, "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID", text=line.cost_center)


def _add_step(settlement: ET.Element, stated: StatedStep) -> None:
    step = add(settlement, "ram:SpecifiedTradeAllowanceCharge")
    add(step, "ram:ChargeIndicator/udt:Indicator", text="true" if stated.is_charge else "false")
    add(step, "ram:ActualAmount", text=stated.amount)
    add_text(step, "ram:ReasonCode", text=stated.reason_code)
    add(step, "ram:Reason", text=stated.reason)
