"""``jeton tokens accuracy``: how far counts made here were from the providers', and open alarms."""

import importlib
from typing import Annotated

import typer

DAYS_DEFAULT = 30


def accuracy(
    *,
    days: Annotated[int, typer.Option(help="How many UTC days back, today included.")] = DAYS_DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the errors of token counts and estimates, as the providers' counts have shown them, and alarms."""
    # Imported at the call: the other commands of this group do without a database, and start sooner.
    observed = importlib.import_module("jeton.cli.tokens.observed")
    observed.show_accuracy(days, as_json=as_json)
