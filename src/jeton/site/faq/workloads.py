"""Workloads: the numbers of the sliders, out of the address and into their range."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from jeton.insight.usage import UsageReport
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.site.prices.stacking import PREFERRED_MODELS, Workload


@dataclass(frozen=True, slots=True)
class Slider:
    """One number of a workload: its name in the address, its label and its range."""

    name: str
    label: str
    low: int
    high: int
    step: int


SLIDERS = (
    Slider("requests", "Requests", 1, 10_000, 1),
    Slider("shared", "Shared prompt tokens", 0, 90_000, 500),
    Slider("own", "Own prompt tokens of each", 0, 10_000, 100),
    Slider("output", "Output tokens of each", 0, 10_000, 50),
)
_DIGITS_MAX = 9


def read_workload(query: Mapping[str, str]) -> Workload:
    """The workload of an address: what is no number is the default, the rest brought into range."""
    default = Workload()
    defaults = (default.requests, default.shared_tokens, default.own_tokens, default.output_tokens)
    return Workload(
        *(
            _read(query.get(slider.name, ""), slider, fallback)
            for slider, fallback in zip(SLIDERS, defaults, strict=True)
        )
    )


def find_mean(usage: UsageReport) -> Workload | None:
    """What was used as so many equal requests, in the sliders' steps; None where there was no request.

    What went through the cache is the shared part. 3 requests with 1,000 tokens of input, 27,000 read from
    the cache and 400 of output are 3 times 9,000 shared and 300 own tokens with 150 of output.
    """
    sums = usage.totals
    if not sums.requests:
        return None
    shared_tokens = (
        sums.cache_creation_5m_input_tokens
        + sums.cache_creation_1h_input_tokens
        + sums.cache_read_input_tokens
    )
    totals = (shared_tokens, sums.input_tokens, sums.output_tokens)
    requests, *others = SLIDERS
    return Workload(
        min(sums.requests, requests.high),
        *(_round(total, sums.requests, slider) for total, slider in zip(totals, others, strict=True)),
    )


def render_query(workload: Workload, model: str) -> str:
    """The address of the sliders with these numbers, "" for no model in particular."""
    values = (workload.requests, workload.shared_tokens, workload.own_tokens, workload.output_tokens)
    pairs = {slider.name: value for slider, value in zip(SLIDERS, values, strict=True)}
    return urlencode({**({"model": model} if model else {}), **pairs})


def list_choices(book: PriceBook, at: datetime) -> list[PriceVersion]:
    """The models that are sold in batches, so that all four ways have a price."""
    versions = [book.find_version(model, at) for model in book.models()]
    return [
        version
        for version in versions
        if version is not None and version.has_batch and version.lifecycle(at) != "retired"
    ]


def choose_model(choices: list[PriceVersion], model: str) -> PriceVersion | None:
    """The model of an address, else the newest one that is known best, else the first."""
    by_model = {version.model: version for version in choices}
    for name in (model, *reversed(PREFERRED_MODELS)):
        if name in by_model:
            return by_model[name]
    return choices[0] if choices else None


def _read(text: str, slider: Slider, fallback: int) -> int:
    if not text.isascii() or not text.isdecimal():
        return fallback
    return max(slider.low, min(slider.high, int(text[:_DIGITS_MAX])))


def _round(total: int, requests: int, slider: Slider) -> int:
    """A request's part of a total in the slider's step and range; more than nothing is a step at least."""
    nearest = (2 * total + requests * slider.step) // (2 * requests * slider.step)
    steps = max(nearest, 1 if total else 0)
    return max(slider.low, min(slider.high, steps * slider.step))
