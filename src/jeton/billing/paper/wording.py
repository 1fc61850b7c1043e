"""Wording: amounts, prices, dates and parties as a page says them to people."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from jeton.billing.currencies import display_minor
from jeton.billing.paper.countries import name_country
from jeton.billing.words import Document, Line, Party
from jeton.insight.words import BUCKET_NAMES
from jeton.money import NANO_PER_USD, render_exact
from jeton.usage import Bucket

_DECIMALS_MAX = 12
_MINUS = "−"
_PER_NAMES = {1_000_000: "1M", 1_000: "1,000"}
_BUCKETS = {bucket.value: name for bucket, name in BUCKET_NAMES.items()}

TITLES = {"invoice": "Invoice", "receipt": "Receipt", "credit_note": "Credit note"}
CATEGORY_REASONS = {
    "AE": "Reverse charge: the recipient accounts for the VAT",
    "E": "Exempt from VAT",
    "O": "Not subject to VAT",
    "Z": "Zero rated",
    "S": "",
}
STEP_NAMES = {
    "batch": "Batch",
    "fast": "Fast mode",
    "inference_geo_us": "US inference",
    Bucket.CACHE_WRITE_5M.value: "Cache write, 5 minutes",
    Bucket.CACHE_WRITE_1H.value: "Cache write, 1 hour",
    Bucket.CACHE_READ.value: "Cache read",
}


def display_date(on: date | None) -> str:
    """``15 December 2026``; "" for none."""
    return "" if on is None else f"{on.day} {on:%B %Y}"


def last_day(at: datetime, zone: str) -> date:
    """The last day in a zone of what ends, half-open, at an instant."""
    return (at - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()


def first_day(at: datetime, zone: str) -> date:
    """The day of an instant in a zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def display_period(document: Document) -> str:
    """``1 – 30 November 2026``, both days included."""
    first, last = first_day(document.period_from, document.zone), last_day(document.period_to, document.zone)
    if last <= first:
        return display_date(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} – {display_date(last)}"
    shown = f"{first.day} {first:%B}" if first.year == last.year else display_date(first)
    return f"{shown} – {display_date(last)}"


def display_percent(rate: Fraction) -> str:
    """19/100 is ``19 %``; no space breaks."""
    return f"{render_exact(rate * 100)}\u00a0%"


def display_count(number: int) -> str:
    """``−1,234,567``."""
    return f"{_MINUS if number < 0 else ''}{abs(number):,}"


def is_counted(line: Line) -> bool:
    """Whether a line is so many of something at a price, rather than an amount."""
    return bool(line.bucket)


def price_of(document: Document, line: Line) -> Fraction:
    """The list rate in units of the document's currency, for ``line.per`` units; exact."""
    return line.list_rate * document.rate / NANO_PER_USD


def display_price(document: Document, line: Line) -> str:
    """``$3.00 / 1M``, exact where it ends within 12 decimals."""
    scaled = price_of(document, line) * 10**_DECIMALS_MAX
    whole, rest = divmod(round(abs(scaled)), 10**_DECIMALS_MAX)
    decimals = f"{rest:0{_DECIMALS_MAX}d}".rstrip("0")
    shown = display_minor(0, document.currency)
    unit, _, zeros = shown.partition("0")
    decimals = decimals.ljust(len(zeros.lstrip(".")), "0")
    per = _PER_NAMES.get(line.per, f"{line.per:,}")
    return f"{unit}{whole:,}{'.' if decimals else ''}{decimals}{'' if line.per == 1 else f' / {per}'}"


def describe_party(party: Party) -> list[str]:
    """The lines of an address, the name first."""
    city = f"{party.postal_code} {party.city}".strip()
    numbers = (f"VAT {party.vat_number}" if party.vat_number else "", party.registration, party.email)
    return [
        party.name,
        *(text for text in (party.street, city, name_country(party.country), *numbers) if text),
    ]


def describe_line(line: Line) -> str:
    """What a line is for, below its model."""
    name = _BUCKETS.get(line.bucket, "") if line.model else ""
    return name or line.description.removeprefix(f"{line.model}: ")


def name_step(name: str) -> str:
    """A modifier as people call it; what was agreed on goes by the id of the terms."""
    return f"Agreed in {name}" if name.startswith("terms_") else STEP_NAMES.get(name, name)


def describe_factor(factor: Fraction) -> str:
    """``× 0.5``."""
    return f"× {render_exact(factor)}"
