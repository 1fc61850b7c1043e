"""Attempts: what was tried for one request, what each try cost, and what is left of its charge.

A margin is known only if the cost of every try is: unknown is a state, never a zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from jeton.db.pool import Connection
from jeton.money import render_usd

_READ = "SELECT * FROM upstream_attempts WHERE request_id = %s ORDER BY attempt"


@dataclass(frozen=True, slots=True)
class AttemptCost:
    """One try; ``cost_nano`` None means that nobody knows."""

    attempt: int
    upstream: str
    outcome: str
    status: int
    started_at: datetime
    first_byte_ms: int
    usage: dict[str, int] | None
    price_version_id: str | None
    price_digest: str | None
    lines: list[dict[str, Any]]
    cost_nano: int | None


async def list_attempts(connection: Connection, request_id: str) -> tuple[AttemptCost, ...]:
    """Every try of a request, in order; none where a single upstream without a price of its own was asked."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_READ, (request_id,))
        rows = await cursor.fetchall()
    return tuple(AttemptCost(**{name: row[name] for name in AttemptCost.__slots__}) for row in rows)


def sum_costs(attempts: Sequence[AttemptCost]) -> int | None:
    """What all tries cost together, in nano; None if that of one is unknown, or there is none."""
    costs = [attempt.cost_nano for attempt in attempts]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if costs and len(known) == len(costs) else None


def render_operator_part(attempts: Sequence[AttemptCost], net_nano: int) -> dict[str, object]:
    """What an operator's receipt says more; ``net_nano`` is what the organization was charged."""
    cost_nano = sum_costs(attempts)
    return {
        "upstream_cost": _render(cost_nano),
        "margin": None if cost_nano is None else render_usd(net_nano - cost_nano),
        "attempts": [
            {
                "attempt": attempt.attempt,
                "upstream": attempt.upstream,
                "outcome": attempt.outcome,
                "status": attempt.status or None,
                "started_at": attempt.started_at.isoformat(),
                "first_byte_ms": attempt.first_byte_ms,
                "usage": attempt.usage,
                "price_version": attempt.price_version_id,
                "price_digest": attempt.price_digest,
                "lines": [
                    {
                        "bucket": line["bucket"],
                        "quantity": line["quantity"],
                        "list_amount": render_usd(line["list_nano"]),
                        "net_amount": render_usd(line["net_nano"]),
                    }
                    for line in attempt.lines
                ],
                "cost": _render(attempt.cost_nano),
            }
            for attempt in attempts
        ],
    }


def _render(nano: int | None) -> str | None:
    return None if nano is None else render_usd(nano)
