"""Report: what was counted, with its price, as a table for people or as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from jeton.cli.tokens.counting import FileCount
from jeton.cli.tokens.sources import Skipped
from jeton.money import display_usd, render_usd
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import STANDARD, rate
from jeton.tokens.count import Count, add_counts
from jeton.tokens.families import Span
from jeton.usage import Usage

_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one command found; ``frame`` is what a single message adds to the files' tokens."""

    version: PriceVersion
    files: Sequence[FileCount]
    skipped: Sequence[Skipped]
    frame: Span

    @property
    def total(self) -> Count:
        """All files' tokens."""
        return add_counts((one.count for one in self.files), self.version.family)

    @property
    def prompt(self) -> Count:
        """A prompt whose one message is all files."""
        total, frame = self.total, self.frame
        value, low, high = total.value + frame.value, total.low + frame.low, total.high + frame.high
        return Count(value, low, high, total.method, total.family, total.calibration)


def render_report(report: Report) -> dict[str, Any]:
    """The report as JSON; amounts are exact decimal strings of dollars."""
    version = report.version
    return {
        "model": version.model,
        "family": version.family,
        "price_version": version.price_version_id,
        "currency": "USD",
        "files": [_render_file(one, version) for one in report.files],
        "skipped": [
            {"file": one.name, "reason": one.reason, "failed": one.has_failed} for one in report.skipped
        ],
        "total": {
            **_render_count(report.total, version),
            **_render_measures(report.files, report.total),
        },
        "prompt": {**_render_count(report.prompt, version), "max_input_tokens": version.max_input_tokens},
    }


def print_report(console: Console, report: Report) -> None:
    """The report as a table, what was passed over, and the cost of all files as one prompt."""
    version, prompt = report.version, report.prompt
    table = Table(title=f"{version.display_name} · {version.price_version_id}", title_justify="left")
    table.add_column("File", overflow="fold")
    for heading in ("Content", "How"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Tokens", "Between", "Characters", "per token", "Words per token", "Cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in report.files:
        table.add_row(one.name, one.kind, *_columns(one.count, [one], version))
    if len(report.files) > 1:
        table.add_section()
        table.add_row(f"{len(report.files):,} files", "", *_columns(report.total, report.files, version))
    if report.files:
        console.print(table)
        console.print(
            f"As one message: {prompt.value:,} tokens{_between(prompt, ' (between {} and {})')},"
            f" {display_usd(_cost_nano(prompt.value, version))} of input."
        )
    if prompt.value > version.max_input_tokens:
        console.print(f"{version.model} takes at most {version.max_input_tokens:,} tokens.")
    for file in report.files:
        for note in file.notes:
            console.print(f"{file.name}: {note}.", style="dim", markup=False)
    for skipped in report.skipped:
        console.print(f"Skipped {skipped.name}: {skipped.reason}.", style="dim", markup=False)


def _columns(count: Count, files: Sequence[FileCount], version: PriceVersion) -> tuple[str, ...]:
    measures = _render_measures(files, count)
    return (
        count.method,
        f"{count.value:,}",
        _between(count, "{} – {}"),
        f"{measures['characters']:,}" if measures["characters"] else "",
        _show(measures["characters_per_token"]),
        _show(measures["words_per_token"]),
        display_usd(_cost_nano(count.value, version)),
    )


def _between(count: Count, template: str) -> str:
    return "" if count.low == count.high else template.format(f"{count.low:,}", f"{count.high:,}")


def _show(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.{_DECIMALS}f}"


def _render_file(one: FileCount, version: PriceVersion) -> dict[str, Any]:
    return {
        "file": one.name,
        "content": one.kind,
        **_render_count(one.count, version),
        "bytes": one.size,
        **_render_measures([one], one.count),
        "notes": list(one.notes),
    }


def _render_count(count: Count, version: PriceVersion) -> dict[str, Any]:
    return {
        "method": count.method,
        "calibration": count.calibration or None,
        "tokens": count.value,
        "tokens_low": count.low,
        "tokens_high": count.high,
        "cost": render_usd(_cost_nano(count.value, version)),
        "cost_low": render_usd(_cost_nano(count.low, version)),
        "cost_high": render_usd(_cost_nano(count.high, version)),
    }


def _render_measures(files: Sequence[FileCount], count: Count) -> dict[str, Any]:
    """Characters and words of the texts among ``files``, each per token of them."""
    texts = [one for one in files if one.chars]
    chars, words = sum(one.chars for one in texts), sum(one.words for one in texts)
    tokens = sum(one.count.value for one in texts) if len(texts) < len(files) else count.value
    return {
        "characters": chars,
        "words": words,
        "characters_per_token": round(chars / tokens, 3) if tokens and chars else None,
        "words_per_token": round(words / tokens, 3) if tokens and chars else None,
    }


def _cost_nano(tokens: int, version: PriceVersion) -> int:
    return rate(Usage(input_tokens=tokens), version, STANDARD).net_nano
