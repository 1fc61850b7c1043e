"""``jeton quote``: what a request would cost, for one model or several side by side.

Offline, but for the terms of an organization, which are in the database.
"""

import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from jeton import clock
from jeton.cli.options import DATABASE_OPTIONS, chosen_settings, make_console, with_options
from jeton.errors import InvalidInputError, JetonError
from jeton.insight.quote import (
    ESTIMATE_NOTE,
    Lifetime,
    PromptAsk,
    Quote,
    QuoteAsk,
    parse_day,
    parse_fraction,
    quote_models,
    render_quote,
    share_prompt,
)
from jeton.money import display_usd, render_exact
from jeton.pricing.loading import load_book
from jeton.pricing.rating import STAGES, Conditions, Line, Rating, Step
from jeton.pricing.terms import OwnTerms
from jeton.tokens.counter.counting import load_counter
from jeton.tokens.estimate import load_estimator
from jeton.usage import Bucket, Usage

app = typer.Typer()

PROMPT_BYTES_MAX = 32_000_000
EXIT_BAD_INPUT = 2
# What a table is laid out for where there is no terminal to measure.
BUCKET_NAMES = {
    Bucket.INPUT: "input",
    Bucket.CACHE_WRITE_5M: "cache write, 5 min",
    Bucket.CACHE_WRITE_1H: "cache write, 1 h",
    Bucket.CACHE_READ: "cache read",
    Bucket.OUTPUT: "output",
    Bucket.WEB_SEARCH: "web search",
}


with_settings = partial(with_options, names=("prices_dir", "tokenizer_files", *DATABASE_OPTIONS))


def _count(help_text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(metavar="N", help=help_text, show_default=False)
    return option


@app.command()
@with_settings
def quote(
    prompt: Annotated[
        str | None, typer.Argument(help="A file with the prompt as UTF-8 text, or - for standard input.")
    ] = None,
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model of the price book; repeat to compare. Without it: every one on sale."),
    ] = None,
    batch: Annotated[bool, typer.Option("--batch", help="At batch prices.")] = False,
    cached: Annotated[
        str | None,
        typer.Option(
            metavar="FRACTION",
            help="How much of the prompt is cached, from 0 to 1 (0.9), rounded down to whole tokens."
            " It is read from the cache; with --ttl it is written first.",
        ),
    ] = None,
    ttl: Annotated[
        Lifetime | None,
        typer.Option(
            help="With --cached: price the request that writes the cached part, to live this long, and show"
            " beside it what each later request costs, which reads it."
        ),
    ] = None,
    geo: Annotated[Literal["global", "us"], typer.Option(help="Where inference runs.")] = "global",
    speed: Annotated[Literal["standard", "fast"], typer.Option(help="Standard or fast mode.")] = "standard",
    input_tokens: Annotated[
        int | None, _count("Instead of a file: uncached input tokens; with --cached, the whole prompt.")
    ] = None,
    output_tokens: Annotated[int, _count("Output tokens, thinking included.")] = 0,
    cache_read_tokens: Annotated[int, _count("Tokens read from the cache.")] = 0,
    cache_write_5m_tokens: Annotated[int, _count("Tokens written to the cache for 5 minutes.")] = 0,
    cache_write_1h_tokens: Annotated[int, _count("Tokens written to the cache for an hour.")] = 0,
    web_searches: Annotated[int, _count("Web searches.")] = 0,
    at: Annotated[
        str | None, typer.Option(metavar="DATE", help="Use the prices of this day (UTC): 2026-10-07.")
    ] = None,
    organization: Annotated[
        UUID | None, typer.Option(help="At what this organization agreed on; asks the database for it.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; of several models, under 'quotes'.")
    ] = False,
) -> None:
    """Price a request without any server: tokens, list amount, each discount, net amount, saving.

    Give a prompt file, or the token counts, and --output-tokens for the answer you expect.
    """
    try:
        given = Usage(
            input_tokens=input_tokens or 0,
            cache_creation_5m_input_tokens=cache_write_5m_tokens,
            cache_creation_1h_input_tokens=cache_write_1h_tokens,
            cache_read_input_tokens=cache_read_tokens,
            output_tokens=output_tokens,
            web_search_requests=web_searches,
        )
        _refuse_contradictions(prompt, given, cached=cached, ttl=ttl, has_input=input_tokens is not None)
        share = None if cached is None else parse_fraction(cached)
        usage, later = given, None
        if prompt is None and share is not None:
            usage, later = share_prompt(given, given.input_tokens, cached=share, lifetime=ttl)
        ask = QuoteAsk(
            usage=usage,
            later=later,
            conditions=Conditions(
                service_tier="batch" if batch else "standard", inference_geo=geo, speed=speed
            ),
            at=clock.now() if at is None else parse_day(at),
            prompt=None if prompt is None else _ask_prompt(prompt, share, ttl),
            own=None if organization is None else _read_terms(organization),
        )
        book = load_book(*(path.resolve() for path in chosen_settings().prices_dir))
        quotes = quote_models(book, model or (), ask)
    except JetonError as error:
        typer.echo(f"jeton quote: {error}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    if as_json:
        rendered = [render_quote(one) for one in quotes]
        typer.echo(json.dumps(rendered[0] if len(model or ()) == 1 else {"quotes": rendered}, indent=2))
    else:
        _print_quotes(quotes)


def _refuse_contradictions(
    prompt: str | None, given: Usage, *, cached: str | None, ttl: Lifetime | None, has_input: bool
) -> None:
    has_cache_counts = given.cache_creation_input_tokens + given.cache_read_input_tokens > 0
    has_counts = has_input or has_cache_counts or given.output_tokens > 0 or given.web_search_requests > 0
    if prompt is not None and (has_input or has_cache_counts):
        raise InvalidInputError(
            "Give a prompt file or the counts of its tokens, not both; --output-tokens goes with either."
        )
    if prompt is None and not has_counts:
        raise InvalidInputError("Give a prompt file, - for standard input, or counts such as --input-tokens.")
    if cached is not None and has_cache_counts:
        raise InvalidInputError("Give --cached or the exact cache counts, not both.")
    if cached is not None and prompt is None and not has_input:
        raise InvalidInputError("--cached is a part of the prompt: give a prompt file or --input-tokens.")
    if ttl is not None and cached is None:
        raise InvalidInputError("--ttl says how long the part of --cached lives: give --cached too.")


def _read_terms(organization_id: UUID) -> OwnTerms:
    # Only who asks for it waits for the parts of the database.
    from jeton.cli.terms.own import read_terms_of  # noqa: PLC0415 - see above

    return read_terms_of(organization_id)


def _ask_prompt(name: str, cached: Fraction | None, ttl: Lifetime | None) -> PromptAsk:
    text = _read_prompt(name)
    counter = load_counter(dict(chosen_settings().tokenizer_files), find_estimator=load_estimator)
    return PromptAsk(text, counter, cached, ttl)


def _read_prompt(name: str) -> str:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(PROMPT_BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(PROMPT_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidInputError(f"The prompt file {name} cannot be read: {error.strerror}.") from None
    if len(content) > PROMPT_BYTES_MAX:
        raise InvalidInputError(f"The prompt {name} is longer than {PROMPT_BYTES_MAX:,} bytes.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"The prompt {name} is not UTF-8 text: byte {error.start} is wrong."
        ) from None


def _print_quotes(quotes: Sequence[Quote]) -> None:
    console = make_console()
    if len(quotes) == 1:
        _print_quote(console, quotes[0])
    else:
        console.print(_comparison(quotes))
    notes = dict.fromkeys(note for one in quotes for note in one.notes)
    for note in notes:
        if len(quotes) == 1 or note == ESTIMATE_NOTE:
            console.print(f"Note: {note}", style="dim", highlight=False)


def _print_quote(console: Console, one: Quote) -> None:
    title = f"{one.version.display_name} · {one.version.price_version_id}"
    console.print(_lines_table(one.rating, f"{title} · {_source(one)}"))
    if one.later is not None:
        console.print(_lines_table(one.later, "each later request, reading what this one wrote"))


def _source(one: Quote) -> str:
    """How the prompt's tokens are known, and between which limits they are."""
    if one.count is None:
        return "given tokens"
    limits = f", {one.count.low:,} to {one.count.high:,}" if one.count.low < one.count.high else ""
    return f"{one.count.value:,} prompt tokens {one.count.method}{limits}"


def _lines_table(rating: Rating, title: str) -> Table:
    table = Table(title=title, title_justify="left", show_footer=True)
    table.add_column("Tokens", "Total", no_wrap=True)
    table.add_column("Quantity", justify="right")
    table.add_column("List price", justify="right")
    table.add_column("List amount", display_usd(rating.list_nano), justify="right")
    table.add_column("Discounts", _saving(rating))
    table.add_column("Net amount", display_usd(rating.net_nano), justify="right")
    for line in rating.lines:
        table.add_row(
            BUCKET_NAMES[line.bucket],
            f"{line.quantity:,}",
            f"{display_usd(line.list_rate)} / {_per(line)}",
            display_usd(line.list_nano),
            "\n".join(_step(step) for step in line.steps),
            display_usd(line.net_nano),
        )
    return table


def _per(line: Line) -> str:
    return "1,000" if line.bucket is Bucket.WEB_SEARCH else "Mtok"


def _step(step: Step) -> str:
    return f"{step.name} ×{render_exact(step.factor)}: {_change(step.reduction_nano)}"


def _change(reduction_nano: int) -> str:
    return f"{'' if reduction_nano > 0 else '+'}{display_usd(-reduction_nano)}"


def _saving(rating: Rating) -> str:
    saved_nano = rating.list_nano - rating.net_nano
    if not saved_nano:
        return "none"
    word = "saved" if saved_nano > 0 else "added"
    return f"{display_usd(abs(saved_nano))} {word} ({_percent(saved_nano, rating.list_nano)})"


def _percent(part_nano: int, whole_nano: int) -> str:
    """A share with one decimal, for people only: 82.4 %."""
    tenths = round(Fraction(abs(part_nano) * 1000, whole_nano)) if whole_nano else 0
    return f"{tenths // 10}.{tenths % 10} %"


def _comparison(quotes: Sequence[Quote]) -> Table:
    table = Table(title="The same request at each model's price", title_justify="left")
    table.add_column("Model", no_wrap=True)
    if has_counts := any(one.count is not None for one in quotes):
        table.add_column("Prompt tokens", justify="right")
    stages = [stage for stage in STAGES if any(one.rating.saved[stage] for one in quotes)]
    for heading in ("List amount", *stages, "Saving", "Net amount"):
        table.add_column(heading, justify="right")
    if has_later := any(one.later is not None for one in quotes):
        table.add_column("Each later request", justify="right")
    for one in quotes:
        rating = one.rating
        later = [display_usd(one.later.net_nano)] if has_later and one.later is not None else []
        counted = [f"{one.count.value:,} {one.count.method}"] if has_counts and one.count is not None else []
        table.add_row(
            one.version.model,
            *counted,
            display_usd(rating.list_nano),
            *(_change(rating.saved[stage]) for stage in stages),
            _saving(rating),
            display_usd(rating.net_nano),
            *later,
        )
    return table
