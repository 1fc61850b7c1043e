"""Tallies: what this process did since its start, as plain integers that a scrape reads.

They are for watching and start at zero with every process; what was charged stands in the ledger.
"""

from bisect import bisect_left
from collections import Counter

from jeton.metering.contract import Rule
from jeton.usage import Bucket, Usage
from jeton.watch.accuracy import Series

# Upper limits of a request's duration, from its committed hold to its committed charge.
DURATION_LIMITS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class ModelTally:
    """The requests of one model."""

    __slots__ = (
        "bound_checks",
        "bounds_exceeded",
        "cache_read_tokens",
        "cache_write_1h_tokens",
        "cache_write_5m_tokens",
        "charged_nano",
        "duration_buckets",
        "duration_s",
        "input_tokens",
        "output_tokens",
        "rules",
    )

    def __init__(self) -> None:
        self.rules: dict[Rule, int] = {}
        self.charged_nano = 0
        self.input_tokens = 0
        self.cache_write_5m_tokens = 0
        self.cache_write_1h_tokens = 0
        self.cache_read_tokens = 0
        self.output_tokens = 0
        self.bound_checks = 0
        self.bounds_exceeded = 0
        self.duration_s = 0.0
        # The last is for what took longer than every limit.
        self.duration_buckets = [0] * (len(DURATION_LIMITS_S) + 1)

    def add(self, rule: Rule, net_nano: int, *, duration_s: float) -> None:
        """Count one request."""
        rules = self.rules
        rules[rule] = rules.get(rule, 0) + 1
        self.charged_nano += net_nano
        self.duration_s += duration_s
        self.duration_buckets[bisect_left(DURATION_LIMITS_S, duration_s)] += 1

    def add_usage(self, usage: Usage) -> None:
        """Count its tokens."""
        self.input_tokens += usage.input_tokens
        self.cache_write_5m_tokens += usage.cache_creation_5m_input_tokens
        self.cache_write_1h_tokens += usage.cache_creation_1h_input_tokens
        self.cache_read_tokens += usage.cache_read_input_tokens
        self.output_tokens += usage.output_tokens

    @property
    def tokens(self) -> dict[Bucket, int]:
        """Tokens by the class they are priced in."""
        return {
            Bucket.INPUT: self.input_tokens,
            Bucket.CACHE_WRITE_5M: self.cache_write_5m_tokens,
            Bucket.CACHE_WRITE_1H: self.cache_write_1h_tokens,
            Bucket.CACHE_READ: self.cache_read_tokens,
            Bucket.OUTPUT: self.output_tokens,
        }


class Tallies:
    """Everything that is counted in this process."""

    def __init__(self) -> None:
        self.models: dict[str, ModelTally] = {}
        self.series: dict[tuple[str, str, str], Series] = {}
        self.errors: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.alarms_raised: Counter[str] = Counter()
        # As the database had it a moment ago, from every node; None until it was asked.
        self.alarms_open: dict[str, int] | None = None
        self.demoted: set[str] = set()

    def find_model(self, model: str) -> ModelTally:
        """The tally of a model of the price book."""
        tally = self.models.get(model)
        if tally is None:
            tally = self.models[model] = ModelTally()
        return tally

    def find_series(self, model: str, *, kind: str, method: str) -> Series:
        """The errors of a model's counts."""
        key = (model, kind, method)
        series = self.series.get(key)
        if series is None:
            series = self.series[key] = Series()
        return series
