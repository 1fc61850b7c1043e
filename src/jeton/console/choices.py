"""Choices: how somebody looks at the pages: a theme and a time zone, kept in cookies, so no script is needed.

A zone in the address goes before the one in the cookie: a link shows everybody the same.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request

THEME_COOKIE = "jeton_theme"
ZONE_COOKIE = "jeton_zone"
# The empty theme goes with the browser.
THEMES: Mapping[str, str] = MappingProxyType({"": "System", "paper": "Paper", "ink": "Ink"})
UTC = ZoneInfo("UTC")
PLACE_CHARS_MAX = 2_000
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,59}")


@dataclass(frozen=True, slots=True)
class Choices:
    """A theme of THEMES, the zone in which times are shown, and the one that they are shown in elsewhere.

    The two zones differ where the address names one: ``own_zone`` is the cookie's.
    """

    theme: str = ""
    zone: ZoneInfo = UTC
    own_zone: ZoneInfo = UTC


# Of the request that is being answered: every page is rendered with them, also those of errors.
CHOICES: ContextVar[Choices] = ContextVar("choices", default=Choices())  # noqa: B039 - frozen


def find_choices(request: Request) -> Choices:
    """What is chosen; what cannot be read counts as not chosen."""
    theme = request.cookies.get(THEME_COOKIE, "")
    own_zone = find_zone(request.cookies.get(ZONE_COOKIE, ""))
    wanted = request.query_params.get("zone", "")
    return Choices(theme if theme in THEMES else "", find_zone(wanted) if wanted else own_zone, own_zone)


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
    """Where the form of choices leads back to: this page, without a zone of its own."""
    if request.method != "GET":
        return "/console"
    pairs = [(name, text) for name, text in parse_qsl(request.url.query) if name != "zone"]
    place = f"{request.url.path}?{urlencode(pairs)}" if pairs else request.url.path
    return place if len(place) <= PLACE_CHARS_MAX else request.url.path


def is_place_of_ours(text: str) -> bool:
    """Whether an address is a path on this server, whatever a browser would make of it."""
    parts = urlsplit(text)
    is_path = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return is_path and not parts.scheme and not parts.netloc and text.isascii() and text.isprintable()
