import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from jeton.app.observing.metrics import WatchCollector, make_registry
from jeton.metering.contract import Rule
from jeton.usage import Usage
from jeton.watch.tallies import Tallies

PAGE = Path(__file__).parents[3] / "src" / "jeton" / "site" / "content" / "observability.md"
# From Prometheus' own page on naming: a base unit at the end, and _total on what accumulates.
UNITS = ("_seconds", "_ratio", "_bytes", "_total", "_nanodollars")
COUNTED = ("_in_flight", "_open", "_connections", "_demoted", "_fds")


@pytest.fixture
def tallies() -> Tallies:
    made = Tallies()
    tally = made.find_model("m")
    tally.add(Rule.COMPLETED, 29_000_000, duration_s=0.3)
    tally.add(Rule.COMPLETED, 1_000_000, duration_s=700.0)
    tally.add(Rule.UPSTREAM_FAILED, 0, duration_s=0.05)
    tally.add_usage(Usage(2_000, 10, 20, 100_000, 1_500))
    tally.bound_checks, tally.bounds_exceeded = 2, 1
    series = made.find_series("m", kind="code", method="estimated")
    series.add(98, 100, is_outside=False)
    series.add(150, 100, is_outside=True)
    made.errors["overloaded"] += 1
    made.dropped["sampling"] += 7
    made.alarms_raised["bound_exceeded"] += 1
    made.alarms_open = {"bound_exceeded": 1, "tokenizer_demoted": 0}
    made.demoted.add("claude-3")
    return made


@pytest.fixture
def registry(tallies: Tallies) -> CollectorRegistry:
    stats = {"pool_size": 5, "pool_available": 3, "pool_min": 1}
    return make_registry(WatchCollector(tallies, count_in_flight=lambda: 4, read_pool=lambda: stats))


def sample(registry: CollectorRegistry, name: str, labels: Mapping[str, str] | None = None) -> float | None:
    return registry.get_sample_value(name, dict(labels or {}))


def test_requests_tokens_and_money_are_counted_by_model(registry: CollectorRegistry) -> None:
    assert sample(registry, "jeton_requests_total", {"model": "m", "rule": "completed"}) == 2
    assert sample(registry, "jeton_requests_total", {"model": "m", "rule": "upstream_failed"}) == 1
    assert sample(registry, "jeton_charged_nanodollars_total", {"model": "m"}) == 30_000_000
    tokens = {
        bucket: sample(registry, "jeton_tokens_total", {"model": "m", "bucket": bucket})
        for bucket in ("input", "cache_write_5m", "cache_write_1h", "cache_read", "output")
    }
    assert list(tokens.values()) == [2_000, 10, 20, 100_000, 1_500]


@pytest.mark.parametrize(("limit", "count"), [("0.025", 0), ("0.05", 1), ("0.5", 2), ("600", 2), ("+Inf", 3)])
def test_durations_are_a_histogram_of_seconds(registry: CollectorRegistry, limit: str, count: int) -> None:
    labels = {"model": "m", "le": limit}
    assert sample(registry, "jeton_request_duration_seconds_bucket", labels) == count
    assert sample(registry, "jeton_request_duration_seconds_sum", {"model": "m"}) == pytest.approx(700.35)


def test_errors_of_counts_are_a_histogram_by_model_kind_and_method(registry: CollectorRegistry) -> None:
    labels = {"model": "m", "kind": "code", "method": "estimated"}
    name = "jeton_token_estimate_error_ratio"
    buckets = {
        limit: sample(registry, f"{name}_bucket", {**labels, "le": limit})
        for limit in ("0.01", "0.02", "0.2", "0.5", "+Inf")
    }
    assert buckets == {"0.01": 0, "0.02": 1, "0.2": 1, "0.5": 2, "+Inf": 2}
    assert sample(registry, f"{name}_count", labels) == 2
    assert sample(registry, f"{name}_sum", labels) == pytest.approx(0.52)
    assert sample(registry, "jeton_token_estimate_tokens_total", labels) == 248
    assert sample(registry, "jeton_token_estimate_reported_tokens_total", labels) == 200
    assert sample(registry, "jeton_token_estimate_outside_interval_total", labels) == 1


def test_what_an_operator_is_woken_by_is_there(registry: CollectorRegistry) -> None:
    assert sample(registry, "jeton_token_bound_checks_total", {"model": "m"}) == 2
    assert sample(registry, "jeton_token_bound_exceeded_total", {"model": "m"}) == 1
    assert sample(registry, "jeton_token_observations_dropped_total", {"reason": "sampling"}) == 7
    assert sample(registry, "jeton_alarms_open", {"code": "bound_exceeded"}) == 1
    assert sample(registry, "jeton_alarms_open", {"code": "tokenizer_demoted"}) == 0
    assert sample(registry, "jeton_alarms_raised_total", {"code": "bound_exceeded"}) == 1
    assert sample(registry, "jeton_tokenizers_demoted", {"family": "claude-3"}) == 1
    assert sample(registry, "jeton_error_answers_total", {"code": "overloaded"}) == 1
    assert sample(registry, "jeton_requests_in_flight") == 4
    states = [
        sample(registry, "jeton_database_connections", {"state": state})
        for state in ("open", "idle", "awaited")
    ]
    assert states == [5, 3, 0]


def test_names_end_in_their_unit(registry: CollectorRegistry) -> None:
    families = list(text_string_to_metric_families(generate_latest(registry).decode()))
    ours = [family for family in families if family.name.startswith("jeton_")]
    assert len(ours) >= 17
    for family in ours:
        # The parser takes _total off a counter's name.
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name.endswith((*UNITS, *COUNTED)), name
        assert re.fullmatch(r"[a-z][a-z0-9_]+", name)
        assert family.documentation.endswith(".")


def test_every_metric_of_ours_is_documented(registry: CollectorRegistry) -> None:
    page = PAGE.read_text(encoding="utf-8")
    families = text_string_to_metric_families(generate_latest(registry).decode())
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert not name.startswith("jeton_") or f"| `{name}` |" in page, name


def test_before_any_request_a_scrape_is_possible() -> None:
    registry = make_registry(WatchCollector(Tallies(), count_in_flight=lambda: 0, read_pool=dict))
    assert b"jeton_requests_in_flight 0.0" in generate_latest(registry)
