"""Metrics: the tallies of this process in the words of Prometheus, made when somebody asks.

Requests only add to plain integers; nothing here runs on their way. Names carry their unit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from jeton.watch.accuracy import ERROR_LIMITS_PPM, PPM
from jeton.watch.tallies import DURATION_LIMITS_S, ModelTally, Tallies

COUNT_LABELS = ("model", "kind", "method")
# What the pool of connections says of itself, and what it is called here.
_POOL_STATES = {"pool_size": "open", "pool_available": "idle", "requests_waiting": "awaited"}


class WatchCollector(Collector):
    """Reads the tallies, and what the callables say, at each scrape."""

    def __init__(
        self,
        tallies: Tallies,
        *,
        count_in_flight: Callable[[], int],
        read_pool: Callable[[], dict[str, int]],
    ) -> None:
        """``read_pool`` gives the statistics of the connection pool."""
        self._tallies = tallies
        self._count_in_flight = count_in_flight
        self._read_pool = read_pool

    def collect(self) -> Iterable[Metric]:
        """Every metric of ours."""
        yield from self._requests()
        yield from self._bounds()
        yield from self._estimates()
        yield from self._alarms()
        yield from self._load()

    def _requests(self) -> Iterator[Metric]:
        models = self._tallies.models
        requests = CounterMetricFamily(
            "jeton_requests", "Requests whose hold has ended, by billing rule.", labels=("model", "rule")
        )
        tokens = CounterMetricFamily(
            "jeton_tokens", "Tokens as the upstream reported them.", labels=("model", "bucket")
        )
        charged = CounterMetricFamily(
            "jeton_charged_nanodollars", "Net amounts charged; the ledger is exact.", labels=("model",)
        )
        durations = HistogramMetricFamily(
            "jeton_request_duration_seconds",
            "From a request's committed hold to its committed charge.",
            labels=("model",),
        )
        for model, tally in models.items():
            for rule, count in tally.rules.items():
                requests.add_metric((model, rule.value), count)
            for bucket, count in tally.tokens.items():
                tokens.add_metric((model, bucket.value), count)
            charged.add_metric((model,), tally.charged_nano)
            buckets = _cumulate([f"{limit:g}" for limit in DURATION_LIMITS_S], tally.duration_buckets)
            durations.add_metric((model,), buckets, tally.duration_s)
        yield from (requests, tokens, charged, durations)
        errors = CounterMetricFamily(
            "jeton_error_answers", "Errors answered here, by code.", labels=("code",)
        )
        for code, count in self._tallies.errors.items():
            errors.add_metric((code,), count)
        yield errors

    def _bounds(self) -> Iterator[Metric]:
        def counter(name: str, sentence: str, read: Callable[[ModelTally], int]) -> Metric:
            family = CounterMetricFamily(name, sentence, labels=("model",))
            for model, tally in self._tallies.models.items():
                family.add_metric((model,), read(tally))
            return family

        yield counter(
            "jeton_token_bound_checks",
            "Settled requests whose bound was compared with the upstream's count.",
            lambda tally: tally.bound_checks,
        )
        yield counter(
            "jeton_token_bound_exceeded",
            "Settled requests that went beyond the bound which sized their hold.",
            lambda tally: tally.bounds_exceeded,
        )

    def _estimates(self) -> Iterator[Metric]:
        errors = HistogramMetricFamily(
            "jeton_token_estimate_error_ratio",
            "Absolute error of counts made here, relative to the upstream's count.",
            labels=COUNT_LABELS,
        )
        counted = CounterMetricFamily(
            "jeton_token_estimate_tokens", "Prompt tokens as counted here.", labels=COUNT_LABELS
        )
        reported = CounterMetricFamily(
            "jeton_token_estimate_reported_tokens",
            "Prompt tokens of the same requests as the upstream reported them.",
            labels=COUNT_LABELS,
        )
        outside = CounterMetricFamily(
            "jeton_token_estimate_outside_interval",
            "Counts of the upstream outside the interval given here.",
            labels=COUNT_LABELS,
        )
        limits = [f"{limit / PPM:g}" for limit in ERROR_LIMITS_PPM]
        for labels, series in self._tallies.series.items():
            sums = series.sums
            errors.add_metric(labels, _cumulate(limits, series.buckets), sums.absolute_error_ppm / PPM)
            counted.add_metric(labels, sums.counted_tokens)
            reported.add_metric(labels, sums.reported_tokens)
            outside.add_metric(labels, sums.outside)
        yield from (errors, counted, reported, outside)
        dropped = CounterMetricFamily(
            "jeton_token_observations_dropped",
            "Settled requests whose prompt was not counted again, by reason.",
            labels=("reason",),
        )
        for reason, count in self._tallies.dropped.items():
            dropped.add_metric((reason,), count)
        yield dropped

    def _alarms(self) -> Iterator[Metric]:
        raised = CounterMetricFamily(
            "jeton_alarms_raised", "Times that this process had reason for an alarm.", labels=("code",)
        )
        for code, count in self._tallies.alarms_raised.items():
            raised.add_metric((code,), count)
        yield raised
        is_open = GaugeMetricFamily(
            "jeton_alarms_open", "Alarms that nobody has acknowledged, of every process.", labels=("code",)
        )
        for code, count in (self._tallies.alarms_open or {}).items():
            is_open.add_metric((code,), count)
        yield is_open
        demoted = GaugeMetricFamily(
            "jeton_tokenizers_demoted", "1 for a rebuilt tokenizer that is not used.", labels=("family",)
        )
        for family in sorted(self._tallies.demoted):
            demoted.add_metric((family,), 1)
        yield demoted

    def _load(self) -> Iterator[Metric]:
        in_flight = self._count_in_flight()
        yield GaugeMetricFamily("jeton_requests_in_flight", "Exchanges that have not ended.", in_flight)
        connections = GaugeMetricFamily(
            "jeton_database_connections", "Connections to PostgreSQL, by state.", labels=("state",)
        )
        stats = self._read_pool()
        for name, state in _POOL_STATES.items():
            connections.add_metric((state,), stats.get(name, 0))
        yield connections


def _cumulate(limits: Sequence[str], buckets: Sequence[int]) -> list[tuple[str, float]]:
    """Buckets as Prometheus wants them: each holds all that are below it."""
    return list(zip((*limits, "+Inf"), accumulate(buckets), strict=True))


def make_registry(collector: WatchCollector) -> CollectorRegistry:
    """The metrics of this installation: ours, and CPU, memory and files of the process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    ProcessCollector(registry=registry)
    return registry
