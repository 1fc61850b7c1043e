"""Today: what the usage of a receipt comes to at the prices in force now. It is said, never charged (P10)."""

from dataclasses import dataclass
from datetime import datetime

from jeton.db.pool import Connection
from jeton.money import render_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.rating import Conditions, rate
from jeton.usage import Usage

_READ = """
    SELECT content FROM price_versions WHERE price_version_id LIKE %s || '@%%'
    ORDER BY price_version_id DESC
"""


@dataclass(frozen=True, slots=True)
class AtTodaysPrices:
    """The same usage under the same conditions by the version in force at ``rated_at``; amounts in nano."""

    price_version_id: str
    rated_at: datetime
    list_nano: int
    net_nano: int


async def find_version_in_force(connection: Connection, model: str, at: datetime) -> PriceVersion | None:
    """The version of a model's price that is in force, of those that were ever loaded here."""
    pattern = model.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    cursor = await connection.execute(_READ, (pattern,))
    on = at.date()
    versions = [PriceVersion.from_content(row[0]) for row in await cursor.fetchall()]
    in_force = [
        version
        for version in versions
        if version.model == model
        and version.from_on <= on
        and (version.until_on is None or on < version.until_on)
    ]
    return max(in_force, key=lambda version: version.from_on, default=None)


def rate_today(
    usage: Usage, conditions: Conditions, version: PriceVersion, *, at: datetime
) -> AtTodaysPrices | None:
    """The usage at these prices; None where they have none for its conditions any more."""
    try:
        rating = rate(usage, version, conditions)
    except (NotPricedError, FastBatchError):
        return None
    return AtTodaysPrices(version.price_version_id, at, rating.list_nano, rating.net_nano)


def render_today(today: AtTodaysPrices, charged_nano: int) -> dict[str, object]:
    """It as JSON, beside what was charged for the usage."""
    return {
        "is_charge": False,
        "price_version": today.price_version_id,
        "rated_at": today.rated_at.isoformat(),
        "list_amount": render_usd(today.list_nano),
        "net_amount": render_usd(today.net_nano),
        "difference": render_usd(today.net_nano - charged_nano),
    }
