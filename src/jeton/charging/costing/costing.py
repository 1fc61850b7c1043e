"""Costing: what each try at an upstream cost the operator, exactly, by the upstream's own price.

A cost is never guessed: a try that may have used tokens nobody counted has none (None), which is
not zero. What was refused or never reached costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jeton.charging.costing.rows import AttemptRow, CostLine, Outcome
from jeton.charging.words import Hold, Metered, Rule
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.rating import Conditions, Rating, rate
from jeton.upstreams.attempts import Attempt
from jeton.usage import Usage

# What cannot have used any tokens.
_FREE: frozenset[str] = frozenset({"refused", "unreachable"})
_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class CostBook:
    """What one upstream costs.

    ``is_cache_its_own`` False: the usage that is charged counts a prompt cache that this upstream
    does not bill by, so to it all input is uncached.
    """

    book: PriceBook
    is_cache_its_own: bool = True


def cost_attempts(hold: Hold, end: Metered | Rule, costs: Mapping[str, CostBook]) -> tuple[AttemptRow, ...]:
    """The rows of a request that ends by ``end``; none for a single try whose price is not known."""
    attempts = hold.attempts
    if not attempts or (len(attempts) == 1 and attempts[0].upstream not in costs):
        return ()
    last = len(attempts) - 1
    return tuple(
        _cost(hold, number, attempt, costs=costs, end=end if number == last else None)
        for number, attempt in enumerate(attempts)
    )


def answered_by(attempts: Sequence[Attempt], asked: str) -> str:
    """The upstream that was tried last, which is the one that answered if any did."""
    return attempts[-1].upstream if attempts else asked


def _cost(
    hold: Hold, number: int, attempt: Attempt, *, costs: Mapping[str, CostBook], end: Metered | Rule | None
) -> AttemptRow:
    ask = hold.ask
    outcome = _outcome(attempt, end)
    book = costs.get(attempt.upstream)
    version = None if book is None else book.book.find_version(ask.model, hold.taken_at)
    usage = _used(outcome, end, book)
    conditions = end.conditions if isinstance(end, Metered) else Conditions()
    rating = _rate(usage, version, conditions)
    return AttemptRow(
        request_id=ask.request_id,
        attempt=number + 1,
        organization_id=ask.organization_id,
        model=ask.model,
        upstream=attempt.upstream,
        outcome=outcome,
        status=attempt.status,
        started_at=attempt.started_at,
        first_byte_ms=attempt.first_byte_ms,
        usage=None if usage is None else {str(bucket): count for bucket, count in usage.quantities()},
        price_version_id=None if version is None else version.price_version_id,
        price_digest=None if version is None else version.digest,
        lines=[] if rating is None else _lines(rating),
        cost_nano=None if rating is None else rating.net_nano,
    )


def _outcome(attempt: Attempt, end: Metered | Rule | None) -> Outcome:
    """How a try ended, the last one as the request did."""
    if attempt.outcome == "open":
        return "abandoned"
    if attempt.outcome != "answered" or end is None or isinstance(end, Metered):
        return attempt.outcome
    match end:
        case Rule.UPSTREAM_FAILED | Rule.UPSTREAM_FAILED_DURING_OUTPUT:
            return "broken_off"
        case Rule.CLIENT_LEFT_BEFORE_OUTPUT:
            return "abandoned"
        case _:
            return "answered"


def _used(outcome: Outcome, end: Metered | Rule | None, book: CostBook | None) -> Usage | None:
    if outcome in _FREE:
        return _NOTHING
    usage = end.usage if isinstance(end, Metered) else None
    if usage is None or book is None or book.is_cache_its_own:
        return usage
    return Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.output_tokens,
        web_search_requests=usage.web_search_requests,
    )


def _rate(usage: Usage | None, version: PriceVersion | None, conditions: Conditions) -> Rating | None:
    if usage is None or version is None:
        return None
    # What was negotiated with the organization does not change what the upstream asks.
    own = Conditions(conditions.service_tier, conditions.inference_geo, conditions.speed)
    try:
        return rate(usage, version, own)
    except (NotPricedError, FastBatchError):
        # Run under conditions that this price list does not know.
        return None


def _lines(rating: Rating) -> list[CostLine]:
    return [CostLine(line.bucket, line.quantity, line.list_nano, line.net_nano) for line in rating.lines]
