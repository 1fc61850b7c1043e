"""Rows: a document and its lines as they are stored, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from jeton.billing.words import Discount, Document, Line, Party, Remittance, TaxLine
from jeton.money import render_exact

DOCUMENT_COLUMNS = (
    "document_id", "organization_id", "kind", "purpose", "state", "number", "series", "sequence", "seller",
    "buyer", "currency", "rate", "period_from", "period_to", "zone", "issued_at", "issued_on", "due_on",
    "purchase_order", "terms", "taxes", "notes", "remittance", "lines_count", "lines_minor", "tax_minor",
    "total_minor", "net_nano", "tax_nano", "total_nano", "accrued_nano", "owed_nano", "earned_nano",
    "transaction_id", "corrects", "replaces", "subject", "reason", "paid_minor", "credited_minor", "paid_at",
    "overdue_at", "voided_at", "booked_sequence",
)  # fmt: skip
LINE_COLUMNS = (
    "document_id", "position", "organization_id", "kind", "line_key", "period_from", "period_to",
    "description", "quantity", "per", "list_rate", "list_nano", "discounts", "rounding_nano", "net_nano",
    "list_minor", "net_minor", "tax_category", "tax_rate", "workspace_id", "workspace_name", "cost_center",
    "purchase_order", "model", "bucket", "price_version_id", "conditions", "corrects",
)  # fmt: skip

# Of a hundred thousand lines the rates and factors are few.
RATES_KEPT_MAX = 4096
_render_exact = lru_cache(maxsize=RATES_KEPT_MAX)(render_exact)


class DocumentRow(msgspec.Struct, frozen=True):
    """A document as it is stored, without its lines."""

    document_id: str
    organization_id: Any
    kind: Any
    purpose: Any
    state: Any
    number: str
    series: str
    sequence: int
    seller: Mapping[str, Any]
    buyer: Mapping[str, Any]
    currency: str
    rate: str
    period_from: datetime
    period_to: datetime
    zone: str
    issued_at: datetime
    issued_on: date
    due_on: date
    purchase_order: str
    terms: str
    taxes: list[Mapping[str, Any]]
    notes: list[str]
    remittance: Mapping[str, Any]
    lines_count: int
    lines_minor: int
    tax_minor: int
    total_minor: int
    net_nano: int
    tax_nano: int
    total_nano: int
    accrued_nano: int
    owed_nano: int
    earned_nano: int
    transaction_id: str | None
    corrects: str | None
    replaces: str | None
    subject: str
    reason: str
    paid_minor: int
    credited_minor: int
    paid_at: datetime | None
    overdue_at: datetime | None
    voided_at: datetime | None
    written_off_minor: int
    booked_sequence: int | None
    corrects_number: str | None
    corrects_on: date | None


def parse_document(row: DocumentRow, lines: tuple[Line, ...] = ()) -> Document:
    """The document of a row, with these lines."""
    return Document(
        document_id=row.document_id,
        kind=row.kind,
        state=row.state,
        number=row.number,
        organization_id=row.organization_id,
        seller=Party(**row.seller),
        buyer=Party(**row.buyer),
        currency=row.currency,
        rate=Fraction(row.rate),
        period_from=row.period_from,
        period_to=row.period_to,
        zone=row.zone,
        issued_at=row.issued_at,
        issued_on=row.issued_on,
        due_on=row.due_on,
        purchase_order=row.purchase_order,
        terms=row.terms,
        lines=lines,
        taxes=tuple(_parse_tax(one) for one in row.taxes),
        lines_minor=row.lines_minor,
        tax_minor=row.tax_minor,
        total_minor=row.total_minor,
        paid_minor=row.paid_minor,
        net_nano=row.net_nano,
        tax_nano=row.tax_nano,
        total_nano=row.total_nano,
        corrects=row.corrects_number or "",
        notes=tuple(row.notes),
        corrects_id=row.corrects or "",
        corrects_on=row.corrects_on,
        remittance=Remittance(**row.remittance),
        written_off_minor=row.written_off_minor,
        purpose=row.purpose,
        credited_minor=row.credited_minor,
        replaces=row.replaces or "",
        subject=row.subject,
        reason=row.reason,
        accrued_nano=row.accrued_nano,
        owed_nano=row.owed_nano,
        earned_nano=row.earned_nano,
        paid_at=row.paid_at,
        overdue_at=row.overdue_at,
        voided_at=row.voided_at,
        booked_sequence=row.booked_sequence,
    )


def document_values(
    document: Document, *, series: str, sequence: int, transaction_id: str | None
) -> tuple[Any, ...]:
    """The values of DOCUMENT_COLUMNS of a document that is issued."""
    known = {
        "series": series,
        "sequence": sequence,
        "transaction_id": transaction_id,
        "seller": Jsonb(asdict(document.seller)),
        "buyer": Jsonb(asdict(document.buyer)),
        "rate": render_exact(document.rate),
        "taxes": Jsonb([_render_tax(one) for one in document.taxes]),
        "notes": list(document.notes),
        "lines_count": len(document.lines),
        "corrects": document.corrects_id or None,
        "remittance": Jsonb(asdict(document.remittance)),
        "replaces": document.replaces or None,
    }
    return tuple(known[name] if name in known else getattr(document, name) for name in DOCUMENT_COLUMNS)


def line_values(document: Document, position: int, line: Line) -> tuple[Any, ...]:
    """The values of LINE_COLUMNS of one line; positions begin with 1."""
    known = {
        "document_id": document.document_id,
        "position": position,
        "organization_id": document.organization_id,
        "line_key": line.key,
        "period_from": line.period_from or document.period_from,
        "period_to": line.period_to or document.period_to,
        "discounts": Jsonb([_render_discount(one) for one in line.discounts]),
        "tax_rate": _render_exact(line.tax_rate),
    }
    return tuple(known[name] if name in known else getattr(line, name) for name in LINE_COLUMNS)


def parse_line(values: Mapping[str, Any]) -> Line:
    """The line of a row with LINE_COLUMNS."""
    return Line(
        line_id=str(values["position"]),
        kind=values["kind"],
        description=values["description"],
        quantity=values["quantity"],
        per=values["per"],
        list_rate=values["list_rate"],
        list_nano=values["list_nano"],
        discounts=tuple(_parse_discount(one) for one in values["discounts"]),
        rounding_nano=values["rounding_nano"],
        net_nano=values["net_nano"],
        list_minor=values["list_minor"],
        net_minor=values["net_minor"],
        tax_category=values["tax_category"],
        tax_rate=Fraction(values["tax_rate"]),
        workspace_id=values["workspace_id"],
        workspace_name=values["workspace_name"],
        cost_center=values["cost_center"],
        purchase_order=values["purchase_order"],
        model=values["model"],
        bucket=values["bucket"],
        price_version_id=values["price_version_id"],
        conditions=values["conditions"],
        corrects=values["corrects"],
        key=values["line_key"],
        period_from=values["period_from"],
        period_to=values["period_to"],
    )


def _render_tax(tax: TaxLine) -> dict[str, object]:
    return {**asdict(tax), "rate": render_exact(tax.rate)}


def _parse_tax(values: Mapping[str, Any]) -> TaxLine:
    return TaxLine(**{**values, "rate": Fraction(values["rate"])})


def _render_discount(discount: Discount) -> list[object]:
    return [
        discount.stage,
        discount.name,
        _render_exact(discount.factor),
        discount.amount_nano,
        discount.amount_minor,
    ]


def _parse_discount(values: list[Any]) -> Discount:
    stage, name, factor, nano, minor = values
    return Discount(stage, name, Fraction(factor), nano, minor)
