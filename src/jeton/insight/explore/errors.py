"""Errors of exploring: a stretch of time, a grouping or a step that cannot be asked for.

InvalidInputError
├── InvalidStretchError      a stretch of time that is empty, reversed, too long or absurd
├── InvalidStepError         a step of time that is none, or too short for its stretch
├── InvalidGroupingError     a dimension that is none, or the same one twice
└── TooManyLabelsError       more end users or tags in a stretch than are added up for one answer
"""

from collections.abc import Iterable

from jeton.errors import InvalidInputError


class InvalidStretchError(InvalidInputError):
    """A stretch of time that is empty, reversed, too long or absurd."""

    code = "invalid_stretch"

    def __init__(self, problem: str) -> None:
        """Say what is wrong and what to ask for instead."""
        super().__init__(f"This range of time cannot be shown: {problem}.")


class InvalidStepError(InvalidInputError):
    """A step of time that is none, or too short for its stretch."""

    code = "invalid_step"

    def __init__(self, problem: str) -> None:
        """Say what is wrong and what to ask for instead."""
        super().__init__(f"These buckets of time cannot be shown: {problem}.")


class TooManyLabelsError(InvalidInputError):
    """More end users or tags in a stretch than are added up for one answer."""

    code = "too_many_labels"

    def __init__(self, most: int) -> None:
        """Say how many sums there may be, and what to ask for instead."""
        super().__init__(
            f"This range has more than {most:,} sums by end user or tag, which are too many for one answer;"
            " use a shorter range, or one end user or tag."
        )


class InvalidGroupingError(InvalidInputError):
    """A dimension that is none, or the same one twice."""

    code = "invalid_grouping"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """Name the dimension and those there are."""
        super().__init__(
            f"Usage cannot be grouped by {name[:100]!a}; use different ones of {', '.join(known)}."
        )
