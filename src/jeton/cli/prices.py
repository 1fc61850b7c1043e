"""``jeton prices``: read the price book, check price files, compare two books. Offline."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from jeton import clock
from jeton.cli.options import chosen_settings, make_console, with_options
from jeton.errors import ConfigurationError, JetonError
from jeton.insight.quote import UnknownModelError, parse_day
from jeton.money import render_exact, render_usd
from jeton.pricing.book import Band, Override, PriceBook, PriceVersion
from jeton.pricing.difference import Difference, list_differences
from jeton.pricing.loading import load_book
from jeton.usage import Bucket

app = typer.Typer(help="Read the price book, check price files, compare two books.", no_args_is_help=True)

EXIT_MISTAKES = 1
EXIT_BAD_INPUT = 2
PACKAGED = "packaged"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
with_prices = partial(with_options, names=("prices_dir",))


@app.command("list")
@with_prices
def list_command(
    model: Annotated[list[str] | None, typer.Argument(help="Only these models; else all.")] = None,
    *,
    at: Annotated[
        str | None, typer.Option(metavar="DATE", help="What is in force on this day (UTC); else today.")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Every version: past, present, future, and retired models.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List prices in dollars per million tokens."""
    try:
        book = _load_ours()
        instant = clock.now() if at is None else parse_day(at)
        versions = _select(book, model or (), instant, is_history=history)
    except ConfigurationError:
        raise
    except JetonError as error:
        typer.echo(f"jeton prices list: {error}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    if as_json:
        rendered = [
            {"price_version": version.price_version_id, "digest": version.digest, **version.content()}
            for version in versions
        ]
        typer.echo(json.dumps({"price_versions": rendered}, indent=2))
    else:
        console = make_console()
        console.print(_prices_table(versions, instant))


@app.command("check")
@with_prices
def check_command(
    files: Annotated[list[Path], typer.Argument(help="Price files, or directories of them.")],
    *,
    alone: Annotated[
        bool, typer.Option("--alone", help="Without the prices in use: models may repeat theirs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check price files, together with those in use; print every mistake and exit with 1."""
    mistakes: tuple[str, ...] = ()
    count = 0
    try:
        ours = () if alone else chosen_settings().prices_dir
        paths = (path.resolve() for path in (*ours, *files))
        count = len(load_book(*paths, is_packaged=not alone).versions)
    except ConfigurationError as error:
        mistakes = error.mistakes
    if as_json:
        typer.echo(json.dumps({"is_valid": not mistakes, "mistakes": list(mistakes)}, indent=2))
    elif mistakes:
        typer.echo("\n".join(mistakes))
    else:
        typer.echo(f"No mistakes: {count} price versions.")
    if mistakes:
        raise typer.Exit(EXIT_MISTAKES)


@app.command("diff")
def diff_command(
    old: Annotated[str, typer.Argument(help="A price file, a directory of them, or 'packaged'.")],
    new: Annotated[str, typer.Argument(help="The same, to compare with.")],
    *,
    as_json: Json = False,
) -> None:
    """Compare two price books: versions added and removed, and whatever changed in place."""
    differences = list_differences(_load_named(old), _load_named(new))
    if as_json:
        typer.echo(json.dumps({"differences": [asdict(one) for one in differences]}, indent=2))
        return
    for one in differences:
        typer.echo(_sentence(one))
    if not differences:
        typer.echo("No differences.")


def _load_ours() -> PriceBook:
    """The book as ``jeton serve`` with the same settings reads it."""
    return load_book(*(path.resolve() for path in chosen_settings().prices_dir))


def _load_named(name: str) -> PriceBook:
    if name == PACKAGED:
        return load_book()
    return load_book(Path(name).resolve(), is_packaged=False)


def _sentence(one: Difference) -> str:
    if one.kind != "changed":
        return f"{one.kind:8}{one.price_version_id}"
    warning = " (a price changed in place: add a version with a later date instead)" if one.is_price else ""
    return f"{one.kind:8}{one.price_version_id} {one.place}: {one.old} → {one.new}{warning}"


def _select(book: PriceBook, models: Sequence[str], at: datetime, *, is_history: bool) -> list[PriceVersion]:
    for name in models:
        if not book.timeline(name):
            raise UnknownModelError(book, name, at)
    timelines = [book.timeline(name) for name in models or book.models()]
    if is_history:
        return [version for timeline in timelines for version in timeline]
    return [
        version
        for timeline in timelines
        for version in timeline
        if version is book.find_version(version.model, at) and (models or version.lifecycle(at) != "retired")
    ]


def _prices_table(versions: Sequence[PriceVersion], at: datetime) -> Table:
    table = Table(
        title=f"US dollars per million tokens, {at.date()} (web searches: per thousand)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    table.add_column("Model", no_wrap=True)
    table.add_column("In force", overflow="fold")
    for heading in ("Input", "Write 5m", "Write 1h", "Read", "Output", "Batch", "Fast", "US", "Search"):
        table.add_column(heading, justify="right", overflow="fold")
    for version in versions:
        for band in version.bands:
            table.add_row(*_row(version, band))
    return table


def _row(version: PriceVersion, band: Band) -> list[str]:
    name = version.model if band.band_id == "all" else f"{version.model}\n  {band.band_id}"
    rates = [
        render_usd(band.rates[bucket])
        for bucket in (
            Bucket.INPUT,
            Bucket.CACHE_WRITE_5M,
            Bucket.CACHE_WRITE_1H,
            Bucket.CACHE_READ,
            Bucket.OUTPUT,
        )
    ]
    conditions = [_override(override) for override in (band.batch, band.fast, band.us)]
    until = "" if version.until_on is None else f"\n  to {version.until_on}"
    period = f"from {version.from_on}{until}"
    return [escape(name), period, *rates, *conditions, render_usd(version.web_search_per_1000)]


def _override(override: Override | None) -> str:
    """Explicit input and output rates where published, else the factor; not sold: a dash."""
    if override is None:
        return "–"
    if Bucket.INPUT in override.rates and Bucket.OUTPUT in override.rates:
        explicit = (override.rates[Bucket.INPUT], override.rates[Bucket.OUTPUT])
        return " / ".join(render_usd(rate) for rate in explicit)
    return "" if override.factor is None else f"×{render_exact(override.factor)}"
