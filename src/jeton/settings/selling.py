"""Selling: parsers of what stands on documents: countries, currencies, tax rates, numbers."""

import base64
import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

from jeton.billing.currencies import minor_digits
from jeton.billing.identifiers import check_bic, check_iban, check_vat_number
from jeton.billing.invoicing.words import TaxRate
from jeton.errors import InvalidInputError, MoneyError
from jeton.money import parse_exact
from jeton.settings.parsers import parse_path

PERCENT = 100
NUMBER_CHARS_MAX = 60
SECRET_CHARS_MIN = 32
SECRET_BYTES_MIN = 24
ALWAYS_ON = date(2000, 1, 1)

_COUNTRY = re.compile(r"[A-Z]{2}")
_PLACES = re.compile(r"\{(year|number(?::0[1-9]d)?)\}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_NAME = re.compile(r"[a-z0-9_-]{1,60}")
_PLAIN = re.compile(r"[A-Za-z0-9 ./_-]*")


def parse_country(text: str) -> str:
    """An ISO 3166-1 code of two letters, or nothing."""
    country = text.strip().upper()
    if country and _COUNTRY.fullmatch(country) is None:
        raise ValueError("is not an ISO 3166-1 code of a country such as DE")
    return country


def parse_currency(text: str) -> str:
    """An ISO 4217 code."""
    currency = text.strip().upper()
    try:
        minor_digits(currency)
    except InvalidInputError:
        raise ValueError("is not an ISO 4217 code of a currency such as EUR") from None
    return currency


def parse_named_secrets(text: str) -> tuple[tuple[str, str], ...]:
    """``name=secret`` pairs with ',' between; no name twice, no secret that could be guessed."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, sign, secret = part.partition("=")
        if not sign or _NAME.fullmatch(name) is None or name in found:
            raise ValueError("is not NAME=SECRET, each name once: small letters, digits, '-' and '_'")
        if len(secret) < SECRET_CHARS_MIN or not secret.isascii() or not secret.isprintable():
            raise ValueError(f"has a secret of fewer than {SECRET_CHARS_MIN} printable ASCII characters")
        found[name] = secret
    return tuple(found.items())


def parse_endpoint(text: str) -> str:
    """An http(s) address of one place, perhaps with a path, or nothing; no password in it, no fragment."""
    url = text.strip()
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not url.isascii() or not url.isprintable() or set(url) & set(" @#"):
        raise ValueError("is not an address such as https://tax.example.com/jeton")
    return url


def parse_signing_secret(text: str) -> str:
    """A secret of Standard Webhooks: ``whsec_`` and 24 bytes or more as Base64; or nothing."""
    secret = text.strip()
    if not secret:
        return ""
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except ValueError:
        size = 0
    if not secret.startswith("whsec_") or size < SECRET_BYTES_MIN:
        raise ValueError(f"is not whsec_ followed by {SECRET_BYTES_MIN} bytes or more as Base64")
    return secret


def parse_vat_number(text: str) -> str:
    """A VAT number by its form and check digits, or nothing."""
    return _check(check_vat_number, text)


def parse_iban(text: str) -> str:
    """An IBAN by its check digits, or nothing."""
    return _check(check_iban, text)


def parse_bic(text: str) -> str:
    """A BIC by its form, or nothing."""
    return _check(check_bic, text)


def _check(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text) if text.strip() else ""
    except InvalidInputError as error:
        raise ValueError(f"cannot be right: {error}") from None


def parse_colour(text: str) -> str:
    """A colour as six hexadecimal digits."""
    colour = text.strip().lower()
    if _COLOUR.fullmatch(colour) is None:
        raise ValueError("is not a colour such as #2f4ac0")
    return colour


def parse_folder(text: str) -> Path | None:
    """The path of a folder that is there, or nothing."""
    if not text.strip():
        return None
    path = parse_path(text.strip())
    if not path.is_dir():
        raise ValueError("is not a folder")
    return path


def parse_tax_rates(text: str) -> tuple[TaxRate, ...]:
    """Rates in percent by country, each as COUNTRY=PERCENT or COUNTRY=PERCENT@DATE."""
    rates = []
    for part in (one.strip() for one in text.split(",") if one.strip()):
        country, _, rest = part.partition("=")
        text_of_rate, _, text_of_day = rest.partition("@")
        try:
            percent = parse_exact(text_of_rate.removesuffix("%"))
            from_on = date.fromisoformat(text_of_day) if text_of_day else ALWAYS_ON
        except (ValueError, MoneyError):
            raise ValueError(
                f"has {part!r}, which is not COUNTRY=PERCENT@DATE as in DE=19@2007-01-01"
            ) from None
        if _COUNTRY.fullmatch(country) is None:
            raise ValueError(f"has {part!r}, which begins with no ISO 3166-1 code of a country")
        if not 0 <= percent <= PERCENT:
            raise ValueError(f"has a rate that is not from 0 to {PERCENT} percent, {part!r}")
        rates.append(TaxRate(country, Fraction(percent) / PERCENT, from_on))
    if len({(rate.country, rate.from_on) for rate in rates}) != len(rates):
        raise ValueError("has two rates for one country from the same day")
    return tuple(rates)


def parse_number_format(text: str) -> str:
    """How numbers are written: {number} once, at the end, maybe with a width; {year} before it or not."""
    written = text.strip()
    places = _PLACES.findall(written)
    is_sound = (
        len(written) <= NUMBER_CHARS_MAX
        and _PLAIN.fullmatch(_PLACES.sub("", written)) is not None
        and [place.split(":")[0] for place in places] in (["number"], ["year", "number"])
        and written.endswith("}")
        and "{" not in _PLACES.sub("", written)
    )
    if not is_sound:
        raise ValueError("is not a number with {number} at its end, such as INV-{year}-{number:06d}")
    return written
