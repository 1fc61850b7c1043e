"""Page: a document as the texts that are drawn, in their order; every amount is written here, none figured.

Lines are shown by workspace, and within it by model and conditions. A long document begins with what each
workspace comes to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from jeton.billing.currencies import display_minor, minor_digits, render_minor
from jeton.billing.paper.drawing.small_print import describe_small_print
from jeton.billing.paper.look import Look
from jeton.billing.paper.wording import (
    CATEGORY_REASONS,
    TITLES,
    describe_factor,
    describe_line,
    describe_party,
    display_count,
    display_date,
    display_percent,
    display_period,
    display_price,
    is_counted,
    name_step,
)
from jeton.billing.words import Discount, Document, Line

SUMMARY_FROM_LINES = 16
_COUNTED = frozenset({"usage", "adjustment"})


@dataclass(frozen=True, slots=True)
class _Group:
    """Lines that are shown and added up together."""

    name: str
    note: str
    lines: tuple[Line, ...]


def describe_page(document: Document, look: Look) -> dict[str, object]:
    """The texts of a page, as the template takes them."""
    groups = _group(document.sold_lines)
    title = TITLES[document.kind]
    is_draft = document.state == "draft"
    is_long = len(document.sold_lines) >= SUMMARY_FROM_LINES
    return {
        "title": f"Draft {title.lower()}" if is_draft else title,
        "number": document.number,
        "badge": _badge(document),
        "brand": look.brand_name,
        "accent": look.accent,
        "paper": look.paper,
        "facts": _facts(document),
        "parties": ["Credited by", "Credited to"] if document.kind == "credit_note" else ["From", "Bill to"],
        "seller": describe_party(document.seller),
        "buyer": describe_party(document.buyer),
        "headline": _headline(document),
        "subline": "" if is_draft else _subline(document),
        "amount_title": f"Amount ({document.currency})",
        "summary": [
            [group.name, group.note, _amount(_sum(group.lines), document)] for group in groups if is_long
        ],
        "groups": [_describe_group(group, document, is_summed=len(groups) > 1) for group in groups],
        "totals": _totals(document),
        "remittance_title": "How to pay",
        "remittance": _remittance(document),
        "notes": [*([document.terms] if document.terms and document.due_minor > 0 else []), *document.notes],
        "small": describe_small_print(document),
    }


def _amount(minor: int, document: Document) -> str:
    return display_minor(minor, document.currency)


def _sum(lines: Sequence[Line]) -> int:
    return sum(line.net_minor for line in lines)


def _badge(document: Document) -> str:
    if document.state == "draft":
        return "DRAFT, NOT A DEMAND FOR PAYMENT"
    return {"void": "VOID", "paid": "PAID"}.get(document.state, "")


def _facts(document: Document) -> list[list[list[str]]]:
    left = [
        ["Number", document.number or "given when issued"],
        ["Date of issue", display_date(document.issued_on)],
        ["Due", display_date(document.due_on) if document.kind == "invoice" else ""],
        ["Corrects", document.corrects if not document.corrects_on else _corrected(document)],
    ]
    right = [
        ["Period", display_period(document)],
        ["Time zone", document.zone],
        ["Purchase order", document.purchase_order],
    ]
    return [[fact for fact in facts if fact[1]] for facts in (left, right)]


def _corrected(document: Document) -> str:
    return f"{document.corrects} of {display_date(document.corrects_on)}"


def _headline(document: Document) -> str:
    due_minor = document.total_minor - document.paid_minor
    total_minor = document.total_minor + document.voucher_minor
    if document.kind == "credit_note":
        return f"{_amount(total_minor, document)} credited"
    if document.state == "draft":
        return f"{_amount(total_minor, document)} so far"
    if due_minor > 0 and document.due_on is not None:
        return f"{_amount(due_minor, document)} due {display_date(document.due_on)}"
    if due_minor > 0:
        return f"{_amount(due_minor, document)} due"
    paid_minor = document.paid_minor + document.voucher_minor
    return f"{_amount(paid_minor, document)} paid" if paid_minor else "Nothing to pay"


def _subline(document: Document) -> str:
    if document.kind == "credit_note":
        return f"Credit note on {document.corrects}." if document.corrects else ""
    return f"For use of {display_period(document)}." if _is_of_usage(document) else ""


def _is_of_usage(document: Document) -> bool:
    return any(line.kind in _COUNTED for line in document.lines)


def _group(lines: Sequence[Line]) -> list[_Group]:
    """Usage by workspace, then what corrects other documents, then everything else; in order within."""
    places: dict[tuple[int, str], list[Line]] = {}
    for line in lines:
        rank = 1 if line.corrects else 0 if line.workspace_id or line.bucket else 2
        places.setdefault((rank, line.corrects or line.workspace_id), []).append(line)
    ranked = sorted(places.items(), key=lambda place: place[0][0])
    return [_name_group(rank, found) for (rank, _), found in ranked]


def _name_group(rank: int, lines: list[Line]) -> _Group:
    first = lines[0]
    if rank == 1:
        return _Group(f"Adjustment of {first.corrects}", "", tuple(lines))
    if rank:
        return _Group("Credit and other items", "", tuple(lines))
    notes = (
        f"cost center {first.cost_center}" if first.cost_center else "",
        f"PO {first.purchase_order}" if first.purchase_order else "",
    )
    name = first.workspace_name or first.workspace_id or "Usage"
    return _Group(name, " · ".join(note for note in notes if note), tuple(lines))


def _describe_group(group: _Group, document: Document, *, is_summed: bool) -> dict[str, object]:
    blocks = [
        {
            "name": key[0],
            "note": " · ".join(text for text in key[1:] if text),
            "rows": [_describe_row(line, document) for line in lines],
        }
        for key, lines in groupby(group.lines, _block_key)
    ]
    return {
        "name": group.name,
        "note": group.note,
        "blocks": blocks,
        "subtotal": _amount(_sum(group.lines), document) if is_summed else "",
        "subtotal_label": f"Subtotal {group.name}",
    }


def _block_key(line: Line) -> tuple[str, str, str]:
    """Model, conditions, and from when its prices are; a price version is ``MODEL@DAY``."""
    if not line.model:
        return "", "", ""
    _, _, from_on = line.price_version_id.partition("@")
    return line.model, line.conditions, f"prices of {from_on}" if from_on else ""


def _describe_row(line: Line, document: Document) -> dict[str, object]:
    """A line at its list amount, and below it what comes off (or on) to its net amount."""
    place = line.workspace_name if line.corrects else ""
    return {
        "description": describe_line(line),
        "notes": [place] if place else [],
        "quantity": display_count(line.quantity) if is_counted(line) else "",
        "price": display_price(document, line) if is_counted(line) else "",
        "amount": _plain(line.list_minor, document),
        "discounts": [_describe_discount(discount, document) for discount in line.discounts],
    }


def _describe_discount(discount: Discount, document: Document) -> list[str]:
    return [
        f"{name_step(discount.name)} {describe_factor(discount.factor)}",
        _plain(-discount.amount_minor, document),
    ]


def _plain(minor: int, document: Document) -> str:
    """An amount of a column that says its currency above: ``−1,234.50``."""
    digits = minor_digits(document.currency)
    whole, _, rest = render_minor(abs(minor), document.currency).partition(".")
    return f"{'−' if minor < 0 else ''}{int(whole):,}{f'.{rest}' if digits else ''}"


def _totals(document: Document) -> list[dict[str, object]]:
    voucher_minor = document.voucher_minor
    rows: list[tuple[str, str, int, bool]] = [("Subtotal", "", document.lines_minor + voucher_minor, False)]
    for tax in document.taxes:
        reason = tax.reason or CATEGORY_REASONS[tax.category]
        label = f"VAT {display_percent(tax.rate)} on {_amount(tax.taxable_minor, document)}"
        rows.append((label, reason, tax.tax_minor, False))
    rows.append(
        (
            "Total credited" if document.kind == "credit_note" else "Total",
            "",
            document.total_minor + voucher_minor,
            True,
        )
    )
    if voucher_minor:
        label = "Of it to prepaid credit" if document.kind == "credit_note" else "Paid with prepaid credit"
        rows.append((label, "", -voucher_minor, False))
    if document.kind != "credit_note":
        rows += [
            ("Paid", "", -document.paid_minor, False),
            ("Amount due", "", document.total_minor - document.paid_minor, True),
        ]
    return [
        {"label": label, "note": note, "amount": _amount(minor, document), "strong": is_strong}
        for label, note, minor, is_strong in rows
        if label != "Paid" or minor
    ]


def _remittance(document: Document) -> list[list[str]]:
    to = document.remittance
    is_asked = document.kind == "invoice" and document.total_minor > document.paid_minor
    if not is_asked or not (to.iban or to.account_number):
        return []
    rows = [
        ["Account holder", to.account_holder or document.seller.name],
        ["IBAN", " ".join(to.iban[at : at + 4] for at in range(0, len(to.iban), 4))],
        ["BIC", to.bic],
        ["Account", to.account_number],
        ["Bank", to.bank_name],
        ["Reference", to.reference or document.number],
    ]
    return [row for row in rows if row[1]]
