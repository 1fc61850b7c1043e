"""Invoice: the whole of a CII, in the order of its schema (Factur-X 1.09, profile EN 16931)."""

import xml.etree.ElementTree as ET
from datetime import date

from jeton.billing.paper.cii.elements import (
    add,
    add_date,
    add_text,
    render,
    render_amount,
    render_number,
    start,
)
from jeton.billing.paper.cii.limits import find_obstacle
from jeton.billing.paper.cii.lines import add_line
from jeton.billing.paper.errors import NotInvoiceDataError
from jeton.billing.paper.wording import CATEGORY_REASONS, first_day, last_day
from jeton.billing.words import Document, Party, TaxLine
from jeton.money import render_exact

GUIDELINE = "urn:cen.eu:en16931:2017"
# UNTDID 1001: commercial invoice, credit note. A receipt is an invoice that is paid.
_TYPE_CODES = {"invoice": "380", "receipt": "380", "credit_note": "381"}
# UNTDID 4461: SEPA transfer, any transfer.
_SEPA, _TRANSFER = "58", "30"
_REASON_CODES = {"AE": "VATEX-EU-AE", "O": "VATEX-EU-O"}
_PREFIX_LETTERS = 2


def render_xml(document: Document) -> bytes:
    """The document as EN 16931 CII, UTF-8; NotInvoiceDataError says what the standard cannot say."""
    obstacle = find_obstacle(document)
    if obstacle is not None or document.issued_on is None:
        raise NotInvoiceDataError(document.number, obstacle or "it is not issued.")
    root = start("rsm:CrossIndustryInvoice")
    context = add(root, "rsm:ExchangedDocumentContext")
    add(context, "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID", text=GUIDELINE)
    head = add(root, "rsm:ExchangedDocument")
    add(head, "ram:ID", text=document.number)
    add(head, "ram:TypeCode", text=_TYPE_CODES[document.kind])
    add_date(head, "ram:IssueDateTime", on=document.issued_on)
    for note in _notes(document):
        add_text(head, "ram:IncludedNote/ram:Content", text=note)
    transaction = add(root, "rsm:SupplyChainTradeTransaction")
    for line in document.sold_lines:
        add_line(transaction, document, line)
    _add_agreement(transaction, document)
    # What is used over a period is delivered with its last day.
    delivery = add(transaction, "ram:ApplicableHeaderTradeDelivery/ram:ActualDeliverySupplyChainEvent")
    add_date(delivery, "ram:OccurrenceDateTime", on=_period_end(document))
    _add_settlement(transaction, document)
    return render(root)


def _notes(document: Document) -> list[str]:
    notes = list(document.notes)
    if document.currency != "USD":
        notes.append(f"1 USD = {render_exact(document.rate)} {document.currency}")
    return notes


def _add_agreement(transaction: ET.Element, document: Document) -> None:
    agreement = add(transaction, "ram:ApplicableHeaderTradeAgreement")
    # Outside the scope of VAT neither party may show a VAT number (BR-O-02).
    has_vat = all(tax.category != "O" for tax in document.taxes)
    _add_party(agreement, "ram:SellerTradeParty", document.seller, has_vat=has_vat)
    _add_party(agreement, "ram:BuyerTradeParty", document.buyer, has_vat=has_vat)
    add_text(agreement, "ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID", text=document.purchase_order)


def _add_party(agreement: ET.Element, name: str, party: Party, *, has_vat: bool) -> None:
    element = add(agreement, name)
    if not has_vat and not party.registration:
        add_text(element, "ram:ID", text=party.vat_number)
    add(element, "ram:Name", text=party.name)
    add_text(element, "ram:SpecifiedLegalOrganization/ram:ID", text=party.registration)
    address = add(element, "ram:PostalTradeAddress")
    add_text(address, "ram:PostcodeCode", text=party.postal_code)
    add_text(address, "ram:LineOne", text=party.street)
    add_text(address, "ram:CityName", text=party.city)
    add(address, "ram:CountryID", text=party.country)
    # An address for documents is one of the electronic address schemes (EM: mail).
    add_text(element, "ram:URIUniversalCommunication/ram:URIID", text=party.email, schemeID="EM")
    if has_vat and party.vat_number:
        number = "".join(party.vat_number.split())
        scheme = "VA" if number[:_PREFIX_LETTERS].isalpha() else "FC"
        add(element, "ram:SpecifiedTaxRegistration/ram:ID", text=number, schemeID=scheme)


def _add_settlement(transaction: ET.Element, document: Document) -> None:
    settlement = add(transaction, "ram:ApplicableHeaderTradeSettlement")
    add_text(settlement, "ram:PaymentReference", text=document.remittance.reference or document.number)
    add(settlement, "ram:InvoiceCurrencyCode", text=document.currency)
    _add_payment_means(settlement, document)
    for tax in document.taxes:
        _add_tax(settlement, document, tax)
    period = add(settlement, "ram:BillingSpecifiedPeriod")
    add_date(period, "ram:StartDateTime", on=first_day(document.period_from, document.zone))
    add_date(period, "ram:EndDateTime", on=_period_end(document))
    if document.due_on is not None or document.terms or document.total_minor > document.paid_minor:
        terms = add(settlement, "ram:SpecifiedTradePaymentTerms")
        is_bare = document.due_on is None and not document.terms
        add_text(terms, "ram:Description", text="Due on receipt" if is_bare else document.terms)
        if document.due_on is not None:
            add_date(terms, "ram:DueDateDateTime", on=document.due_on)
    _add_totals(settlement, document)
    if document.corrects:
        reference = add(settlement, "ram:InvoiceReferencedDocument")
        add(reference, "ram:IssuerAssignedID", text=document.corrects)
        if document.corrects_on is not None:
            add_date(reference, "ram:FormattedIssueDateTime", on=document.corrects_on, prefix="qdt")


def _period_end(document: Document) -> date:
    first = first_day(document.period_from, document.zone)
    return max(first, last_day(document.period_to, document.zone))


def _add_payment_means(settlement: ET.Element, document: Document) -> None:
    to = document.remittance
    account = "".join((to.iban or to.account_number).split())
    if not account or document.kind != "invoice":
        return
    means = add(settlement, "ram:SpecifiedTradeSettlementPaymentMeans")
    add(means, "ram:TypeCode", text=_SEPA if to.iban and document.currency == "EUR" else _TRANSFER)
    creditor = add(means, "ram:PayeePartyCreditorFinancialAccount")
    if to.iban:
        add(creditor, "ram:IBANID", text=account)
    add_text(creditor, "ram:AccountName", text=to.account_holder)
    if not to.iban:
        add(creditor, "ram:ProprietaryID", text=account)
    add_text(means, "ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID", text="".join(to.bic.split()))


def _add_tax(settlement: ET.Element, document: Document, tax: TaxLine) -> None:
    element = add(settlement, "ram:ApplicableTradeTax")
    add(element, "ram:CalculatedAmount", text=render_amount(tax.tax_minor, document.currency))
    add(element, "ram:TypeCode", text="VAT")
    if tax.category in ("AE", "E", "O"):
        add(element, "ram:ExemptionReason", text=tax.reason or CATEGORY_REASONS[tax.category])
    add(element, "ram:BasisAmount", text=render_amount(tax.taxable_minor, document.currency))
    add(element, "ram:CategoryCode", text=tax.category)
    add_text(element, "ram:ExemptionReasonCode", text=_REASON_CODES.get(tax.category, ""))
    if tax.category != "O":
        add(element, "ram:RateApplicablePercent", text=render_number(tax.rate * 100))


def _add_totals(settlement: ET.Element, document: Document) -> None:
    """The sums; what credit paid that is taxed at its use is an amount paid before (BT-113), no line."""
    currency, voucher_minor = document.currency, document.voucher_minor
    net_minor = document.lines_minor + voucher_minor
    totals = add(settlement, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    add(totals, "ram:LineTotalAmount", text=render_amount(net_minor, currency))
    add(totals, "ram:TaxBasisTotalAmount", text=render_amount(net_minor, currency))
    add(totals, "ram:TaxTotalAmount", text=render_amount(document.tax_minor, currency), currencyID=currency)
    add(totals, "ram:GrandTotalAmount", text=render_amount(document.total_minor + voucher_minor, currency))
    add(totals, "ram:TotalPrepaidAmount", text=render_amount(document.paid_minor + voucher_minor, currency))
    due_minor = document.total_minor - document.paid_minor
    add(totals, "ram:DuePayableAmount", text=render_amount(due_minor, currency))
