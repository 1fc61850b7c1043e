"""Documents made by hand: small enough to be worked out, and one of 500 lines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from jeton.billing.currencies import minor_digits
from jeton.billing.words import (
    Discount,
    Document,
    DocumentKind,
    Line,
    LineKind,
    Party,
    Remittance,
    TaxCategory,
    TaxLine,
)
from jeton.money import divide_half_even

SELLER = Party(
    name="Jeton Cloud GmbH",
    street="Torstraße 12",
    city="Berlin",
    postal_code="10119",
    country="DE",
    vat_number="DE136695976",
    registration="HRB 123456 B",
    email="billing@jeton.example",
)
BUYER = Party(
    name="Acme Robotics B.V.",
    street="Keizersgracht 241",
    city="Amsterdam",
    postal_code="1016 EA",
    country="NL",
    vat_number="NL004495445B01",
    email="finance@acme.example",
)
BANK = Remittance(
    account_holder="Jeton Cloud GmbH", bank_name="GLS Bank", iban="DE89370400440532013000", bic="GENODEM1GLS"
)
BATCH = ("batch", "batch", Fraction(1, 2))
CACHE_READ = ("cache", "cache_read", Fraction(1, 10))
NEGOTIATED = ("negotiated", "Acme 2026, 20 % off", Fraction(4, 5))
US = ("tier", "inference_geo_us", Fraction(11, 10))
Step = tuple[str, str, Fraction]


def to_minor(nano: int, rate: Fraction, currency: str) -> int:
    """Nano-dollars as minor units, half-even."""
    exact = nano * rate * 10 ** minor_digits(currency)
    return divide_half_even(exact.numerator, exact.denominator * 10**9)


def usage(  # noqa: PLR0913 - a fixture: whatever a test wants to be different
    line_id: str,
    *,
    quantity: int,
    list_rate: int,
    steps: Sequence[Step] = (),
    model: str = "claude-sonnet-5-5",
    bucket: str = "input",
    workspace: str = "Production",
    conditions: str = "",
    tax: tuple[TaxCategory, Fraction] = ("S", Fraction(19, 100)),
    rate: Fraction = Fraction(1),
    currency: str = "USD",
    kind: LineKind = "usage",
    per: int = 1_000_000,
    corrects: str = "",
) -> Line:
    """A line of usage; ``list_rate`` in nano-dollars per million."""
    running = Fraction(quantity * list_rate, per)
    amount = list_nano = divide_half_even(running.numerator, running.denominator)
    minor = list_minor = to_minor(list_nano, rate, currency)
    discounts = []
    for stage, name, factor in steps:
        running *= factor
        after = divide_half_even(running.numerator, running.denominator)
        after_minor = to_minor(after, rate, currency)
        discounts.append(Discount(stage, name, factor, amount - after, minor - after_minor))
        amount, minor = after, after_minor
    return Line(
        line_id=line_id,
        kind=kind,
        description=f"{model} {bucket}",
        quantity=quantity,
        per=per,
        list_rate=list_rate,
        list_nano=list_nano,
        discounts=tuple(discounts),
        rounding_nano=0,
        net_nano=amount,
        list_minor=list_minor,
        net_minor=minor,
        tax_category=tax[0],
        tax_rate=tax[1],
        workspace_id=f"wrkspc_{workspace.lower()}",
        workspace_name=workspace,
        cost_center="CC-4711" if workspace == "Production" else "",
        model=model,
        bucket=bucket,
        price_version_id=f"{model}@2026-10-07",
        conditions=conditions,
        corrects=corrects,
    )


def amount_line(
    line_id: str, kind: LineKind, description: str, nano: int, *, like: Line, money: tuple[Fraction, str]
) -> Line:
    """A line that is an amount: credit used, a minimum, a top-up."""
    minor = to_minor(nano, money[0], money[1])
    return replace(
        like,
        line_id=line_id,
        kind=kind,
        description=description,
        quantity=1,
        per=1,
        list_rate=0,
        list_nano=nano,
        discounts=(),
        net_nano=nano,
        list_minor=minor,
        net_minor=minor,
        workspace_id="",
        workspace_name="",
        cost_center="",
        model="",
        bucket="",
        price_version_id="",
        conditions="",
    )


def tax_of(lines: Sequence[Line], reason: str = "") -> tuple[TaxLine, ...]:
    """Tax by category and rate, of the rounded lines, half-even."""
    bases: dict[tuple[TaxCategory, Fraction], int] = {}
    for line in lines:
        key = (line.tax_category, line.tax_rate)
        bases[key] = bases.get(key, 0) + line.net_minor
    return tuple(
        TaxLine(
            category, rate, base, divide_half_even((base * rate).numerator, (base * rate).denominator), reason
        )
        for (category, rate), base in bases.items()
    )


def document(  # noqa: PLR0913 - a fixture: whatever a test wants to be different
    lines: Sequence[Line],
    *,
    kind: DocumentKind = "invoice",
    number: str = "INV-2026-000123",
    currency: str = "USD",
    rate: Fraction = Fraction(1),
    paid_minor: int = 0,
    reason: str = "",
    buyer: Party = BUYER,
) -> Document:
    """A document of November 2026 with these lines, its tax and its totals."""
    taxes = tax_of(lines, reason)
    lines_minor = sum(line.net_minor for line in lines)
    tax_minor = sum(tax.tax_minor for tax in taxes)
    net_nano = sum(line.net_nano for line in lines)
    tax_nano = round(Fraction(tax_minor, 10 ** minor_digits(currency)) / rate * 10**9)
    return Document(
        document_id="inv_01k9testdocument",
        kind=kind,
        state="issued",
        number=number,
        organization_id=UUID("01930000-0000-7000-8000-000000000001"),
        seller=SELLER,
        buyer=buyer,
        currency=currency,
        rate=rate,
        period_from=datetime(2026, 10, 31, 23, tzinfo=UTC),
        period_to=datetime(2026, 11, 30, 23, tzinfo=UTC),
        zone="Europe/Berlin",
        issued_at=datetime(2026, 12, 3, 8, 30, tzinfo=UTC),
        issued_on=date(2026, 12, 3),
        due_on=date(2027, 1, 2) if kind == "invoice" else None,
        purchase_order="PO-2026-0815",
        terms="Net 30 days." if kind == "invoice" else "",
        lines=tuple(lines),
        taxes=taxes,
        lines_minor=lines_minor,
        tax_minor=tax_minor,
        total_minor=lines_minor + tax_minor,
        paid_minor=paid_minor,
        net_nano=net_nano,
        tax_nano=tax_nano,
        total_nano=net_nano + tax_nano,
        remittance=BANK,
        corrects="INV-2026-000101" if kind == "credit_note" else "",
        corrects_on=date(2026, 11, 3) if kind == "credit_note" else None,
    )


def november(
    tax: tuple[TaxCategory, Fraction] = ("S", Fraction(19, 100)),
    *,
    currency: str = "USD",
    rate: Fraction = Fraction(1),
) -> list[Line]:
    """Two workspaces, two models, a batch, cache reads and a negotiated discount."""
    same: Any = {"tax": tax, "currency": currency, "rate": rate}
    return [
        usage("1", quantity=41_280_455, list_rate=3_000_000_000, steps=[NEGOTIATED], **same),
        usage(
            "2", quantity=912_004_110, list_rate=3_000_000_000, bucket="cache_read",
            steps=[CACHE_READ, NEGOTIATED], **same,
        ),
        usage("3", quantity=8_120_931, list_rate=15_000_000_000, bucket="output", steps=[NEGOTIATED], **same),
        usage(
            "4", quantity=120_500_000, list_rate=3_000_000_000, conditions="batch",
            steps=[BATCH, NEGOTIATED], **same,
        ),
        usage(
            "5", quantity=2_004_000, list_rate=5_000_000_000, model="claude-opus-5", workspace="Research",
            steps=[US], conditions="US inference", **same,
        ),
        usage(
            "6", quantity=1_733, list_rate=10_000_000_000, model="claude-opus-5", workspace="Research",
            bucket="web_search", per=1_000, **same,
        ),
    ]  # fmt: skip


def many(count: int) -> list[Line]:
    """So many lines over twenty workspaces."""
    buckets = ("input", "cache_write_5m", "cache_read", "output")
    models = ("claude-haiku-5", "claude-sonnet-5-5", "claude-opus-5")
    return [
        usage(
            str(place + 1),
            quantity=1_000_003 * (place + 7),
            list_rate=3_000_000_000,
            bucket=buckets[place % 4],
            model=models[place // 4 % 3],
            workspace=f"Workspace {place * 20 // count + 1:02d}",
            steps=[NEGOTIATED] if place % 4 == 0 else [CACHE_READ, NEGOTIATED] if place % 4 == 2 else [],
        )
        for place in range(count)
    ]
