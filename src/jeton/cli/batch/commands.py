"""``jeton batch``: quote, submit, watch, results, cancel, retry, show and list."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from jeton.app.demo import BASE_URL, ENV_FILE, read_env
from jeton.cli.batch.bodies import read_body
from jeton.cli.batch.client import BatchClient
from jeton.cli.keys import Json
from jeton.cli.options import chosen_settings, make_console
from jeton.errors import ConfigurationError

app = typer.Typer(help="Send many requests at once, at batch prices.", no_args_is_help=True)

WATCH_FIRST_S = 0.5
WATCH_MAX_S = 10.0
LIST_MAX = 1000

QUOTE_COLUMNS = (
    ("requests", "requests"),
    ("prompt tokens, about", "prompt_tokens_expected"),
    ("at most", "prompt_tokens_max"),
    ("answer tokens", "output_tokens_max"),
    ("expected", "batch_amount_expected"),
    ("at most (held)", "batch_amount_max"),
    ("if read from the cache", "cached_amount_max"),
    ("one by one", "standard_amount_max"),
)

BatchId = Annotated[str, typer.Argument(help="The id of the batch: msgbatch_…")]
BaseUrl = Annotated[str, typer.Option("--base-url", envvar=BASE_URL, help="Where the API is.")]
ApiKey = Annotated[
    str, typer.Option("--api-key", envvar="ANTHROPIC_API_KEY", help="Its key; better in the environment.")
]


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="Requests, a line each: custom_id and params. - is stdin.")],
    *,
    is_watching: Annotated[bool, typer.Option("--watch", help="Watch it until it has ended.")] = False,
    base_url: BaseUrl = "",
    api_key: ApiKey = "",
    as_json: Json = False,
) -> None:
    """Send a file as a batch; its credit is held at once, or nothing is."""
    client = _open_client(base_url, api_key)
    size = file.stat().st_size if file.is_file() else None
    with _progress("sending", size) as progress:
        batch = client.create(read_body(file, lambda count: progress.advance(progress.task_ids[0], count)))
    if is_watching:
        _watch(client, str(batch["id"]), as_json=as_json)
    elif as_json:
        typer.echo(json.dumps(batch))
    else:
        typer.echo(batch["id"])


@app.command()
def quote(
    file: Annotated[Path, typer.Argument(help="Requests, a line each: custom_id and params. - is stdin.")],
    *,
    base_url: BaseUrl = "",
    api_key: ApiKey = "",
    as_json: Json = False,
) -> None:
    """Show what a file could come to as a batch, and what would be refused; nothing is sent or held."""
    found = _open_client(base_url, api_key).quote(read_body(file, lambda _: None))
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("model")
    for name, _ in QUOTE_COLUMNS:
        table.add_column(name, justify="right")
    for row in [*found["by_model"], {**found, "model": "together"}]:
        table.add_row(row["model"], *(_render_cell(row[field]) for _, field in QUOTE_COLUMNS))
    make_console().print(table)
    for problem in found["problems"]:
        make_console().print(
            f"{problem['requests']:,} would be refused, {problem['type']}; the first is "
            f"{problem['first_custom_id']} ({problem['first_place']}): {problem['first_message']}",
            markup=False,
        )


@app.command()
def retry(batch_id: BatchId, *, base_url: BaseUrl = "", api_key: ApiKey = "", as_json: Json = False) -> None:
    """Send again what failed of a batch that has ended, as a new one; it can be done once."""
    batch = _open_client(base_url, api_key).retry(batch_id)
    typer.echo(json.dumps(batch) if as_json else batch["id"])


@app.command()
def watch(batch_id: BatchId, *, base_url: BaseUrl = "", api_key: ApiKey = "", as_json: Json = False) -> None:
    """Wait until a batch has ended, with a progress bar where somebody can see it."""
    _watch(_open_client(base_url, api_key), batch_id, as_json=as_json)


@app.command()
def results(
    batch_id: BatchId,
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file, instead of stdout.")] = None,
    base_url: BaseUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Write the results of a batch, a line of JSON for each request."""
    blocks = _open_client(base_url, api_key).read_results(batch_id)
    if output is None:
        for block in blocks:
            sys.stdout.buffer.write(block)
        sys.stdout.flush()
        return
    with output.open("wb") as file:
        file.writelines(blocks)


@app.command()
def cancel(batch_id: BatchId, *, base_url: BaseUrl = "", api_key: ApiKey = "", as_json: Json = False) -> None:
    """Begin nothing more of a batch; what runs is finished and charged."""
    batch = _open_client(base_url, api_key).cancel(batch_id)
    typer.echo(json.dumps(batch) if as_json else f"{batch['id']} is {batch['processing_status']}.")


@app.command()
def show(batch_id: BatchId, *, base_url: BaseUrl = "", api_key: ApiKey = "", as_json: Json = False) -> None:
    """Show a batch and what it came to: list amount, what each discount saved, net amount."""
    _show(_open_client(base_url, api_key), batch_id, as_json=as_json)


@app.command("list")
def list_batches(
    *,
    limit: Annotated[int, typer.Option(min=1, max=LIST_MAX, help="How many.")] = 20,
    base_url: BaseUrl = "",
    api_key: ApiKey = "",
    as_json: Json = False,
) -> None:
    """List the newest batches and what they came to."""
    client = _open_client(base_url, api_key)
    page = client.list_page(limit)
    rows = [{**batch, "cost": client.get_cost(batch["id"])} for batch in page["data"]]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("batch", "status", "created (UTC)")
    for name in ("requests", "list amount", "saved by batch", "saved by cache", "net amount"):
        table.add_column(name, justify="right")
    for row in rows:
        cost = row["cost"]
        table.add_row(
            row["id"],
            row["processing_status"],
            row["created_at"][:16].replace("T", " "),
            f"{cost['requests']:,}",
            *(f"${cost[name]}" for name in ("list_amount", "saved_by_batch", "saved_by_cache", "net_amount")),
        )
    make_console().print(table)


def _open_client(base_url: str, api_key: str) -> BatchClient:
    """The client of the address and key that were given, else of the demo's."""
    path = chosen_settings().data_dir / ENV_FILE
    demo = read_env(path) if path.exists() and not (base_url and api_key) else {}
    base_url = base_url or demo.get(BASE_URL, "")
    api_key = api_key or demo.get("ANTHROPIC_API_KEY", "")
    if not base_url or not api_key:
        raise ConfigurationError(
            [f"Say where the API is and with which key: set {BASE_URL} and ANTHROPIC_API_KEY."]
        )
    return BatchClient(base_url, api_key)


def _watch(client: BatchClient, batch_id: str, *, as_json: bool) -> None:
    cost = client.get_cost(batch_id)
    pause_s = WATCH_FIRST_S
    with _progress(batch_id, cost["requests"]) as progress:
        while True:
            progress.update(progress.task_ids[0], completed=cost["requests_done"])
            if cost["processing_status"] == "ended":
                break
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.25, WATCH_MAX_S)
            cost = client.get_cost(batch_id)
    _show(client, batch_id, as_json=as_json)


def _show(client: BatchClient, batch_id: str, *, as_json: bool) -> None:
    found: dict[str, Any] = {**client.get(batch_id), "cost": client.get_cost(batch_id)}
    if as_json:
        typer.echo(json.dumps(found))
        return
    counts, cost = found["request_counts"], found["cost"]
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("batch", found["id"])
    table.add_row("status", found["processing_status"])
    table.add_row("requests", f"{cost['requests']:,}")
    for name in ("succeeded", "errored", "canceled", "expired"):
        table.add_row(name, f"{counts[name]:,}")
    table.add_row("held at submit", f"${cost['held_amount']}")
    table.add_row("list amount", f"${cost['list_amount']}")
    table.add_row("saved by batch", f"${cost['saved_by_batch']}")
    table.add_row("saved by cache", f"${cost['saved_by_cache']}")
    if cost["saved_otherwise"] != "0.00":
        table.add_row("saved otherwise", f"${cost['saved_otherwise']}")
    table.add_row("net amount", f"${cost['net_amount']}")
    make_console().print(table)


def _render_cell(value: int | str) -> str:
    """Counts with thousands, amounts in dollars."""
    return f"{value:,}" if isinstance(value, int) else f"${value}"


@contextmanager
def _progress(name: str, total: int | None) -> Iterator[Progress]:
    """A bar on the terminal; in a pipe nothing."""
    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    progress.add_task(name, total=total)
    with progress:
        yield progress
