"""Margins: what is left of an organization's charges after their cost upstream, by model and by token class.

Both are read from the month's sums by day, which the transactions that end requests keep. Only requests count
whose whole cost is known, before reversals. The classes of a charge and of its tries need not be the same: an
upstream without a prompt cache bills as input what was charged as a cache read, and both rows show it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.contract.repricing import find_next_month
from jeton.money import render_usd

PPM = 1_000_000

_MODELS = """
    SELECT model AS name, sum(requests)::bigint AS requests, NULL::bigint AS sold, NULL::bigint AS bought,
           sum(net_nano)::bigint AS net_nano, sum(cost_nano)::bigint AS cost_nano
    FROM cost_rollups
    WHERE organization_id = %(organization_id)s AND day_on >= %(from_on)s AND day_on < %(until_on)s
    GROUP BY model HAVING sum(requests) > 0 ORDER BY sum(net_nano) DESC, model
"""
_CLASSES = """
    SELECT bucket AS name, NULL::bigint AS requests, sum(sold)::bigint AS sold, sum(bought)::bigint AS bought,
           sum(net_nano)::bigint AS net_nano, sum(cost_nano)::bigint AS cost_nano
    FROM cost_classes
    WHERE organization_id = %(organization_id)s AND day_on >= %(from_on)s AND day_on < %(until_on)s
    GROUP BY bucket ORDER BY bucket
"""


@dataclass(frozen=True, slots=True)
class Margin:
    """Of a model, with its requests, or of a token class, with tokens ``sold`` and ``bought``; in nano."""

    name: str
    requests: int | None
    sold: int | None
    bought: int | None
    net_nano: int
    cost_nano: int

    @property
    def margin_nano(self) -> int:
        """What is left; below zero it was sold for less than it cost."""
        return self.net_nano - self.cost_nano

    @property
    def margin_ppm(self) -> int | None:
        """What is left of each million that was charged; None where nothing was."""
        return self.margin_nano * PPM // self.net_nano if self.net_nano else None


@dataclass(frozen=True, slots=True)
class Margins:
    """A month of one organization; by model and by class it is the same requests."""

    as_of: datetime
    month_on: date
    models: tuple[Margin, ...]
    classes: tuple[Margin, ...]

    @property
    def total(self) -> Margin:
        """All models together."""
        return _sum(self.models)

    @property
    def classes_total(self) -> Margin:
        """All classes together."""
        return _sum(self.classes)


async def read_margins(connection: Connection, organization_id: UUID, month_on: date) -> Margins:
    """The margins of the month (UTC) that begins on ``month_on``."""
    values: dict[str, Any] = {
        "organization_id": organization_id,
        "from_on": month_on,
        "until_on": find_next_month(month_on),
    }
    async with connection.cursor(row_factory=class_row(Margin)) as cursor:
        await cursor.execute(_MODELS, values)
        models = tuple(await cursor.fetchall())
        await cursor.execute(_CLASSES, values)
        classes = tuple(await cursor.fetchall())
    return Margins(clock.now(), month_on, models, classes)


def render_margins(margins: Margins) -> dict[str, object]:
    """The margins as the page's twin has them, exact dollars."""
    return {
        "type": "margins",
        "as_of": margins.as_of.isoformat(),
        "month": margins.month_on.isoformat()[:7],
        "currency": "USD",
        "models": [_render(one) for one in margins.models],
        "total": _render(margins.total),
        "token_classes": [_render(one) for one in margins.classes],
    }


def _render(one: Margin) -> dict[str, object]:
    return {
        "name": one.name,
        "requests": one.requests,
        "tokens_charged": one.sold,
        "tokens_paid_upstream": one.bought,
        "charged_amount": render_usd(one.net_nano),
        "upstream_cost": render_usd(one.cost_nano),
        "margin": render_usd(one.margin_nano),
    }


def _sum(parts: tuple[Margin, ...]) -> Margin:
    return Margin(
        "",
        sum(one.requests or 0 for one in parts),
        None,
        None,
        sum(one.net_nano for one in parts),
        sum(one.cost_nano for one in parts),
    )
