"""``jeton invoices``: the group, one function a command."""

import typer

from jeton.cli.invoices.verify import verify

app = typer.Typer(help="Documents as files, and whether one is right.", no_args_is_help=True)
app.command("verify")(verify)
