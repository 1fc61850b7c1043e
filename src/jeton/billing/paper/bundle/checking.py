"""Checking: the lines of a document against what receipts come to, and its own arithmetic."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from jeton.billing.currencies import render_minor
from jeton.billing.invoicing.drafting.composing import find_contained_tax, negate
from jeton.billing.invoicing.drafting.taxing import OFF_MINOR_MAX
from jeton.billing.invoicing.lines.building import build_line
from jeton.billing.invoicing.lines.keys import CREDIT_PREPAID, kind_of
from jeton.billing.invoicing.lines.prices import Prices
from jeton.billing.invoicing.lines.summing import Amounts, PeriodSums, subtract
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.rounding import allocate, round_half_even, scale, to_minor, to_nano
from jeton.billing.paper.bundle.findings import Findings
from jeton.billing.paper.bundle.words import BilledRecord
from jeton.billing.words import VOUCHER_GIVEN, VOUCHER_PAID, Document, Line, TaxLine
from jeton.money import render_exact, render_usd

METERED = frozenset({"usage", "reversed", "credit"})
AGAINST_RECEIPTS = "lines against receipts"
STACKS = "prices and discounts of lines"
ROUNDING = "rounding of lines"
TAX = "tax"
TOTALS = "totals"
PAID_BY_VOUCHER = (VOUCHER_PAID, VOUCHER_GIVEN)
_AGREED = "agreed amounts, which follow from no receipt"


def list_periods(document: Document) -> list[Period]:
    """The periods that a document's metered lines belong to."""
    found = {
        Period(line.period_from, line.period_to)
        for line in document.lines
        if kind_of(line.key) in METERED and line.period_from is not None and line.period_to is not None
    }
    return sorted(found, key=lambda period: period.period_from)


def check_lines(
    document: Document,
    sums: Mapping[Period, PeriodSums],
    billed: Iterable[BilledRecord],
    *,
    prices: Prices,
    findings: Findings,
) -> None:
    """Each metered line is what receipts come to, less what was billed before, at its price and discounts."""
    findings.begin(AGAINST_RECEIPTS)
    findings.begin(STACKS)
    stated = {(line.period_from, line.key): line for line in document.lines if kind_of(line.key) in METERED}
    if len(stated) < sum(kind_of(line.key) in METERED for line in document.lines):
        findings.compare(AGAINST_RECEIPTS, "the lines", stated="a key twice", found="each once")
    before = _sum_billed(billed)
    # A cancellation has the lines as they were; what was billed too much is below zero, and turned round.
    is_negated = document.purpose == "adjustment"
    for period, found in sums.items():
        told = before.get(period.period_from, {})
        # What vouchers paid is what prepaid credit paid, of lots that receipts do not name.
        stated_nano = sum(_voucher_nano(line, is_negated) for line in document.lines
                          if line.period_from == period.period_from)  # fmt: skip
        told_nano = sum(nano for key, (_, nano) in told.items() if key.startswith(PAID_BY_VOUCHER))
        if stated_nano or told_nano:
            found.add(CREDIT_PREPAID, (0, -stated_nano - told_nano))
        earlier = {key: amounts for key, amounts in told.items() if kind_of(key) in METERED}
        dues = subtract(found, earlier, period, is_late=period.period_from != document.period_from)
        for due in dues:
            line = build_line(due, prices, {})
            expected = negate(line) if is_negated else line
            _compare_line(stated.pop((period.period_from, due.key), None), expected, findings)
    for line in stated.values():
        if line.net_nano or line.quantity:
            findings.compare(
                AGAINST_RECEIPTS, _name(line), stated=_render(line), found="nothing in the receipts"
            )
    if any(kind_of(line.key) not in METERED for line in document.lines):
        findings.begin(_AGREED)
        findings.checks[_AGREED] = sum(kind_of(line.key) not in METERED for line in document.lines)


def _voucher_nano(line: Line, is_negated: bool) -> int:  # noqa: FBT001 - read where it is called
    """What a line says that a voucher paid or was given with it, below zero; nothing for every other line."""
    if not line.key.startswith(PAID_BY_VOUCHER):
        return 0
    return -line.net_nano if is_negated else line.net_nano


def _sum_billed(billed: Iterable[BilledRecord]) -> dict[datetime, dict[str, Amounts]]:
    sums: dict[datetime, dict[str, Amounts]] = {}
    for one in billed:
        keys = sums.setdefault(one.period_from, {})
        quantity, nano = keys.get(one.key, (0, 0))
        keys[one.key] = (quantity + one.quantity, nano + one.net_nano)
    return sums


def _compare_line(line: Line | None, expected: Line, findings: Findings) -> None:
    if line is None:
        findings.compare(
            AGAINST_RECEIPTS, f"a line for {_name(expected)}", stated="none", found=_render(expected)
        )
        return
    where = _name(line)
    findings.compare(AGAINST_RECEIPTS, where, stated=_render(line), found=_render(expected))
    findings.compare(STACKS, f"price of {where}", stated=_price(line), found=_price(expected))
    findings.compare(STACKS, f"discounts of {where}", stated=_stack(line), found=_stack(expected))
    findings.compare(STACKS, f"what {where} is for", stated=_subject(line), found=_subject(expected))


def _subject(line: Line) -> str:
    at = f"at {line.price_version_id or 'no price'}, {line.conditions or 'as usual'}"
    return f"{line.workspace_id} {line.model} {line.bucket} {at}"


def _name(line: Line) -> str:
    number = f"line {line.line_id} " if line.line_id else ""
    return f"{number}({line.description}{f', {line.workspace_id}' if line.workspace_id else ''})"


def _render(line: Line) -> str:
    return f"{line.quantity} units and ${render_usd(line.net_nano)}"


def _price(line: Line) -> str:
    return f"${render_usd(line.list_rate)} / {line.per}, list ${render_usd(line.list_nano)}"


def _stack(line: Line) -> str:
    steps = (
        f"{one.stage} {one.name} {render_exact(one.factor)} ${render_usd(one.amount_nano)}"
        for one in line.discounts
    )
    return "; ".join((*steps, f"rounding ${render_usd(line.rounding_nano)}"))


def check_arithmetic(document: Document, findings: Findings) -> None:
    """Lines are rounded as stated and sum to the totals; tax is figured of them, once for each rate."""
    per_nano = scale(document.currency, document.rate)
    findings.compare(
        TOTALS, "net amount in dollars", stated=_usd(document.net_nano), found=_usd(_sum_nano(document.lines))
    )
    lines_minor = to_minor(document.net_nano, per_nano)
    findings.compare(
        TOTALS,
        "sum of lines",
        stated=_show(document, document.lines_minor),
        found=_show(document, lines_minor),
    )
    expected = _allocate(document)
    for line, minor in zip(document.lines, expected, strict=True):
        where = _name(line)
        findings.compare(
            ROUNDING, where, stated=_show(document, line.net_minor), found=_show(document, minor)
        )
        for one in line.discounts:
            off_minor = to_minor(one.amount_nano, per_nano)
            findings.compare(
                ROUNDING,
                f"{one.name} of {where}",
                stated=_show(document, one.amount_minor),
                found=_show(document, off_minor),
            )
        after_minor = line.list_minor - sum(one.amount_minor for one in line.discounts)
        findings.compare(
            ROUNDING,
            f"list less discounts of {where}",
            stated=_show(document, line.net_minor),
            found=_show(document, after_minor),
        )
        after_nano = line.list_nano - sum(one.amount_nano for one in line.discounts) + line.rounding_nano
        findings.compare(
            ROUNDING, f"list less discounts of {where}", stated=_usd(line.net_nano), found=_usd(after_nano)
        )
    _check_tax(document, findings)
    total_minor = document.lines_minor + document.tax_minor
    findings.compare(
        TOTALS, "total", stated=_show(document, document.total_minor), found=_show(document, total_minor)
    )
    findings.compare(
        TOTALS,
        "total in dollars",
        stated=_usd(document.total_nano),
        found=_usd(to_nano(total_minor, per_nano)),
    )
    findings.compare(
        TOTALS,
        "tax in dollars",
        stated=_usd(document.tax_nano),
        found=_usd(to_nano(document.tax_minor, per_nano)),
    )


def _allocate(document: Document) -> list[int]:
    per_nano = scale(document.currency, document.rate)
    try:
        return allocate(document.lines_minor, [line.net_nano for line in document.lines], per_nano)
    except ValueError:
        # They cannot sum to it, which the totals say; each by itself, then.
        return [to_minor(line.net_nano, per_nano) for line in document.lines]


def _check_tax(document: Document, findings: Findings) -> None:
    findings.begin(TAX)
    bases = dict.fromkeys(((line.tax_category, line.tax_rate) for line in document.sold_lines), 0)
    for line in document.sold_lines:
        key = (line.tax_category, line.tax_rate)
        bases[key] += line.net_minor
    stated = {(tax.category, tax.rate): tax.taxable_minor for tax in document.taxes}
    for key in dict.fromkeys((*bases, *stated)):
        where = f"what is taxed in category {key[0]} at {key[1]}"
        findings.compare(
            TAX, where, stated=_show(document, stated.get(key, 0)), found=_show(document, bases.get(key, 0))
        )
    for tax in document.taxes:
        minor = _find_tax(document, tax)
        where = f"tax of category {tax.category} at {render_exact(tax.rate * 100)} %"
        findings.compare(TAX, where, stated=_show(document, tax.tax_minor), found=_show(document, minor))
    summed_minor = sum(tax.tax_minor for tax in document.taxes)
    findings.compare(
        TAX, "all tax", stated=_show(document, document.tax_minor), found=_show(document, summed_minor)
    )


def _find_tax(document: Document, tax: TaxLine) -> int:
    """The tax of one category and rate, in minor units: on top, and what is in what vouchers paid.

    Where a tax service answered, it may be off by one (EN 16931, BR-CO-17).
    """
    per_nano = scale(document.currency, document.rate)
    contained_minor = find_contained_tax(document.lines, per_nano, rate=tax.rate)
    on_top_minor = tax.taxable_minor - document.voucher_minor + contained_minor
    minor = contained_minor + round_half_even(on_top_minor * tax.rate)
    is_near = bool(tax.reference) and abs(minor - tax.tax_minor) <= OFF_MINOR_MAX
    return tax.tax_minor if is_near else minor


def check_order(document: Document, findings: Findings) -> None:
    """Lines are numbered 1, 2, 3 as they stand."""
    numbers = [line.line_id for line in document.lines]
    findings.compare(
        TOTALS, "numbers of lines", stated=numbers, found=[str(place + 1) for place in range(len(numbers))]
    )


def _sum_nano(lines: Sequence[Line]) -> int:
    return sum(line.net_nano for line in lines)


def _usd(nano: int) -> str:
    return f"${render_usd(nano)}"


def _show(document: Document, minor: int) -> str:
    return f"{render_minor(minor, document.currency)} {document.currency}"
