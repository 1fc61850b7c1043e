"""Charges against their usage and price version, and what they come to by the quarter of an hour."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from jeton.db.pool import Connection
from jeton.insight.proving.prices import Priced, Prices, read_prices
from jeton.insight.proving.proof import Proof, read_rows
from jeton.metering.events import BUCKET_SUMS, ROLLUP_SUMS, find_context_window
from jeton.money import render_usd
from jeton.pricing.rating import Conditions
from jeton.usage import Usage

_CHARGES = """
    SELECT c.request_id, c.state, c.price_version_id, c.list_nano, c.net_nano, c.overrun_nano, c.lines,
           c.draws, e.state, e.input_tokens, e.cache_creation_5m_input_tokens,
           e.cache_creation_1h_input_tokens, e.cache_read_input_tokens, e.output_tokens,
           e.web_search_requests, e.service_tier, e.inference_geo, e.speed,
           (SELECT -sum(p.amount_nano) FROM unnest(t.accounts, t.amounts) AS p (account, amount_nano)
            WHERE p.account IN ('revenue', 'promotion')),
           c.organization_id, quarter_of(e.occurred_at), c.workspace_id, c.key_id, c.model,
           (SELECT coalesce(-sum(p.amount_nano), 0)::bigint
            FROM unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, amount_nano)
            JOIN lots AS l USING (lot_id)
            WHERE p.account = 'promotion' AND l.kind IN ('free', 'promotional')),
           (SELECT coalesce(sum((d ->> 1)::bigint), 0)::bigint
            FROM jsonb_array_elements(c.draws) AS d JOIN lots AS l ON l.lot_id = d ->> 0
            WHERE l.kind IN ('free', 'promotional')),
           (SELECT coalesce(-sum(p.amount_nano), 0)::bigint
            FROM unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, amount_nano)
            WHERE p.account = 'revenue' AND p.lot_id = ''),
           c.terms_id, c.held_at, coalesce(e.thinking_tokens, 0), c.end_user, c.tag, e.end_user, e.tag
    FROM charges c
    LEFT JOIN usage_events e USING (request_id)
    LEFT JOIN transactions t ON t.transaction_id = c.transaction_id
"""


QuarterSums = dict[tuple[Any, ...], dict[str, int]]


def _nothing() -> QuarterSums:
    return defaultdict(lambda: dict.fromkeys(ROLLUP_SUMS, 0))


@dataclass(frozen=True, slots=True)
class Counted:
    """What charges come to by quarter, and of that those with a label, whichever it is."""

    sums: QuarterSums = field(default_factory=_nothing)
    labelled: QuarterSums = field(default_factory=_nothing)


async def verify_charges(connection: Connection, proof: Proof, on_progress: Callable[[int], None]) -> Counted:
    """Every charge against its usage, its prices and its postings; returns the sums by quarter."""
    prices = await read_prices(connection)
    counted = Counted()
    async for row in read_rows(connection, "charges", _CHARGES):
        proof.charges += 1
        stored = _Stored(*row[:9])
        if stored.price_version_id not in prices.versions:
            proof.find(f"Charge {stored.request_id} names a price version that is not on record.")
            continue
        prices.check_terms(proof, _priced(stored, row))
        if (row[18] or 0) != stored.net_nano:
            proof.find(
                f"Charge {stored.request_id} is {render_usd(stored.net_nano)} and its transaction took "
                f"{render_usd(int(row[18] or 0))} dollars."
            )
        if stored.state == "settled":
            _verify_settled(proof, stored, prices, row, counted)
        elif stored.net_nano:
            proof.find(f"Charge {stored.request_id} is {stored.state} and not 0.")
        on_progress(proof.transactions + proof.charges)
    return counted


class _Stored(msgspec.Struct, frozen=True):
    request_id: str
    state: str
    price_version_id: str
    list_nano: int
    net_nano: int
    overrun_nano: int
    lines: list[dict[str, Any]]
    draws: list[tuple[str, int]]
    event_state: str | None


def _priced(stored: _Stored, row: tuple[Any, ...]) -> Priced:
    return Priced(stored.request_id, stored.price_version_id, row[27], row[19], row[28])


def _verify_settled(
    proof: Proof,
    stored: _Stored,
    prices: Prices,
    row: tuple[Any, ...],
    counted: Counted,
) -> None:
    if stored.event_state != "accepted":
        proof.find(f"Charge {stored.request_id} is settled without a usage event that was accepted.")
        return
    if row[30:32] != row[32:34]:
        proof.find(f"The labels of charge {stored.request_id} are not those of its usage event.")
    usage = Usage(*row[9:15], *row[29:30])
    conditions = Conditions(service_tier=row[15], inference_geo=row[16], speed=row[17])
    rating = prices.rate(usage, _priced(stored, row), conditions)
    if (rating.list_nano, rating.net_nano) != (stored.list_nano, stored.net_nano):
        proof.find(
            f"Charge {stored.request_id} is {render_usd(stored.net_nano)} and its usage at "
            f"{stored.price_version_id} comes to {render_usd(rating.net_nano)} dollars."
        )
    lines = [(line["bucket"], line["quantity"], line["list_nano"], line["net_nano"]) for line in stored.lines]
    if lines != [(line.bucket, line.quantity, line.list_nano, line.net_nano) for line in rating.lines]:
        proof.find(f"The lines of charge {stored.request_id} are not those of its usage.")
    paid_nano = sum(nano for _, nano in stored.draws)
    if not stored.net_nano - stored.overrun_nano <= paid_nano <= stored.net_nano:
        proof.find(f"The lots of charge {stored.request_id} paid {paid_nano} of {stored.net_nano} nano.")
    free_nano, free_drawn_nano, on_credit_nano = row[24:27]
    if free_nano != free_drawn_nano:
        proof.find(
            f"Free credit paid {render_usd(free_nano)} dollars of charge {stored.request_id} by its "
            f"transaction, and {render_usd(free_drawn_nano)} by its lots."
        )
    from_lots_nano = sum(nano for lot_id, nano in stored.draws if lot_id)
    if on_credit_nano != stored.net_nano - from_lots_nano:
        proof.find(
            f"On credit are {render_usd(on_credit_nano)} dollars of charge {stored.request_id} by its "
            f"transaction, and its lots leave {render_usd(stored.net_nano - from_lots_nano)}."
        )
    key = (*row[19:24], *row[15:18], find_context_window(usage))
    added = {
        "requests": 1,
        "input_tokens": usage.input_tokens,
        "cache_creation_5m_input_tokens": usage.cache_creation_5m_input_tokens,
        "cache_creation_1h_input_tokens": usage.cache_creation_1h_input_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "output_tokens": usage.output_tokens,
        "web_search_requests": usage.web_search_requests,
        "list_nano": stored.list_nano,
        "net_nano": stored.net_nano,
        "free_credit_nano": free_nano,
        "on_credit_nano": on_credit_nano,
        "thinking_tokens": usage.thinking_tokens,
        **{f"saved_{stage}_nano": nano for stage, nano in rating.saved.items()},
        **{BUCKET_SUMS[line.bucket]: line.net_nano for line in rating.lines},
    }
    _add(counted.sums[key], added)
    if any(row[30:32]):
        _add(counted.labelled[key], added)


def _add(into: dict[str, int], added: dict[str, int]) -> None:
    for name, count in added.items():
        into[name] += count
