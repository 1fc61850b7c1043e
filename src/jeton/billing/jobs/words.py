"""Words of the jobs of billing: a duty is done every so often, and says what it did."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

# What a run did, by name: shown to the operator.
Counts = Mapping[str, int]
# Does what is due at an instant. It can be done again at any time: what was done is left alone.
Run = Callable[[datetime], Awaitable[Counts]]


@dataclass(frozen=True, slots=True)
class Duty:
    """One kind of job: its stored name, how often it is done, and what does it."""

    kind: str
    every: timedelta
    run: Run


class DutyIncompleteError(Exception):
    """Some of what was due was not done; the sentence says how much, and the log what."""
