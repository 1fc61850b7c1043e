"""Errors: one tree, a stable code on each class, and a finished sentence in each message.

JetonError
├── InvalidInputError            what was given cannot be accepted
│   ├── MoneyError               not an amount
│   └── UsageError               not a token count
├── NotFoundError                no such thing
├── NotAuthenticatedError        no caller, or an unknown, revoked or expired one
├── NotPermittedError            a known caller without the right
├── ConflictError                true before, not now
├── InsufficientCreditError      the hold needs more than is available
├── OverloadedError              a bounded queue or pool is full, or the database is away
├── UpstreamError                the upstream failed or cannot be reached
└── ConfigurationError           mistakes in settings, prices or data, all at once

Domains add classes under these in their own ``errors`` modules. The domain knows no HTTP: each
edge owns one table from these classes to its own answers.
"""

from collections.abc import Sequence
from typing import ClassVar


class JetonError(Exception):
    """The root; ``code`` is stable and public, the message is a sentence for people."""

    code: ClassVar[str] = "error"


class InvalidInputError(JetonError):
    """What was given cannot be accepted; the sentence says what to change."""

    code = "invalid_input"


class MoneyError(InvalidInputError):
    """A text that is not an amount of money."""

    code = "invalid_amount"

    def __init__(self, text: str, problem: str) -> None:
        """Name the text and what is wrong with it."""
        super().__init__(f"The amount {text!r} {problem}.")


class UsageError(InvalidInputError):
    """A token count that cannot be one."""

    code = "invalid_usage"

    def __init__(self, name: str, count: int, *, most: str = "10^12") -> None:
        """Name the count and the most it can be."""
        super().__init__(f"The usage field {name} is {count}, not a count from 0 to {most}.")


class NotFoundError(JetonError):
    """No such thing."""

    code = "not_found"


class NotAuthenticatedError(JetonError):
    """No caller could be made out."""

    code = "not_authenticated"


class NotPermittedError(JetonError):
    """The caller is known and may not do this."""

    code = "not_permitted"


class ConflictError(JetonError):
    """What is asked contradicts what is already so."""

    code = "conflict"


class InsufficientCreditError(JetonError):
    """The hold needs more credit than is available; both amounts in nano-dollars."""

    code = "insufficient_credit"

    def __init__(self, needed_nano: int, available_nano: int, *, sentence: str) -> None:
        """Keep both numbers for the edges; ``sentence`` names them for people."""
        super().__init__(sentence)
        self.needed_nano = needed_nano
        self.available_nano = available_nano


class OverloadedError(JetonError):
    """Nothing new can be admitted now; nothing was held or charged."""

    code = "overloaded"


class UpstreamError(JetonError):
    """The upstream failed before an answer began."""

    code = "upstream_failed"


class ConfigurationError(JetonError):
    """Mistakes in data that is loaded; ``mistakes`` are finished lines, with file and line."""

    code = "configuration"

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Show every mistake at once."""
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)
