"""``jeton billing``: its jobs, when they are due and how they went, and doing one now."""

import asyncio
import json
from typing import Annotated

import typer
from rich.table import Table

from jeton.billing.jobs.claiming import hurry_job
from jeton.cli.credits.operator import Json
from jeton.cli.options import make_console
from jeton.cli.session import open_database
from jeton.errors import NotFoundError
from jeton.insight.operating.billing_jobs import BillingJob, list_billing_jobs, render_billing_job
from jeton.settings import load_settings

app = typer.Typer(
    help="What billing does by itself: reloads, payments, documents, dunning.", no_args_is_help=True
)


@app.callback()
def billing() -> None:
    """What billing does by itself: reloads, payments, documents, dunning."""


@app.command("jobs")
def jobs_command(*, as_json: Json = False) -> None:
    """List the kinds of jobs: how each stands, when it is due, and what its last run did."""
    jobs = asyncio.run(_list())
    if as_json:
        typer.echo(json.dumps([render_billing_job(job) for job in jobs], indent=2))
        return
    table = Table("job", "state", "due", "last done", "what it did")
    for job in jobs:
        table.add_row(job.kind, job.state, _render(job.due_at), _render(job.done_at), job.problem or job.did)
    make_console().print(table)


@app.command("run")
def run_command(
    kind: Annotated[str, typer.Argument(help="The kind of job, see jeton billing jobs.")],
) -> None:
    """Have a job done now, by whichever process does jobs; it is idempotent."""
    asyncio.run(_hurry(kind))
    typer.echo(f"{kind} is due now; jeton billing jobs says what came of it.")


def _render(at: object) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


async def _list() -> tuple[BillingJob, ...]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        return await list_billing_jobs(connection)


async def _hurry(kind: str) -> None:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        if not await hurry_job(connection, kind):
            raise NotFoundError(f"There is no job {kind}; see jeton billing jobs.")
