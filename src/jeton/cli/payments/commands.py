"""``jeton payments``: the group with all of its commands."""

from jeton.cli.payments import recording, statements
from jeton.cli.payments.group import app

__all__ = ["app", "recording", "statements"]
