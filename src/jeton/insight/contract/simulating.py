"""Simulating: what a month of everybody's usage would have come to under proposed prices; nothing is written.

Each organization's sums are priced under its own terms, as they will be on the day of the new price. As with
every month that is priced again, an amount is exact or an interval that surely holds the exact one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.contract.repricing import UsageSum, find_next_month, parse_sum, reprice_model
from jeton.insight.contract.terms import read_everybodys_terms
from jeton.money import render_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.terms import OwnTerms

_READ = """
    SELECT organization_id, model, service_tier, inference_geo, speed, context_window, sum(requests)::bigint,
           sum(input_tokens)::bigint, sum(cache_creation_5m_input_tokens)::bigint,
           sum(cache_creation_1h_input_tokens)::bigint, sum(cache_read_input_tokens)::bigint,
           sum(output_tokens)::bigint, sum(web_search_requests)::bigint, sum(net_nano)::bigint
    FROM usage_rollups
    WHERE day_on >= %(from_on)s AND day_on < %(until_on)s AND model = ANY (%(models)s)
    GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""


@dataclass(slots=True)
class Simulated:
    """One proposed version over a month; nano. ``unsold``: organizations that used what it does not sell."""

    version: PriceVersion
    requests: int = 0
    charged_nano: int = 0
    low_nano: int = 0
    high_nano: int = 0
    pay_more: int = 0
    pay_less: int = 0
    unsold: int = 0


async def simulate(
    connection: Connection, versions: Sequence[PriceVersion], month_on: date
) -> list[Simulated]:
    """The month (UTC) that begins on ``month_on`` under each version, all organizations together."""
    models = sorted({version.model for version in versions})
    until_on = find_next_month(month_on)
    cursor = await connection.execute(_READ, {"from_on": month_on, "until_on": until_on, "models": models})
    sums: defaultdict[tuple[str, UUID], list[UsageSum]] = defaultdict(list)
    async for row in cursor:
        sums[row[1], row[0]].append(parse_sum(row[1:]))
    found = []
    for version in versions:
        at = datetime.combine(version.from_on, time(), UTC)
        terms = await read_everybodys_terms(connection, at)
        of_model = {key[1]: some for key, some in sums.items() if key[0] == version.model}
        found.append(_simulate(version, of_model, terms, at))
    return found


def _simulate(
    version: PriceVersion,
    sums: Mapping[UUID, Sequence[UsageSum]],
    terms: Mapping[UUID, OwnTerms],
    at: datetime,
) -> Simulated:
    one = Simulated(version)
    for organization_id, some in sums.items():
        own = terms.get(organization_id)
        repriced = reprice_model(some, version, own.find(version, at) if own else None)
        if repriced.low_nano is None or repriced.high_nano is None:
            one.unsold += 1
            continue
        one.requests += repriced.requests
        one.charged_nano += repriced.charged_nano
        one.low_nano += repriced.low_nano
        one.high_nano += repriced.high_nano
        one.pay_more += repriced.low_nano > repriced.charged_nano
        one.pay_less += repriced.high_nano < repriced.charged_nano
    return one


def render_simulation(simulated: Sequence[Simulated], month_on: date) -> dict[str, object]:
    """The simulation as it is kept with a proposal and as JSON, exact dollars."""
    return {
        "month": month_on.isoformat()[:7],
        "currency": "USD",
        "data": [
            {
                "model": one.version.model,
                "price_version_id": one.version.price_version_id,
                "requests": one.requests,
                "charged_amount": render_usd(one.charged_nano),
                "least_amount": render_usd(one.low_nano),
                "most_amount": render_usd(one.high_nano),
                "organizations_that_pay_more": one.pay_more,
                "organizations_that_pay_less": one.pay_less,
                "organizations_that_used_what_is_not_sold": one.unsold,
            }
            for one in simulated
        ],
    }
