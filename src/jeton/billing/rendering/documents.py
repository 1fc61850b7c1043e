"""Documents as data: as pages' twins, the Admin API and the command line give them."""

from datetime import date, datetime

from jeton.billing.currencies import render_minor
from jeton.billing.words import Document, Line, Party, TaxLine
from jeton.money import render_exact, render_usd


def render_head(document: Document) -> dict[str, object]:
    """A document without its lines; amounts are in its currency, those in dollars say so."""
    currency = document.currency
    return {
        "type": document.kind,
        "id": document.document_id or None,
        "number": document.number or None,
        "state": document.state,
        "purpose": document.purpose,
        "organization_id": str(document.organization_id),
        "currency": currency,
        "exchange_rate": render_exact(document.rate),
        "period_from": document.period_from.isoformat(),
        "period_to": document.period_to.isoformat(),
        "time_zone": document.zone,
        "issued_at": _render_time(document.issued_at),
        "issued_on": _render_day(document.issued_on),
        "due_on": _render_day(document.due_on),
        "lines_amount": render_minor(document.lines_minor, currency),
        "tax_amount": render_minor(document.tax_minor, currency),
        "total_amount": render_minor(document.total_minor, currency),
        "paid_amount": render_minor(document.paid_minor, currency),
        "credited_amount": render_minor(document.credited_minor, currency),
        "written_off_amount": render_minor(document.written_off_minor, currency),
        "due_amount": render_minor(document.due_minor, currency),
        "net_amount_usd": render_usd(document.net_nano),
        "total_amount_usd": render_usd(document.total_nano),
        "corrects": document.corrects or None,
        "replaces": document.replaces or None,
        "purchase_order": document.purchase_order,
        "reason": document.reason,
    }


def render_document(document: Document) -> dict[str, object]:
    """A document with its parties, lines and taxes."""
    return {
        **render_head(document),
        "seller": render_party(document.seller),
        "buyer": render_party(document.buyer),
        "terms": document.terms,
        "notes": list(document.notes),
        "prepaid_credit_amount": render_minor(document.voucher_minor, document.currency),
        "lines": [render_line(line, document.currency) for line in document.lines],
        "taxes": [_render_tax(tax, document.currency) for tax in document.taxes],
    }


def render_line(line: Line, currency: str) -> dict[str, object]:
    """A line: quantity x list rate (dollars for ``per`` units), less its discounts, is its net amount."""
    return {
        "id": line.line_id,
        "kind": line.kind,
        "description": line.description,
        "workspace_id": line.workspace_id or None,
        "workspace_name": line.workspace_name or None,
        "cost_center": line.cost_center,
        "purchase_order": line.purchase_order,
        "model": line.model or None,
        "bucket": line.bucket or None,
        "conditions": line.conditions,
        "price_version_id": line.price_version_id or None,
        "quantity": line.quantity,
        "per": line.per,
        "list_rate_usd": render_usd(line.list_rate),
        "list_amount_usd": render_usd(line.list_nano),
        "discounts": [
            {
                "stage": one.stage,
                "name": one.name,
                "factor": render_exact(one.factor),
                "amount_usd": render_usd(one.amount_nano),
                "amount": render_minor(one.amount_minor, currency),
            }
            for one in line.discounts
        ],
        "rounding_usd": render_usd(line.rounding_nano),
        "net_amount_usd": render_usd(line.net_nano),
        "list_amount": render_minor(line.list_minor, currency),
        "net_amount": render_minor(line.net_minor, currency),
        "tax_category": line.tax_category,
        "tax_rate": render_exact(line.tax_rate),
        "period_from": _render_time(line.period_from),
        "period_to": _render_time(line.period_to),
        "corrects": line.corrects or None,
    }


def render_party(party: Party) -> dict[str, object]:
    """Who sells or buys."""
    return {
        "name": party.name,
        "street": party.street,
        "city": party.city,
        "postal_code": party.postal_code,
        "country": party.country,
        "vat_number": party.vat_number,
        "registration": party.registration,
        "email": party.email,
    }


def _render_tax(tax: TaxLine, currency: str) -> dict[str, object]:
    return {
        "category": tax.category,
        "rate": render_exact(tax.rate),
        "taxable_amount": render_minor(tax.taxable_minor, currency),
        "tax_amount": render_minor(tax.tax_minor, currency),
        "reason": tax.reason,
        "reference": tax.reference or None,
    }


def _render_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _render_day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()
