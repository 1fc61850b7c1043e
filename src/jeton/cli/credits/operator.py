"""Operator: who is at the command line, for the audit log."""

import os
import pwd
from typing import Annotated

import typer

from jeton.identity.audit import Actor

By = Annotated[str, typer.Option("--by", help="Who approves it; your user name without it.")]
Reason = Annotated[str, typer.Option(help="Why; kept for ever.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def make_actor(by: str) -> Actor:
    """The operator by this name, or by the name of the user whose shell this is."""
    return Actor("operator", by.strip() or _find_user())


def _find_user() -> str:
    user_id = os.getuid()
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"
