"""Availability: of each model, how many requests were answered, how long they took, and to the first byte."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.usage import DayRange
from jeton.metering.contract import Rule

DAYS = 30
# Below so many requests a share says nothing.
REQUESTS_MIN = 20
ROWS_MAX = 50_000

ANSWERED = frozenset(
    {Rule.COMPLETED, Rule.CACHE_PREWARMED, Rule.REFUSAL_BEFORE_OUTPUT, Rule.REFUSAL_DURING_OUTPUT}
)
# Whoever asked ended it, or was refused for what was asked: no merit and no fault of the service.
LEFT_OUT = frozenset({Rule.CLIENT_LEFT_BEFORE_OUTPUT, Rule.CLIENT_LEFT_DURING_OUTPUT, Rule.UPSTREAM_REFUSED})

_READ = """
    SELECT model, rule_id, duration_limit_ms, sum(requests) FROM ending_rollups
    WHERE day_on >= %s AND day_on < %s
    GROUP BY model, rule_id, duration_limit_ms ORDER BY model, rule_id, duration_limit_ms LIMIT %s
"""
_READ_FIRST_BYTES = """
    SELECT model, first_byte_limit_ms, sum(streams) FROM first_byte_rollups
    WHERE day_on >= %s AND day_on < %s
    GROUP BY model, first_byte_limit_ms ORDER BY model, first_byte_limit_ms LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class FirstBytes:
    """How long the streams of a model waited for their first byte: the steps of half and of 95 % of them."""

    streams: int = 0
    median_ms: int | None = None
    p95_ms: int | None = None


NO_STREAMS = FirstBytes()


@dataclass(frozen=True, slots=True)
class ModelAvailability:
    """One model: requests, how many were answered, and the steps in which half and 95 % of these lie.

    ``answered_per_million`` is rounded down, so that nothing is whole that is not. A step is its upper limit
    in milliseconds; 0: longer than every limit; None: nothing was answered.
    """

    model: str
    requests: int
    answered: int
    median_ms: int | None
    p95_ms: int | None
    first_bytes: FirstBytes = NO_STREAMS

    @property
    def answered_per_million(self) -> int:
        """The share of requests that were answered; at least one request."""
        return self.answered * 1_000_000 // self.requests


@dataclass(frozen=True, slots=True)
class Availability:
    """Every model with at least REQUESTS_MIN requests in the range."""

    as_of: datetime
    range: DayRange
    models: tuple[ModelAvailability, ...]


async def get_availability(connection: Connection) -> Availability:
    """The last DAYS days, today included."""
    as_of = clock.now()
    range_ = DayRange.last(DAYS, at=as_of)
    cursor = await connection.execute(_READ, (range_.from_on, range_.until_on, ROWS_MAX))
    by_model: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for model, rule_id, limit_ms, requests in await cursor.fetchall():
        by_model[model].append((rule_id, limit_ms, int(requests)))
    first_bytes = await _read_first_bytes(connection, range_)
    models = (
        _sum_model(model, rows, first_bytes.get(model, NO_STREAMS))
        for model, rows in sorted(by_model.items())
    )
    return Availability(as_of, range_, tuple(found for found in models if found.requests >= REQUESTS_MIN))


async def _read_first_bytes(connection: Connection, range_: DayRange) -> dict[str, FirstBytes]:
    """By model; too few streams say as little as too few requests."""
    cursor = await connection.execute(_READ_FIRST_BYTES, (range_.from_on, range_.until_on, ROWS_MAX))
    by_model: dict[str, Counter[int]] = defaultdict(Counter)
    for model, limit_ms, streams in await cursor.fetchall():
        by_model[model][limit_ms] += int(streams)
    return {
        model: FirstBytes(steps.total(), find_step(steps, percent=50), find_step(steps, percent=95))
        for model, steps in by_model.items()
        if steps.total() >= REQUESTS_MIN
    }


def _sum_model(model: str, rows: list[tuple[str, int, int]], first_bytes: FirstBytes) -> ModelAvailability:
    steps: Counter[int] = Counter()
    requests = 0
    for rule_id, limit_ms, count in rows:
        if rule_id in LEFT_OUT:
            continue
        requests += count
        if rule_id in ANSWERED:
            steps[limit_ms] += count
    answered = sum(steps.values())
    return ModelAvailability(
        model,
        requests,
        answered,
        find_step(steps, percent=50),
        find_step(steps, percent=95),
        first_bytes,
    )


def find_step(steps: Mapping[int, int], *, percent: int) -> int | None:
    """The upper limit of the step in which so many of a hundred lie at the latest; 0 is the last one.

    Of 10 within 100 ms and 10 within 250 ms, 50 % lie within 100 and 95 % within 250.
    """
    total = sum(steps.values())
    if not total:
        return None
    seen = 0
    for limit_ms in sorted(steps, key=lambda limit_ms: (limit_ms == 0, limit_ms)):
        seen += steps[limit_ms]
        if seen * 100 >= total * percent:
            return limit_ms
    return 0
