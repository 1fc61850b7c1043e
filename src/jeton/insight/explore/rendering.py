"""Rendering: a report as JSON and as rows of a file, from the same cells, so that no two can disagree.

Minutes have no amounts, and narrowed reports know few sums, which is said by leaving the others out. Amounts
are exact decimal strings of dollars in JSON; files have whole nano-dollars beside them.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC
from itertools import compress
from typing import Literal

from jeton.insight.explore.question import Cell, Group, Report
from jeton.insight.explore.sums import Sums, render_sums
from jeton.money import render_usd
from jeton.pricing.rating import STAGES

ColumnKind = Literal["text", "count", "nano", "usd", "time"]

_SAVED = tuple(f"saved_{stage}" for stage in STAGES)
_COUNTED = frozenset(
    {
        *("requests", "input_tokens", "cache_creation", "cache_read_input_tokens", "output_tokens"),
        *("output_tokens_details", "web_search_requests"),
    }
)
_AMOUNTS = ("list", *_SAVED, "charged", "reversed", "net", "free_credit", "due")
# Beside an amount in dollars: JSON has its currency once and no nano.
_FILES_ONLY = frozenset({"charged_nano", "currency"})
_AMOUNT_COLUMNS: Mapping[str, ColumnKind] = {
    **{f"{name}_amount": "usd" for name in _AMOUNTS},
    **{f"{name}_nano": "nano" for name in _AMOUNTS},
    "currency": "text",
}


def render_report(report: Report) -> dict[str, object]:
    """The report as pages' twins give it."""
    question = report.question
    return {
        "type": "usage_report",
        "organization_id": str(question.organization_id),
        "currency": "USD",
        "time_zone": question.stretch.zone.key,
        "as_of": report.as_of.isoformat(),
        "starting_at": report.buckets.cuts[0].isoformat(),
        "ending_at": report.buckets.cuts[-1].isoformat(),
        "bucket_width": question.step,
        "group_by": list(question.group_by),
        "filters": {
            **{name: list(values) for name, values in question.where.items()},
            **{name: [value] for name, value in report.narrowed_to.items()},
        },
        "totals": _render_sums(report, report.totals),
        "groups": [
            {**render_group(report, group), **_render_sums(report, sums)}
            for group, sums in report.by_group.items()
        ],
        "rows": [
            {
                **_render_bucket(report, cell),
                **render_group(report, cell.group),
                **_render_sums(report, cell.sums),
            }
            for cell in report.cells
        ],
    }


def _render_sums(report: Report, sums: Sums) -> dict[str, object]:
    if report.columns is not None:
        named = zip(_list_sums(report), _list_values(report, sums), strict=True)
        return {name: value for name, value in named if name in report.columns and name not in _FILES_ONLY}
    rendered = render_sums(sums)
    if report.has_amounts:
        return rendered
    return {name: value for name, value in rendered.items() if name in _COUNTED}


def render_group(report: Report, group: Group) -> dict[str, str | None]:
    """What a group is: a value for each dimension, None for all that are not told apart."""
    return dict(zip(report.question.group_by, group, strict=True))


def _render_bucket(report: Report, cell: Cell) -> dict[str, str]:
    starts_at, ends_at = report.buckets.stretch(cell.bucket)
    return {"starting_at": starts_at.isoformat(), "ending_at": ends_at.isoformat()}


def list_columns(report: Report) -> Mapping[str, ColumnKind]:
    """The columns of a file, by name, and what is in them."""
    known = {
        name: kind
        for name, kind in _list_sums(report).items()
        if report.columns is None or name in report.columns
    }
    return {
        "starting_at": "time",
        "ending_at": "time",
        **dict.fromkeys(report.question.group_by, "text"),
        **known,
    }


def _list_sums(report: Report) -> Mapping[str, ColumnKind]:
    return {
        "requests": "count",
        "input_tokens": "count",
        "cache_creation_5m_input_tokens": "count",
        "cache_creation_1h_input_tokens": "count",
        "cache_read_input_tokens": "count",
        "output_tokens": "count",
        "thinking_tokens": "count",
        "web_search_requests": "count",
        **(_AMOUNT_COLUMNS if report.has_amounts else {}),
    }


def list_rows(report: Report) -> Iterator[tuple[object, ...]]:
    """The rows of a file: times are aware and UTC, counts and nano whole numbers, amounts exact dollars."""
    keeps = [report.columns is None or name in report.columns for name in _list_sums(report)]
    for cell in report.cells:
        starts_at, ends_at = report.buckets.stretch(cell.bucket)
        values = compress(_list_values(report, cell.sums), keeps)
        yield (starts_at.astimezone(UTC), ends_at.astimezone(UTC), *cell.group, *values)


def _list_values(report: Report, sums: Sums) -> tuple[object, ...]:
    amounts = _list_amounts(sums)
    money = (*map(render_usd, amounts), *amounts, "USD") if report.has_amounts else ()
    return (
        sums.requests,
        sums.input_tokens,
        sums.cache_creation_5m_input_tokens,
        sums.cache_creation_1h_input_tokens,
        sums.cache_read_input_tokens,
        sums.output_tokens,
        sums.thinking_tokens,
        sums.web_search_requests,
        *money,
    )


def _list_amounts(sums: Sums) -> tuple[int, ...]:
    saved = sums.saved_by_stage.values()
    return (
        sums.list_nano,
        *saved,
        sums.charged_nano,
        sums.reversed_nano,
        sums.net_nano,
        sums.free_credit_nano,
        sums.due_nano,
    )
