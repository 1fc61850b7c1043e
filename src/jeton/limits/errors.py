"""Errors of limits.

JetonError
└── RateLimitedError         a request that would exceed a rate limit
InvalidInputError
└── InvalidLimitError        limits that cannot be set
"""

from jeton.errors import InvalidInputError, JetonError
from jeton.limits.words import Kind, Scope, Standing

_WORDS: dict[Kind, str] = {
    "requests": "requests",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
}
_ADVICE: dict[Kind, str] = {
    "requests": "Ask for a higher limit.",
    "input_tokens": "Send a shorter prompt.",
    "output_tokens": "Ask for fewer max_tokens.",
}


class RateLimitedError(JetonError):
    """A request that would exceed a limit; nothing of it was held or counted.

    ``wait_us`` is None where no waiting helps: it needs more than the limit ever allows at once.
    """

    code = "rate_limited"

    def __init__(
        self,
        standing: Standing,
        *,
        scope: Scope,
        group: str,
        needed: int,
        wait_us: int | None,
        standings: tuple[Standing, ...] = (),
    ) -> None:
        """Name the limit, what is needed and left, and when it frees."""
        words = _WORDS[standing.kind]
        which = f"your {scope}'s rate limit of {standing.limit:,} {words} per minute for {group}"
        if wait_us is None:
            sentence = (
                f"This request can never pass {which}: it may need up to {needed:,} at once."
                f" {_ADVICE[standing.kind]}"
            )
        else:
            sentence = (
                f"This request would exceed {which}: it needs {needed:,} and {standing.remaining:,} are left."
                f" Try again in {render_seconds(wait_us)}."
            )
        super().__init__(sentence)
        self.standing = standing
        self.scope = scope
        self.group = group
        self.needed = needed
        self.wait_us = wait_us
        self.standings = standings


class InvalidLimitError(InvalidInputError):
    """Limits that cannot be set; the sentence says why."""

    code = "invalid_limit"


def find_seconds(wait_us: int) -> int:
    """Whole seconds that are enough of a wait: at least one."""
    return max(1, -(-wait_us // 1_000_000))


def render_seconds(wait_us: int) -> str:
    """A wait for people."""
    seconds = find_seconds(wait_us)
    return "1 second" if seconds == 1 else f"{seconds:,} seconds"
