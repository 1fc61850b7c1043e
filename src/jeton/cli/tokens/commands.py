"""Commands: ``jeton tokens count`` and ``jeton tokens estimate``, offline.

Exit codes: 0, everything was counted (binary files are named and passed over); 1, a file could not
be read; 2, nothing was counted because what was asked for is wrong, such as an unknown model.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from jeton import clock
from jeton.cli.options import DATABASE_OPTIONS, chosen_settings, make_console, with_options
from jeton.cli.tokens.accuracy import accuracy
from jeton.cli.tokens.counting import CountText, FileCount, Method, count_source
from jeton.cli.tokens.report import Report, print_report, render_report
from jeton.cli.tokens.sources import STANDARD_INPUT, Skipped, Source, list_sources
from jeton.errors import InvalidInputError, JetonError
from jeton.insight.quote import UnknownModelError, parse_day
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.loading import load_book
from jeton.tokens.counter.counting import bound_text, load_counter
from jeton.tokens.estimate import load_estimator
from jeton.tokens.families import find_family, find_frame

app = typer.Typer(no_args_is_help=True, help="Count the tokens of files, offline.")

MODEL_DEFAULT = "claude-sonnet-5-5"
EXIT_UNREAD = 1
EXIT_BAD_INPUT = 2
# A shorter input is counted before anybody has read a bar.
PROGRESS_BYTES_MIN = 2_000_000

with_settings = partial(with_options, names=("prices_dir", "tokenizer_files"))

Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE…",
        help="Files or directories (recursively), or - for standard input, which is also read without any.",
        show_default=False,
    ),
]
Model = Annotated[str, typer.Option(help="The model of the price book whose tokens and price count.")]
At = Annotated[str | None, typer.Option(metavar="DATE", help="Use the prices of this day (UTC): 2026-10-07.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
@with_settings
def count(
    files: Files = None, *, model: Model = MODEL_DEFAULT, at: At = None, as_json: AsJson = False
) -> None:
    """Count by the surest method there is: the model's tokenizer, else an estimate with its limits.

    Exits with 1 if a file could not be read, with 2 for an unknown model.
    """
    _run(files, model=model, at=at, as_json=as_json, choose=_by_counter)


@app.command()
@with_settings
def estimate(
    files: Files = None, *, model: Model = MODEL_DEFAULT, at: At = None, as_json: AsJson = False
) -> None:
    """Estimate, even where the model's tokenizer is here: faster, with limits that are seldom broken.

    Exits with 1 if a file could not be read, with 2 for an unknown model.
    """
    _run(files, model=model, at=at, as_json=as_json, choose=_by_estimate)


app.command()(with_options(accuracy, DATABASE_OPTIONS))


def _run(
    files: list[str] | None, *, model: str, at: str | None, as_json: bool, choose: Callable[[str], CountText]
) -> None:
    try:
        if not files and sys.stdin.isatty():
            raise InvalidInputError("Name a file or a directory, or - for standard input.")
        version = _find_version(model, at)
        sources = list(list_sources(files or [STANDARD_INPUT]))
        count_text = choose(version.family)
    except JetonError as error:
        typer.echo(f"jeton tokens: {error}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    report = _count(sources, version, count_text)
    if as_json:
        typer.echo(json.dumps(render_report(report), indent=2, ensure_ascii=False))
    else:
        print_report(make_console(), report)
    if any(one.has_failed for one in report.skipped):
        raise typer.Exit(EXIT_UNREAD)


def _find_version(model: str, at: str | None) -> PriceVersion:
    book: PriceBook = load_book(*(path.resolve() for path in chosen_settings().prices_dir))
    day = clock.now() if at is None else parse_day(at)
    version = book.find_version(model, day)
    if version is None:
        raise UnknownModelError(book, model, day)
    return version


def _count(sources: list[Source | Skipped], version: PriceVersion, count_text: CountText) -> Report:
    family = find_family(version.family)
    tier = None if family is None else family.image_tier
    method = Method(version.family, count_text, tier)
    counted: list[FileCount] = []
    skipped: list[Skipped] = []
    with _progress(sources) as note_bytes:
        for source in sources:
            found = source if isinstance(source, Skipped) else count_source(source, method, note_bytes)
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                counted.append(found)
    return Report(version, counted, skipped, find_frame(version.family, version.model).first)


def _by_counter(family_id: str) -> CountText:
    files = dict(chosen_settings().tokenizer_files)
    counter = load_counter(files, find_estimator=load_estimator)
    return lambda text: counter.count_text(text, family_id)


def _by_estimate(family_id: str) -> CountText:
    estimator = load_estimator(family_id)
    return partial(bound_text, family_id=family_id) if estimator is None else estimator.estimate


@contextmanager
def _progress(sources: list[Source | Skipped]) -> Iterator[Callable[[int], None]]:
    """A bar beside the output of a long count; nothing where nobody watches."""
    console = Console(stderr=True)
    total = sum(source.size for source in sources if isinstance(source, Source))
    if not console.is_terminal or total < PROGRESS_BYTES_MIN:
        yield lambda _: None
        return
    columns = (TextColumn("Counting"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Counting", total=total)
        yield lambda count: progress.advance(task, count)
