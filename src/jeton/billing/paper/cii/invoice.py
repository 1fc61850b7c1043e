"""Invoice: the whole of a CII, in the order of its schema (Factur-X 1.09, profile EN 16931)."""

import xml.etree.ElementTree as ET
from datetime import date

from jeton.billing.paper.cii.lines import add_line
from jeton.billing.paper.standard.elements import add, add_text, render, start
from jeton.billing.paper.standard.stating import state
from jeton.billing.paper.standard.words import StatedMeans, StatedParty, StatedTax, Statement
from jeton.billing.words import Document

GUIDELINE = "urn:cen.eu:en16931:2017"
NAMESPACES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}


def render_xml(document: Document) -> bytes:
    """The document as EN 16931 CII, UTF-8; NotInvoiceDataError says what the standard cannot say."""
    stated = state(document)
    root = start("rsm:CrossIndustryInvoice")
    context = add(root, "rsm:ExchangedDocumentContext")
    add(context, "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID", text=GUIDELINE)
    head = add(root, "rsm:ExchangedDocument")
    add(head, "ram:ID", text=stated.number)
    add(head, "ram:TypeCode", text=stated.type_code)
    _add_date(head, "ram:IssueDateTime", on=stated.issued_on)
    for note in stated.notes:
        add_text(head, "ram:IncludedNote/ram:Content", text=note)
    transaction = add(root, "rsm:SupplyChainTradeTransaction")
    for line in stated.lines:
        add_line(transaction, line)
    agreement = add(transaction, "ram:ApplicableHeaderTradeAgreement")
    _add_party(agreement, "ram:SellerTradeParty", stated.seller)
    _add_party(agreement, "ram:BuyerTradeParty", stated.buyer)
    add_text(agreement, "ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID", text=stated.purchase_order)
    # What is used over a period is delivered with its last day.
    delivery = add(transaction, "ram:ApplicableHeaderTradeDelivery/ram:ActualDeliverySupplyChainEvent")
    _add_date(delivery, "ram:OccurrenceDateTime", on=stated.last_on)
    _add_settlement(transaction, stated)
    return render(root, NAMESPACES)


def _add_date(parent: ET.Element, path: str, *, on: date, prefix: str = "udt") -> None:
    """A date as CII writes it: ``20261115``, format 102."""
    add(parent, f"{path}/{prefix}:DateTimeString", text=f"{on:%Y%m%d}", format="102")


def _add_party(agreement: ET.Element, name: str, party: StatedParty) -> None:
    element = add(agreement, name)
    add_text(element, "ram:ID", text=party.identifier)
    add(element, "ram:Name", text=party.name)
    add_text(element, "ram:SpecifiedLegalOrganization/ram:ID", text=party.registration)
    address = add(element, "ram:PostalTradeAddress")
    add_text(address, "ram:PostcodeCode", text=party.postal_code)
    add_text(address, "ram:LineOne", text=party.street)
    add_text(address, "ram:CityName", text=party.city)
    add(address, "ram:CountryID", text=party.country)
    # An address for documents is one of the electronic address schemes (EM: mail).
    add_text(element, "ram:URIUniversalCommunication/ram:URIID", text=party.email, schemeID="EM")
    scheme = "VA" if party.is_vat else "FC"
    add_text(element, "ram:SpecifiedTaxRegistration/ram:ID", text=party.tax_number, schemeID=scheme)


def _add_settlement(transaction: ET.Element, stated: Statement) -> None:
    settlement = add(transaction, "ram:ApplicableHeaderTradeSettlement")
    add_text(settlement, "ram:PaymentReference", text=stated.payment_reference)
    add(settlement, "ram:InvoiceCurrencyCode", text=stated.currency)
    if stated.means is not None:
        _add_payment_means(settlement, stated.means)
    for tax in stated.taxes:
        _add_tax(settlement, tax)
    period = add(settlement, "ram:BillingSpecifiedPeriod")
    _add_date(period, "ram:StartDateTime", on=stated.first_on)
    _add_date(period, "ram:EndDateTime", on=stated.last_on)
    if stated.due_on is not None or stated.terms:
        terms = add(settlement, "ram:SpecifiedTradePaymentTerms")
        add(terms, "ram:Description", text=stated.terms)
        if stated.due_on is not None:
            _add_date(terms, "ram:DueDateDateTime", on=stated.due_on)
    _add_totals(settlement, stated)
    if stated.corrects:
        reference = add(settlement, "ram:InvoiceReferencedDocument")
        add(reference, "ram:IssuerAssignedID", text=stated.corrects)
        if stated.corrects_on is not None:
            _add_date(reference, "ram:FormattedIssueDateTime", on=stated.corrects_on, prefix="qdt")


def _add_payment_means(settlement: ET.Element, stated: StatedMeans) -> None:
    means = add(settlement, "ram:SpecifiedTradeSettlementPaymentMeans")
    add(means, "ram:TypeCode", text=stated.code)
    creditor = add(means, "ram:PayeePartyCreditorFinancialAccount")
    if stated.is_iban:
        add(creditor, "ram:IBANID", text=stated.account)
    add_text(creditor, "ram:AccountName", text=stated.holder)
    if not stated.is_iban:
        add(creditor, "ram:ProprietaryID", text=stated.account)
    add_text(means, "ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID", text=stated.bic)


def _add_tax(settlement: ET.Element, tax: StatedTax) -> None:
    element = add(settlement, "ram:ApplicableTradeTax")
    add(element, "ram:CalculatedAmount", text=tax.tax)
    add(element, "ram:TypeCode", text="VAT")
    add_text(element, "ram:ExemptionReason", text=tax.reason)
    add(element, "ram:BasisAmount", text=tax.taxable)
    add(element, "ram:CategoryCode", text=tax.category)
    add_text(element, "ram:ExemptionReasonCode", text=tax.reason_code)
    add_text(element, "ram:RateApplicablePercent", text=tax.rate)


def _add_totals(settlement: ET.Element, stated: Statement) -> None:
    totals = add(settlement, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    add(totals, "ram:LineTotalAmount", text=stated.net)
    add(totals, "ram:TaxBasisTotalAmount", text=stated.net)
    add(totals, "ram:TaxTotalAmount", text=stated.tax, currencyID=stated.currency)
    add(totals, "ram:GrandTotalAmount", text=stated.total)
    add(totals, "ram:TotalPrepaidAmount", text=stated.prepaid)
    add(totals, "ram:DuePayableAmount", text=stated.due)
