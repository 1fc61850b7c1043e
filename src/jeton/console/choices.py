"""Choices: how somebody looks at the pages: a theme, a time zone and a currency, kept in cookies.

So no script is needed. A zone or a currency in the address goes before the one in the cookie: a link shows
everybody the same.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request

THEME_COOKIE = "jeton_theme"
ZONE_COOKIE = "jeton_zone"
CURRENCY_COOKIE = "jeton_currency"
DOLLARS = "USD"
# The empty theme goes with the browser.
THEMES: Mapping[str, str] = MappingProxyType({"": "System", "paper": "Paper", "ink": "Ink"})
UTC = ZoneInfo("UTC")
PLACE_CHARS_MAX = 2_000
_CURRENCY = re.compile(r"[A-Z]{3}")
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,59}")


@dataclass(frozen=True, slots=True)
class Shown:
    """The currency in which a page shows dollars, and its units for one dollar (None if none are known)."""

    currency: str
    rate: Fraction | None
    from_on: date
    source: str


@dataclass(frozen=True, slots=True)
class Choices:
    """A theme of THEMES, the zone in which times are shown, and the one that they are shown in elsewhere.

    The two zones differ where the address names one: ``own_zone`` is the cookie's. So do the two currencies;
    without one in the cookie (``has_own_currency``) it is the organization's, where a page shows amounts so.
    ``shown`` is the one of this very page with its rate, None where that is dollars.
    """

    theme: str = ""
    zone: ZoneInfo = UTC
    own_zone: ZoneInfo = UTC
    currency: str = DOLLARS
    own_currency: str = DOLLARS
    has_own_currency: bool = False
    shown: Shown | None = None


# Of the request that is being answered: every page is rendered with them, also those of errors.
CHOICES: ContextVar[Choices] = ContextVar("choices", default=Choices())  # noqa: B039 - frozen


def find_choices(request: Request) -> Choices:
    """What is chosen; what cannot be read counts as not chosen."""
    theme = request.cookies.get(THEME_COOKIE, "")
    own_zone = find_zone(request.cookies.get(ZONE_COOKIE, ""))
    wanted = request.query_params.get("zone", "")
    kept = request.cookies.get(CURRENCY_COOKIE, "")
    own_currency = kept if _CURRENCY.fullmatch(kept) else DOLLARS
    return Choices(
        theme=theme if theme in THEMES else "",
        zone=find_zone(wanted) if wanted else own_zone,
        own_zone=own_zone,
        currency=request.query_params.get("currency", "").strip() or own_currency,
        own_currency=own_currency,
        has_own_currency=own_currency == kept,
    )


def find_zone(name: str) -> ZoneInfo:
    """The zone of a name out of a cookie or an address; UTC where there is none."""
    if not _ZONE_NAME.fullmatch(name):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A folder of zones is no zone, and says so as an OSError.
        return UTC


def find_place(request: Request) -> str:
    """Where the form of choices leads back to: this page, without a zone or a currency of its own."""
    if request.method != "GET":
        return "/console"
    pairs = [(name, text) for name, text in parse_qsl(request.url.query) if name not in {"zone", "currency"}]
    place = f"{request.url.path}?{urlencode(pairs)}" if pairs else request.url.path
    return place if len(place) <= PLACE_CHARS_MAX else request.url.path


def is_place_of_ours(text: str) -> bool:
    """Whether an address is a path on this server, whatever a browser would make of it."""
    if not text.startswith("/") or text.startswith("//") or "\\" in text:
        return False
    # Only now: urlsplit raises for some hosts, as that of //[.
    parts = urlsplit(text)
    return not parts.scheme and not parts.netloc and text.isascii() and text.isprintable()
