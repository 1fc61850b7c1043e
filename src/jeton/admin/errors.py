"""Errors of the admin edge: requests that are not what a path takes.

InvalidInputError
├── InvalidBodyError         a body that is not the JSON object a path takes
├── InvalidQueryError        a query parameter that cannot be read
├── BodyTooLargeError        a body over the limit
└── MethodNotAllowedError    a path that knows other methods
"""

from collections.abc import Iterable

from jeton.errors import InvalidInputError


class InvalidBodyError(InvalidInputError):
    """A body that is not the JSON object a path takes."""

    code = "invalid_body"

    def __init__(self, problem: str) -> None:
        """Name the field and what is wrong with it."""
        super().__init__(f"The body cannot be used: {problem}.")


class InvalidQueryError(InvalidInputError):
    """A query parameter that cannot be read."""

    code = "invalid_query"

    def __init__(self, name: str, problem: str) -> None:
        """Name the parameter."""
        super().__init__(f"The query parameter {name} {problem}.")


class BodyTooLargeError(InvalidInputError):
    """A body over the limit."""

    code = "body_too_large"

    def __init__(self, bytes_max: int) -> None:
        """Name the limit."""
        super().__init__(f"The body has more than {bytes_max} bytes, the limit here.")


class MethodNotAllowedError(InvalidInputError):
    """A path that knows other methods."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        """Name the method and those that work; ``allowed`` is kept for the header."""
        self.allowed = tuple(allowed)
        super().__init__(f"This path takes {' and '.join(self.allowed)}, not {method}.")
