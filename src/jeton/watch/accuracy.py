"""Accuracy: how far a count was from the provider's, and the sums of many such errors. Pure.

Errors are relative to the provider's count, in whole parts per million, positive where ours was
higher: so sums of several nodes add up exactly.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from jeton.tokens.count import Count

PPM = 1_000_000
# Nothing is a thousand times too high but a bound of a whole context window: what lies beyond is
# summed as this, so that sums of years fit a bigint.
ERROR_PPM_MAX = 1_000_000_000
# Upper limits of the absolute error, for the histogram of /metrics.
ERROR_LIMITS_PPM = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
# The kind under which bounds are summed: a bound is taken of whole prompts, whatever they contain.
EVERY_KIND = "any"
# The kind of a prompt with images or documents, whatever text stands beside them.
MEDIA = "media"

ObservedMethod = Literal["exact", "reconstructed", "estimated", "bounded"]


class Key(NamedTuple):
    """What errors are summed by; the day is the UTC day on which the request ended."""

    day_on: date
    model: str
    kind: str
    method: ObservedMethod


@dataclass(slots=True)
class Sums:
    """Errors of many counts; ``outside`` is how many reported counts lay outside the interval given."""

    observations: int = 0
    counted_tokens: int = 0
    reported_tokens: int = 0
    error_ppm: int = 0
    absolute_error_ppm: int = 0
    worst_under_ppm: int = 0
    worst_over_ppm: int = 0
    outside: int = 0

    def add(self, counted: int, reported: int, *, is_outside: bool) -> int:
        """Add one count; return its error."""
        error = error_ppm(counted, reported)
        self.observations += 1
        self.counted_tokens += counted
        self.reported_tokens += reported
        self.error_ppm += error
        self.absolute_error_ppm += abs(error)
        self.worst_under_ppm = min(self.worst_under_ppm, error)
        self.worst_over_ppm = max(self.worst_over_ppm, error)
        self.outside += is_outside
        return error

    def merge(self, other: "Sums") -> None:
        """Add the sums of others."""
        self.observations += other.observations
        self.counted_tokens += other.counted_tokens
        self.reported_tokens += other.reported_tokens
        self.error_ppm += other.error_ppm
        self.absolute_error_ppm += other.absolute_error_ppm
        self.worst_under_ppm = min(self.worst_under_ppm, other.worst_under_ppm)
        self.worst_over_ppm = max(self.worst_over_ppm, other.worst_over_ppm)
        self.outside += other.outside


class Series:
    """The errors of one model, kind and method since this process started, as a histogram."""

    __slots__ = ("buckets", "sums")

    def __init__(self) -> None:
        """Nothing was observed yet; the last bucket is for what is beyond every limit."""
        self.sums = Sums()
        self.buckets = [0] * (len(ERROR_LIMITS_PPM) + 1)

    def add(self, counted: int, reported: int, *, is_outside: bool) -> int:
        """Add one count; return its error."""
        error = self.sums.add(counted, reported, is_outside=is_outside)
        self.buckets[bisect_left(ERROR_LIMITS_PPM, abs(error))] += 1
        return error


def error_ppm(counted: int, reported: int) -> int:
    """The relative error in parts per million, half away from zero: 98 for 100 is -20,000.

    ``reported`` is above zero. At most ERROR_PPM_MAX.
    """
    difference = counted - reported
    size = (abs(difference) * PPM + reported // 2) // reported
    return min(size, ERROR_PPM_MAX) if difference >= 0 else -size


def is_outside(count: Count, reported: int) -> bool:
    """Whether the provider's count is not within the interval that was given."""
    return not count.low <= reported <= count.high
