"""Rendering: the report on prompt caching as JSON, for the Console's twin."""

from collections.abc import Sequence
from fractions import Fraction

from jeton.insight.caching.fitting import Fit
from jeton.insight.caching.reading import BreakCause, BrokenRequest, CacheReport, CacheSums
from jeton.money import render_exact, render_usd


def render_cache_report(report: CacheReport, fits: Sequence[Fit]) -> dict[str, object]:
    """The report and how each model's writes fit, with exact dollars."""
    return {
        "type": "cache_report",
        "currency": "USD",
        "time_zone": report.stretch.zone.key,
        "as_of": report.as_of.isoformat(),
        "starts_at": report.stretch.starts_at.isoformat(),
        "ends_at": report.stretch.ends_at.isoformat(),
        "totals": _render_sums(report.totals),
        **{
            f"by_{group.removesuffix('_id')}": [{group: name, **_render_sums(sums)} for name, sums in rows]
            for group, rows in report.groups.items()
        },
        "breaks": {
            "known_cost": render_usd(report.lost_nano),
            "is_complete": not report.is_cut_off,
            "by_cause": [
                {**_render_cause(cause), "cost_per_month": render_usd(report.find_monthly(cause))}
                for cause in report.causes
            ],
            "by_day": [
                {"day": day.isoformat(), **{reason: render_usd(nano) for reason, nano in causes.items()}}
                for day, causes in report.timeline.items()
            ],
            "costliest": [_render_broken(one) for one in report.costliest],
        },
        "fits": [_render_fit(fit) for fit in fits],
    }


def _render_sums(sums: CacheSums) -> dict[str, object]:
    return {
        "requests": sums.requests,
        "input_tokens": sums.input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": sums.cache_creation_5m_input_tokens,
            "ephemeral_1h_input_tokens": sums.cache_creation_1h_input_tokens,
        },
        "cache_read_input_tokens": sums.cache_read_input_tokens,
        "cache_read_ppm": sums.read_ppm,
        "saved_by_cache": render_usd(sums.saved_nano),
        "net_amount": render_usd(sums.net_nano),
    }


def _render_cause(cause: BreakCause) -> dict[str, object]:
    return {
        "reason": cause.reason,
        "sentence": cause.sentence,
        "remedy": cause.first.found.remedy,
        "requests": cause.requests,
        "missed_input_tokens": cause.missed_tokens,
        "cost": render_usd(cause.cost_nano),
        "requests_of_unknown_cost": cause.unknown,
        "first": _render_broken(cause.first),
        "last_at": cause.last_at.isoformat(),
    }


def _render_broken(one: BrokenRequest) -> dict[str, object]:
    return {
        "request_id": one.request_id,
        "occurred_at": one.occurred_at.isoformat(),
        "api_key_id": one.key_id,
        "model": one.model,
        "reason": one.found.reason,
        "missed_input_tokens": one.found.missed_tokens,
        "cost": None if one.found.cost_nano is None else render_usd(one.found.cost_nano),
        "previous_request_id": one.found.previous_request_id,
    }


def _render_fit(fit: Fit) -> dict[str, object]:
    return {
        "model": fit.even.model,
        "price_version": fit.even.price_version_id,
        "break_even_reads_5m": _render_reads(fit.even.reads_5m),
        "break_even_reads_1h": _render_reads(fit.even.reads_1h),
        "reads_per_write": _render_reads(fit.sums.reads_per_write),
        "expired_cost": render_usd(fit.expired_nano),
        "premium_of_1h": render_usd(fit.premium_nano),
        "is_1h_better": fit.is_1h_better,
    }


def _render_reads(reads: Fraction | None) -> str | None:
    return None if reads is None else render_exact(reads)
