"""Composing: a document out of exact lines: rounded once, taxed for each category, in its currency. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from jeton.billing.invoicing.lines.building import amount_line
from jeton.billing.invoicing.periods import Period
from jeton.billing.invoicing.rates import PAR
from jeton.billing.invoicing.rounding import allocate, round_half_even, scale, to_minor, to_nano
from jeton.billing.invoicing.tax import TaxDecision, tax_lines
from jeton.billing.invoicing.words import Profile, Rules
from jeton.billing.words import VOUCHER_TAX, Discount, Document, DocumentKind, Line, Purpose, is_payment

# In which order kinds of lines stand on a document; within a kind as they are sorted there.
_ORDER = ("usage", "adjustment", "commit", "true_up", "minimum", "top_up", "refund", "credit", "rounding")
CONTAINED = "Tax contained in what prepaid credit paid"
_BUCKET_ORDER = ("input", "cache_write_5m", "cache_write_1h", "cache_read", "output", "web_search", "")


@dataclass(frozen=True, slots=True)
class Booked:
    """How a document's net amount stands in the ledger: to be taken out of accrued, owed already, earned."""

    accrued_nano: int = 0
    owed_nano: int = 0
    earned_nano: int = 0

    def negate(self) -> "Booked":
        """The same in the other direction, for a credit note."""
        return Booked(-self.accrued_nano, -self.owed_nano, -self.earned_nano)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Everything of a document but its lines: for whom, for what, when, in which currency, with which tax."""

    profile: Profile
    rules: Rules
    kind: DocumentKind
    purpose: Purpose
    period: Period
    at: datetime
    tax: TaxDecision
    currency: str = "USD"
    rate: Fraction = PAR
    notes: tuple[str, ...] = ()
    booked: Booked = field(default_factory=Booked)
    corrects_id: str = ""
    replaces: str = ""
    subject: str = ""
    reason: str = ""

    @property
    def issued_on(self) -> date:
        """The day of the document in the organization's zone."""
        return self.at.astimezone(ZoneInfo(self.profile.zone)).date()

    @property
    def net_days(self) -> int:
        """How long an invoice may wait for its payment; everything else is due at once."""
        if self.kind != "invoice":
            return 0
        return self.rules.net_days if self.profile.net_days is None else self.profile.net_days


def compose(occasion: Occasion, lines: Sequence[Line]) -> Document:
    """The draft of a document; its lines in order, rounded so that they sum to its total.

    What it comes to may be below zero: then a credit note has to be made of it (``negate``).
    """
    profile, rules = occasion.profile, occasion.rules
    net_days = occasion.net_days
    bare = Document(
        document_id="",
        kind=occasion.kind,
        state="draft",
        number="",
        organization_id=profile.organization_id,
        seller=rules.seller,
        buyer=profile.buyer,
        currency=occasion.currency,
        rate=occasion.rate,
        period_from=occasion.period.period_from,
        period_to=occasion.period.period_to,
        zone=profile.zone,
        issued_at=occasion.at,
        issued_on=occasion.issued_on,
        due_on=occasion.issued_on + timedelta(days=net_days),
        purchase_order=profile.purchase_order,
        terms=f"Net {net_days} days" if net_days else "Due at once",
        lines=tuple(sorted(lines, key=_sort_key)),
        taxes=(),
        lines_minor=0,
        tax_minor=0,
        total_minor=0,
        paid_minor=0,
        net_nano=0,
        tax_nano=0,
        total_nano=0,
        notes=tuple(note for note in (*occasion.notes, rules.note) if note),
        purpose=occasion.purpose,
        remittance=rules.remittance,
        corrects_id=occasion.corrects_id,
        replaces=occasion.replaces,
        subject=occasion.subject,
        reason=occasion.reason,
        accrued_nano=occasion.booked.accrued_nano,
        owed_nano=occasion.booked.owed_nano,
        earned_nano=occasion.booked.earned_nano,
    )
    return tax_whole(bare, occasion.tax)


def tax_whole(document: Document, tax: TaxDecision) -> Document:
    """The document with its amounts, everything on it taxed so, whatever its tax was before.

    What credit paid that is taxed at its use has its tax in it, which is taken out: of $100 at 19 % it is
    $15.97 (100 x 19/119), a line of its own; the rest is taxed on top.
    """
    per_nano = scale(document.currency, document.rate)
    lines = [line for line in document.lines if line.key != VOUCHER_TAX]
    contained_minor = find_contained_tax(lines, per_nano, rate=tax.rate)
    if contained_minor:
        period = Period(document.period_from, document.period_to)
        nano = -to_nano(contained_minor, per_nano)
        lines.append(amount_line("credit", VOUCHER_TAX, description=CONTAINED, net_nano=nano, period=period))
        lines.sort(key=_sort_key)
    net_nano = sum(line.net_nano for line in lines)
    lines_minor = to_minor(net_nano, per_nano)
    minors = allocate(lines_minor, [line.net_nano for line in lines], per_nano)
    finished = tuple(
        _finish(line, number, minor, per_nano=per_nano, tax=tax)
        for number, (line, minor) in enumerate(zip(lines, minors, strict=True), start=1)
    )
    (on_top,) = tax_lines([(tax, lines_minor + contained_minor)])
    tax_minor = contained_minor + on_top.tax_minor
    voucher_minor = -sum(line.net_minor for line in finished if is_payment(line))
    return replace(
        document,
        lines=finished,
        taxes=(replace(on_top, taxable_minor=lines_minor + voucher_minor, tax_minor=tax_minor),),
        lines_minor=lines_minor,
        tax_minor=tax_minor,
        total_minor=lines_minor + tax_minor,
        net_nano=net_nano,
        tax_nano=to_nano(tax_minor, per_nano),
        total_nano=to_nano(lines_minor + tax_minor, per_nano),
    )


def find_contained_tax(lines: Iterable[Line], per_nano: Fraction, *, rate: Fraction) -> int:
    """The tax, in minor units, that is in what these lines say credit paid; half-even, once a document."""
    paid_nano = -sum(line.net_nano for line in lines if is_payment(line))
    return round_half_even(to_minor(paid_nano, per_nano) * rate / (1 + rate))


def negate(line: Line) -> Line:
    """A line the other way round: of a credit note, whose amounts are positive."""
    return replace(
        line,
        quantity=-line.quantity,
        list_nano=-line.list_nano,
        discounts=tuple(
            replace(one, amount_nano=-one.amount_nano, amount_minor=-one.amount_minor)
            for one in line.discounts
        ),
        rounding_nano=-line.rounding_nano,
        net_nano=-line.net_nano,
        list_minor=-line.list_minor,
        net_minor=-line.net_minor,
    )


def _finish(line: Line, number: int, net_minor: int, *, per_nano: Fraction, tax: TaxDecision) -> Line:
    """The line with its place, its amounts in minor units and its tax; list - discounts = net in both."""
    discounts = tuple(
        Discount(one.stage, one.name, one.factor, one.amount_nano, to_minor(one.amount_nano, per_nano))
        for one in line.discounts
    )
    return replace(
        line,
        line_id=str(number),
        discounts=discounts,
        list_minor=net_minor + sum(one.amount_minor for one in discounts),
        net_minor=net_minor,
        tax_category=tax.category,
        tax_rate=tax.rate,
    )


def _sort_key(line: Line) -> tuple[int, str, str, str, str, str, int]:
    return (
        _ORDER.index(line.kind),
        line.period_from.isoformat() if line.period_from else "",
        line.workspace_name,
        line.workspace_id,
        line.model,
        f"{line.conditions}|{line.price_version_id}",
        _BUCKET_ORDER.index(line.bucket),
    )
