"""The jeton command: one file a command group, assembled here.

A group's module is imported only when its command is called, so that ``jeton quote`` does not
wait for the server's parts. Errors of ours become their sentence and exit code 1 (2 for bad
input); a defect keeps its traceback.
"""

import importlib
import signal
import sys
from collections.abc import Iterable
from typing import Annotated, NoReturn

import typer

from jeton import find_version
from jeton.cli.options import DATABASE_OPTIONS, with_options
from jeton.errors import InvalidInputError, JetonError

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

# The module of each command, and what in it is the command: a function, or a Typer app of several.
COMMANDS = {
    "serve": ("jeton.cli.serve", "serve"),
    "migrate": ("jeton.cli.upkeep", "migrate"),
    "doctor": ("jeton.cli.upkeep", "doctor"),
    "quote": ("jeton.cli.quote", "quote"),
    "tokens": ("jeton.cli.tokens.commands", "app"),
    "prices": ("jeton.cli.prices", "app"),
    "receipt": ("jeton.cli.receipt", "receipt"),
    "ledger": ("jeton.cli.ledger.commands", "app"),
    "keys": ("jeton.cli.keys", "app"),
    "members": ("jeton.cli.people.members", "app"),
    "invites": ("jeton.cli.people.invites", "app"),
    "credits": ("jeton.cli.credits.commands", "app"),
    "budgets": ("jeton.cli.budgets.commands", "app"),
    "limits": ("jeton.cli.limits.commands", "app"),
    "charges": ("jeton.cli.credits.charges", "app"),
    "organizations": ("jeton.cli.people.organizations", "app"),
    "inbox": ("jeton.cli.credits.inbox", "app"),
    "audit": ("jeton.cli.credits.audit", "app"),
    "usage": ("jeton.cli.usage", "usage"),
    "focus": ("jeton.cli.focus", "focus"),
    "backup": ("jeton.cli.backup.commands", "backup"),
    "restore": ("jeton.cli.backup.commands", "restore"),
    "webhooks": ("jeton.cli.webhooks", "app"),
    "work": ("jeton.cli.serve", "work"),
    "batch": ("jeton.cli.batch.commands", "app"),
    "billing": ("jeton.cli.billing.commands", "app"),
    "terms": ("jeton.cli.terms.commands", "app"),
    "invoices": ("jeton.cli.invoices.commands", "app"),
    "payments": ("jeton.cli.payments.commands", "app"),
}

# These read the database, so each takes --data-dir and --database-url besides its own options.
READING = frozenset(
    {
        "receipt", "backup", "ledger", "keys", "credits", "usage", "webhooks",
        "charges", "organizations", "inbox", "audit", "budgets", "limits", "batch", "billing", "terms",
        "invoices", "payments", "members", "invites", "focus",
    }
)  # fmt: skip


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(EXIT_INTERRUPTED))
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code of an error of ours, else exits as Typer does."""
    names: Iterable[str] = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    if arguments == ["--version"]:
        names = ()
    try:
        assemble(names)(arguments, prog_name="jeton")
    except JetonError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command line speaks on its streams
        return EXIT_BAD_INPUT if isinstance(error, InvalidInputError) else EXIT_FAILED
    return 0


def assemble(names: Iterable[str]) -> typer.Typer:
    """The command line with these commands; imports each one's module."""
    app = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    app.callback()(_root)
    for name in names:
        module, attribute = COMMANDS[name]
        target = getattr(importlib.import_module(module), attribute)
        if isinstance(target, typer.Typer):
            if name in READING:
                for command in target.registered_commands:
                    command.callback = command.callback and with_options(command.callback, DATABASE_OPTIONS)
            app.add_typer(target, name=name)
        elif name in READING:
            app.command(name)(with_options(target, DATABASE_OPTIONS))
        else:
            app.command(name)(target)
    return app


def _show_version(is_asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if is_asked:
        typer.echo(f"jeton {find_version()}")
        raise typer.Exit


def _root(
    *,
    is_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Jeton: the commercial layer of an LLM API."""
    del is_version
