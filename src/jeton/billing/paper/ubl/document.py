"""Document: the whole of an invoice or a credit note in UBL 2.1, in the order of its two schemas.

It says what the CII says, from the same statement. Where EN 16931 leaves a choice it is as Peppol BIS Billing
3.0 wants it: one note, one sum of tax, electronic addresses, no empty elements.
"""

import xml.etree.ElementTree as ET

from jeton.billing.paper.standard.elements import add, add_text, render, start
from jeton.billing.paper.standard.stating import state
from jeton.billing.paper.standard.words import StatedMeans, StatedParty, StatedTax, Statement
from jeton.billing.paper.ubl.lines import add_line, add_tax_category
from jeton.billing.words import Document

CUSTOMIZATION = "urn:cen.eu:en16931:2017"
_SCHEMA = "urn:oasis:names:specification:ubl:schema:xsd:"
_ROOTS = {"invoice": "Invoice", "credit_note": "CreditNote"}
_PARTS = {"cac": f"{_SCHEMA}CommonAggregateComponents-2", "cbc": f"{_SCHEMA}CommonBasicComponents-2"}
# A tax number that is not one for VAT (BT-32) goes by any other scheme.
_VAT, _OTHER_TAX = "VAT", "TAX"


def render_ubl(document: Document) -> bytes:
    """The document as EN 16931 UBL, UTF-8; NotInvoiceDataError says what the standard cannot say."""
    stated = state(document)
    name = _ROOTS[stated.form]
    root = start(name)
    _add_head(root, stated)
    period = add(root, "cac:InvoicePeriod")
    add(period, "cbc:StartDate", text=stated.first_on.isoformat())
    add(period, "cbc:EndDate", text=stated.last_on.isoformat())
    add_text(root, "cac:OrderReference/cbc:ID", text=stated.purchase_order)
    if stated.corrects:
        reference = add(root, "cac:BillingReference/cac:InvoiceDocumentReference")
        add(reference, "cbc:ID", text=stated.corrects)
        if stated.corrects_on is not None:
            add(reference, "cbc:IssueDate", text=stated.corrects_on.isoformat())
    _add_party(root, "cac:AccountingSupplierParty/cac:Party", stated.seller)
    _add_party(root, "cac:AccountingCustomerParty/cac:Party", stated.buyer)
    # What is used over a period is delivered with its last day.
    add(root, "cac:Delivery/cbc:ActualDeliveryDate", text=stated.last_on.isoformat())
    if stated.means is not None:
        _add_means(root, stated.means, stated.payment_reference)
    add_text(root, "cac:PaymentTerms/cbc:Note", text=stated.terms)
    _add_taxes(root, stated)
    _add_totals(root, stated)
    for line in stated.lines:
        add_line(root, line, stated)
    return render(root, {"": f"{_SCHEMA}{name}-2", **_PARTS})


def _add_head(root: ET.Element, stated: Statement) -> None:
    note = " · ".join(stated.notes)
    add(root, "cbc:CustomizationID", text=CUSTOMIZATION)
    add(root, "cbc:ID", text=stated.number)
    add(root, "cbc:IssueDate", text=stated.issued_on.isoformat())
    if stated.form == "invoice":
        if stated.due_on is not None:
            add(root, "cbc:DueDate", text=stated.due_on.isoformat())
        add(root, "cbc:InvoiceTypeCode", text=stated.type_code)
    else:
        add(root, "cbc:CreditNoteTypeCode", text=stated.type_code)
    add_text(root, "cbc:Note", text=note)
    add(root, "cbc:DocumentCurrencyCode", text=stated.currency)


def _add_party(root: ET.Element, path: str, stated: StatedParty) -> None:
    party = add(root, path)
    # An address for documents is one of the electronic address schemes (EM: mail).
    add_text(party, "cbc:EndpointID", text=stated.email, schemeID="EM")
    add_text(party, "cac:PartyIdentification/cbc:ID", text=stated.identifier)
    address = add(party, "cac:PostalAddress")
    add_text(address, "cbc:StreetName", text=stated.street)
    add_text(address, "cbc:CityName", text=stated.city)
    add_text(address, "cbc:PostalZone", text=stated.postal_code)
    add(address, "cac:Country/cbc:IdentificationCode", text=stated.country)
    if stated.tax_number:
        scheme = add(party, "cac:PartyTaxScheme")
        add(scheme, "cbc:CompanyID", text=stated.tax_number)
        add(scheme, "cac:TaxScheme/cbc:ID", text=_VAT if stated.is_vat else _OTHER_TAX)
    entity = add(party, "cac:PartyLegalEntity")
    add(entity, "cbc:RegistrationName", text=stated.name)
    add_text(entity, "cbc:CompanyID", text=stated.registration)


def _add_means(root: ET.Element, stated: StatedMeans, reference: str) -> None:
    means = add(root, "cac:PaymentMeans")
    add(means, "cbc:PaymentMeansCode", text=stated.code)
    add_text(means, "cbc:PaymentID", text=reference)
    account = add(means, "cac:PayeeFinancialAccount")
    add(account, "cbc:ID", text=stated.account)
    add_text(account, "cbc:Name", text=stated.holder)
    add_text(account, "cac:FinancialInstitutionBranch/cbc:ID", text=stated.bic)


def _add_taxes(root: ET.Element, stated: Statement) -> None:
    total = add(root, "cac:TaxTotal")
    add(total, "cbc:TaxAmount", text=stated.tax, currencyID=stated.currency)
    for tax in stated.taxes:
        _add_tax(total, tax, stated.currency)


def _add_tax(total: ET.Element, tax: StatedTax, currency: str) -> None:
    part = add(total, "cac:TaxSubtotal")
    add(part, "cbc:TaxableAmount", text=tax.taxable, currencyID=currency)
    add(part, "cbc:TaxAmount", text=tax.tax, currencyID=currency)
    add_tax_category(part, "cac:TaxCategory", tax)


def _add_totals(root: ET.Element, stated: Statement) -> None:
    totals = add(root, "cac:LegalMonetaryTotal")
    for name, amount in (
        ("LineExtensionAmount", stated.net),
        ("TaxExclusiveAmount", stated.net),
        ("TaxInclusiveAmount", stated.total),
        ("PrepaidAmount", stated.prepaid),
        ("PayableAmount", stated.due),
    ):
        add(totals, f"cbc:{name}", text=amount, currencyID=stated.currency)
