"""Documents: the rows of one that was issued: all that is not the usage of its own period, and what is left.

A document's rows come to what it asks for, to the last minor unit: usage stands in rows by day and key,
every other line in one of its own, tax in its own, and a last row has what rounding made of it. What came in
after a document was made is on a later one: the period's rows have it, so one row takes it off again, and the
later document's line has it as a correction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from jeton.billing.focus.columns import Category, Row
from jeton.billing.focus.rows import (
    Amounts,
    in_atto,
    make_row,
    put_amounts,
    put_exact,
    put_price,
    put_purchase,
    put_workspace,
)
from jeton.billing.focus.usage import Told
from jeton.billing.focus.words import ATTO_PER_NANO, Frame, Span
from jeton.billing.invoicing.lines.keys import CREDIT_FREE, CREDIT_PREPAID, UsageKey, kind_of
from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.invoicing.rounding import scale, to_nano
from jeton.billing.words import VOUCHER_TAX, Document, Line
from jeton.ledger.budgets.windows import find_first_instant

LATER = "Not on the document of this period; it is on a later one"
ROUNDING = "Rounding of the document's lines"
CORRECTION = "Correction"


@dataclass(frozen=True, slots=True)
class Issued:
    """A document, on what its rows stand; ``told`` is what rows by day said of its own usage, if they did."""

    document: Document
    frame: Frame
    prices: Prices
    told: Told | None = None

    @property
    def sign(self) -> int:
        """Amounts of a credit note are positive, and take away."""
        return -1 if self.document.kind == "credit_note" else 1


def list_document_rows(issued: Issued) -> Iterator[Row]:
    """The rows of a document, which with those ``told`` come to its total."""
    document, frame, told = issued.document, issued.frame, issued.told or Told()
    billed = told.billed_atto
    others = (_make_line(issued, line) for line in document.lines if not _is_told(issued, line))
    later = () if issued.told is None else _list_later(issued, issued.told)
    for row in chain(others, later, _list_taxes(issued)):
        cost = row["BilledCost"]
        billed += cost if isinstance(cost, int) else 0
        yield row
    payable = issued.sign * in_atto(document.total_minor, document.currency)
    if payable != billed:
        row = make_row(frame, _span_of(document), category="Adjustment", description=ROUNDING)
        put_exact(row, frame, payable - billed)
        # What rounding makes of a document is no one's usage: the ledger has it in an account of its own.
        row["PricingCurrencyEffectiveCost"] = 0
        yield _correct(row, issued, None)


def _is_told(issued: Issued, line: Line) -> bool:
    """Whether rows by day have this line: usage of the document's own period, and what credit paid of it."""
    if issued.told is None or line.period_from != issued.document.period_from:
        return False
    return line.kind == "usage" or line.key == CREDIT_FREE or is_prepaid(line.key)


def is_prepaid(key: str) -> bool:
    """Whether it is what credit paid that was billed when it was bought, so that it comes to nothing more."""
    return key == CREDIT_PREPAID or (kind_of(key) == "voucher" and key != VOUCHER_TAX)


def make_later(frame: Frame, span: Span, amounts: Amounts) -> Row:
    """The row that takes off again what rows by day say and another document bills."""
    row = make_row(frame, span, category="Adjustment", description=LATER)
    put_amounts(row, frame, amounts)
    return row


def _list_later(issued: Issued, told: Told) -> Iterator[Row]:
    own = [line for line in issued.document.lines if _is_told(issued, line)]
    billed_nano = sum(line.net_nano for line in own) - told.billed_nano
    effective_nano = sum(line.net_nano for line in own if not is_prepaid(line.key)) - told.effective_nano
    if billed_nano or effective_nano:
        amounts = Amounts(billed_nano, effective_nano)
        yield make_later(issued.frame, _span_of(issued.document), amounts)


def _make_line(issued: Issued, line: Line) -> Row:
    """One line that rows by day do not have."""
    nano = issued.sign * line.net_nano
    kind = kind_of(line.key)
    category = _categorize(line, kind)
    row = make_row(
        issued.frame, _span_of(issued.document, line), category=category, description=line.description
    )
    put_workspace(row, issued.frame, line.workspace_id)
    if category == "Usage":
        key = UsageKey.parse(line.key)
        stack = issued.prices.find_stack(key)
        put_price(row, issued.frame, key, stack=stack, quantity=issued.sign * line.quantity)
    elif category == "Purchase":
        put_purchase(row, issued.frame, nano)
    is_paid_before = category == "Purchase" or is_prepaid(line.key)
    put_amounts(row, issued.frame, Amounts(nano, 0 if is_paid_before else nano))
    return _correct(row, issued, line)


def _categorize(line: Line, kind: str) -> Category:
    if kind == "usage":
        return "Usage"
    if kind == "commit" or line.kind in {"top_up", "refund"}:
        return "Purchase"
    if kind == "reversed" or (line.kind == "credit" and not is_prepaid(line.key) and line.key != VOUCHER_TAX):
        return "Credit"
    return "Adjustment"


def _list_taxes(issued: Issued) -> Iterator[Row]:
    """Tax by category and rate, in the document's currency, as it was figured for the document."""
    document, frame = issued.document, issued.frame
    for tax in document.taxes:
        if not tax.tax_minor:
            continue
        minor = issued.sign * tax.tax_minor
        row = make_row(frame, _span_of(document), category="Tax", description=f"Tax, category {tax.category}")
        put_exact(row, frame, in_atto(minor, document.currency))
        in_dollars = to_nano(minor, scale(document.currency, document.rate))
        row["PricingCurrencyEffectiveCost"] = in_dollars * ATTO_PER_NANO
        yield _correct(row, issued, None)


def _correct(row: Row, issued: Issued, line: Line | None) -> Row:
    """Say so where the row corrects a billing period that was invoiced before."""
    document, period = issued.document, issued.frame.period
    is_late = line is not None and line.period_from is not None and line.period_from < document.period_from
    if document.kind == "credit_note":
        first_on = period.period_from.astimezone(ZoneInfo(document.zone)).date()
        # The document of a period is of a period before the one in which it was issued, and corrected.
        is_late = document.purpose != "refund" or (document.corrects_on or first_on) < first_on
    if is_late:
        row["ChargeClass"] = CORRECTION
    return row


def _span_of(document: Document, line: Line | None = None) -> Span:
    """The time that a line is for; of what is of one instant, such as a purchase, its day."""
    starts_at = (line.period_from if line else None) or document.period_from
    ends_at = (line.period_to if line else None) or document.period_to
    if starts_at < ends_at:
        return Span(starts_at, ends_at)
    day = starts_at.astimezone(ZoneInfo(document.zone)).date()
    zone = ZoneInfo(document.zone)
    return Span(find_first_instant(day, zone), find_first_instant(day + timedelta(days=1), zone))
