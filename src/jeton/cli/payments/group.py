"""Group: what ``jeton payments`` is; its commands are beside it."""

import typer

app = typer.Typer(help="Payments on documents, and statements of the bank.", no_args_is_help=True)
