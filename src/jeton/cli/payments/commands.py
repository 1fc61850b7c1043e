"""``jeton payments``: the group with all of its commands."""

from jeton.cli.payments import claims, recording, statements
from jeton.cli.payments.group import app

__all__ = ["app", "claims", "recording", "statements"]
