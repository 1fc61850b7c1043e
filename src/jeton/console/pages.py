"""Pages: templates to answers, how amounts are shown, and the security headers of every page."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from jeton.billing.currencies import display_minor
from jeton.console.choices import CHOICES, THEMES, UTC
from jeton.console.currency import convert, display_in
from jeton.console.deps import ConsoleDeps
from jeton.insight.words import (
    ALARM_SENTENCES,
    BUCKET_NAMES,
    METHOD_SENTENCES,
    ROUNDING_RULE,
    SOURCE_SENTENCES,
    STAGE_NAMES,
    STATE_SENTENCES,
    rule_sentence,
)
from jeton.money import NANO_PER_USD, display_usd, render_exact

SECURITY_HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_CENTS = 2
_NANO_DIGITS = 9


class Pages:
    """The Console's templates, with what every page knows."""

    def __init__(self, deps: ConsoleDeps) -> None:
        """Read templates from the package; nothing is rendered yet."""
        self._environment = Environment(
            loader=PackageLoader("jeton.console", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            money=display_money,
            money_cell=display_money_cell,
            minor=display_minor,
            count=display_count,
            time=display_time,
            clock=display_clock,
            moment=display_moment,
            exact=display_exact,
            nano=display_nano,
            factor=render_exact,
            percent=display_percent,
        )
        self._environment.globals.update(
            deps=deps,
            themes=THEMES,
            bucket_names=BUCKET_NAMES,
            stage_names=STAGE_NAMES,
            state_sentences=STATE_SENTENCES,
            source_sentences=SOURCE_SENTENCES,
            rounding_rule=ROUNDING_RULE,
            rule_sentence=rule_sentence,
            alarm_sentences=ALARM_SENTENCES,
            method_sentences=METHOD_SENTENCES,
        )

    def answer(self, template: str, context: Mapping[str, object], *, status: int = 200) -> Response:
        """A page as an answer."""
        html = self._environment.get_template(template).render({"display": CHOICES.get(), **context})
        return HTMLResponse(html, status, headers=dict(SECURITY_HEADERS))


def answer_json(content: object, *, status: int = 200) -> Response:
    """A page's twin: its data, indented for people."""
    body = msgspec.json.format(msgspec.json.encode(content), indent=2)
    return Response(body, status, headers=dict(SECURITY_HEADERS), media_type="application/json")


def display_money(nano: int) -> Markup:
    """An exact amount with all nine decimals on hover; over a dollar, what is finer than a cent in grey.

    29,000,000 is ``$0.029``; 1,234,567,000,001 is ``$1,234.56`` and then ``7000001`` in grey. In another
    currency it says the dollars, the rate and its day on hover.
    """
    full, shown = _say_money(nano)
    # Written out, because a page has hundreds and Markup.format takes a dozen times as long.
    return Markup(f'<span class="money" title="{full}">{shown}</span>')  # noqa: S704 - digits only


def display_money_cell(nano: int) -> Markup:
    """An amount as ``display_money`` has it, as a cell of a table: in long ones two tags less are a fifth."""
    full, shown = _say_money(nano)
    return Markup(f'<td class="number" title="{full}">{shown}</td>')  # noqa: S704 - digits only


def _say_money(nano: int) -> tuple[str, str]:
    """What an amount says on hover, and what it shows."""
    text = display_usd(nano)
    whole, _, decimals = text.partition(".")
    full = f"{whole}.{decimals.ljust(_NANO_DIGITS, '0')}"
    converted = convert(nano)
    if converted is not None:
        shown = converted.shown
        said = render_exact(shown.rate or Fraction(1))
        nano, text = converted.nano, display_in(converted.nano, shown.currency)
        full = f"{full} at {said} {shown.currency} for a dollar, of {shown.from_on}"
        whole, _, decimals = text.partition(".")
    coarse, finer = f"{whole}.{decimals}", ""
    if abs(nano) >= NANO_PER_USD:
        coarse, finer = f"{whole}.{decimals[:_CENTS]}", decimals[_CENTS:]
    return full, f'{coarse}<span class="finer">{finer}</span>' if finer else coarse


def display_exact(nano: Fraction) -> str:
    """An exact number of nano as dollars without a sign for the currency, at least two decimals."""
    text = render_exact(nano / NANO_PER_USD)
    if "/" in text:
        return text
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(_CENTS, '0')}"


def display_nano(nano: int) -> str:
    """A whole number of nano as dollars, at least two decimals."""
    return display_exact(Fraction(nano))


def display_count(count: int | None) -> str:
    """A count with thousands; "unknown" where there is none, which is not zero."""
    return "unknown" if count is None else f"{count:,}"


def display_percent(ppm: int, *, is_signed: bool = False) -> str:
    """Parts per million as a percentage with two decimals: 12,345 is ``1.23 %``, signed ``+1.23 %``.

    The space is one at which no line breaks.
    """
    hundredths = (abs(ppm) + 50) // 100
    sign = ("+" if ppm > 0 else "\u2212" if ppm < 0 else "") if is_signed and hundredths else ""
    return f"{sign}{hundredths // 100:,}.{hundredths % 100:02}\u00a0%"


def display_time(at: datetime) -> Markup:
    """An instant in the chosen zone, to the second; exact for machines, in UTC on hover."""
    return _mark_time(at, f"{at.astimezone(CHOICES.get().zone):%Y-%m-%d %H:%M:%S %Z}")


def display_moment(at: datetime) -> Markup:
    """Day and time without the year, for a log whose column names the chosen zone."""
    return _mark_time(at, f"{at.astimezone(CHOICES.get().zone):%m-%d %H:%M:%S}")


def display_clock(at: datetime) -> Markup:
    """The time of day of an instant in the chosen zone, whose name stands beside it."""
    return _mark_time(at, f"{at.astimezone(CHOICES.get().zone):%H:%M:%S}")


def _mark_time(at: datetime, text: str) -> Markup:
    utc = at.astimezone(UTC)
    if CHOICES.get().zone.key == UTC.key:
        return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(), text)
    title = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc.isoformat(), title, text)
