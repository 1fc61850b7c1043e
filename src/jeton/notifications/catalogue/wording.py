"""Wording: amounts, instants and periods as a sentence to people has them.

An instant always has its zone beside it, an amount its currency: whoever reads a mail cannot ask.
"""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jeton.money import display_usd, parse_usd

Period = Literal["day", "week", "month", "total"]

_ADJECTIVES: dict[Period, str] = {"day": "daily", "week": "weekly", "month": "monthly", "total": "total"}


def render_amount(dollars: str) -> str:
    """Exact dollars as people write them: ``1234.5`` is ``$1,234.50``."""
    return display_usd(parse_usd(dollars))


def subtract(dollars: str, less: str) -> str:
    """What is left of an amount, and never below nothing, as people write it."""
    return display_usd(max(0, parse_usd(dollars) - parse_usd(less)))


def render_instant(at: datetime, zone: str) -> str:
    """``1 December 2026, 00:00 (Europe/Berlin)``; in UTC where this machine does not know the zone."""
    try:
        local = at.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        local, zone = at.astimezone(ZoneInfo("UTC")), "UTC"
    return f"{local.day} {local:%B %Y, %H:%M} ({zone})"


def render_adjective(period: Period) -> str:
    """``monthly`` for a budget by month."""
    return _ADJECTIVES[period]


def count(number: int, noun: str) -> str:
    """``1 day``, ``7 days``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def end_sentence(text: str) -> str:
    """A text of somebody else's as the end of a sentence."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
