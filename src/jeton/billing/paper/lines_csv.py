"""Lines as CSV: one row a line, and one for each discount of it, so that the column of amounts sums up.

RFC 4180 with a header, UTF-8. Amounts are plain decimals; those of the ledger are exact dollars.
"""

import csv
import io
from collections.abc import Iterator

from jeton.billing.currencies import render_minor
from jeton.billing.paper.wording import is_counted, price_of
from jeton.billing.words import Document, Line
from jeton.money import render_exact, render_usd

COLUMNS = (
    "number", "line", "row", "kind", "workspace_id", "workspace", "cost_center", "purchase_order", "model",
    "bucket", "conditions", "price_version", "description", "corrects", "quantity", "price", "per", "factor",
    "currency", "amount", "ledger_usd", "tax_category", "tax_rate", "period_from", "period_to",
)  # fmt: skip
# A spreadsheet runs a cell that begins so as a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_lines_csv(document: Document) -> bytes:
    """The lines of a document; the column ``amount`` sums to its lines before tax."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for line in document.lines:
        writer.writerows(_rows(document, line))
    return out.getvalue().encode()


def _rows(document: Document, line: Line) -> Iterator[list[str]]:
    shared = _describe(document, line)
    quantity, per = str(line.quantity), str(line.per)
    price = render_exact(price_of(document, line)) if is_counted(line) else ""
    yield _row(
        shared,
        row="list",
        description=line.description,
        quantity=quantity if price else "",
        price=price,
        per=per if price else "",
        amount=render_minor(line.list_minor, document.currency),
        ledger_usd=render_usd(line.list_nano + line.rounding_nano),
    )
    for discount in line.discounts:
        yield _row(
            shared,
            row=discount.stage,
            description=discount.name,
            factor=render_exact(discount.factor),
            amount=render_minor(-discount.amount_minor, document.currency),
            ledger_usd=render_usd(-discount.amount_nano),
        )


def _describe(document: Document, line: Line) -> dict[str, str]:
    period_from, period_to = line.period_from or document.period_from, line.period_to or document.period_to
    return {
        "number": document.number,
        "line": line.line_id,
        "kind": line.kind,
        "workspace_id": line.workspace_id,
        "workspace": line.workspace_name,
        "cost_center": line.cost_center,
        "purchase_order": line.purchase_order,
        "model": line.model,
        "bucket": line.bucket,
        "conditions": line.conditions,
        "price_version": line.price_version_id,
        "corrects": line.corrects,
        "currency": document.currency,
        "tax_category": line.tax_category,
        "tax_rate": render_exact(line.tax_rate),
        "period_from": period_from.isoformat(),
        "period_to": period_to.isoformat(),
    }


_NUMBERS = frozenset({"quantity", "price", "per", "factor", "amount", "ledger_usd", "tax_rate"})


def _row(shared: dict[str, str], **own: str) -> list[str]:
    texts = {**shared, **own}
    return [_escape(name, texts.get(name, "")) for name in COLUMNS]


def _escape(name: str, text: str) -> str:
    return f"'{text}" if name not in _NUMBERS and text.startswith(_FORMULA) else text
