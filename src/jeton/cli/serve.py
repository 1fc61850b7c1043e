"""``jeton serve``: the API, the Console and the site in one process, and how to send the first request.

And ``jeton work``: only what is done beside the requests.
"""

import asyncio
import shlex
import sys
from pathlib import Path

import typer

from jeton.app import Parts
from jeton.app import serve as serve_app
from jeton.app.working import work as work_app
from jeton.cli.options import chosen_settings, with_options
from jeton.cli.session import open_database
from jeton.upstreams.embedded import MODEL

FIRST_REQUEST = """\
  . {path}
  curl {url}/v1/messages -H "x-api-key: $ANTHROPIC_API_KEY" \\
    -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \\
    -d '{{"model": "{model}", "max_tokens": 100, "messages": [{{"role": "user", "content": "What is a jeton? \
A jeton is a counter."}}]}}'
"""


def _run() -> None:
    """Serve the API, the Console and the site until Ctrl-C."""
    serve_app(chosen_settings(), report=_report, announce=_announce)


def _report(sentence: str) -> None:
    if sys.stderr.isatty():
        typer.echo(sentence, err=True)


def _announce(parts: Parts, base_url: str, demo_path: Path | None) -> None:
    typer.echo(f"Jeton serves on {base_url}")
    typer.echo(f"  API      {base_url}/v1/messages")
    typer.echo(f"  Console  {base_url}/console")
    if parts.routing.is_rehearsal:
        typer.echo(
            "  Rehearsal: models without an upstream are answered by the embedded one, at their price."
        )
    if demo_path is not None:
        typer.echo(f"  Keys and the Console's password: {demo_path}")
        typer.echo("The first request:")
        typer.echo(
            FIRST_REQUEST.format(path=shlex.quote(str(demo_path)), url=base_url, model=MODEL), nl=False
        )
    sys.stdout.flush()


serve = with_options(_run)


def _work() -> None:
    """Work on batches, end what is past its time and notify until Ctrl-C, beside a server or without one."""
    asyncio.run(_work_on())


async def _work_on() -> None:
    settings = chosen_settings()
    async with open_database(settings) as pool:
        await work_app(settings, pool, announce=lambda: typer.echo("Jeton works."))


work = with_options(_work)
