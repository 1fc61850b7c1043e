"""Errors of exploring: a stretch of time, a grouping or a step that cannot be asked for.

InvalidInputError
├── InvalidStretchError      a stretch of time that is empty, reversed, too long or absurd
├── InvalidStepError         a step of time that is none, or too short for its stretch
└── InvalidGroupingError     a dimension that is none, or the same one twice
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


class InvalidGroupingError(InvalidInputError):
    """A dimension that is none, or the same one twice."""

    code = "invalid_grouping"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """Name the dimension and those there are."""
        super().__init__(
            f"Usage cannot be grouped by {name[:100]!a}; use different ones of {', '.join(known)}."
        )
