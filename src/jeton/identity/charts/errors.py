"""Errors of saved charts.

NotFoundError
└── UnknownChartError        no chart with this id that the member may see
ConflictError
└── TooManyChartsError       more saved, or pinned, than there may be
InvalidInputError
└── InvalidChartError        a page, or a page's state, that cannot be saved
"""

from jeton.errors import ConflictError, InvalidInputError, NotFoundError


class UnknownChartError(NotFoundError):
    """No chart with this id that the member may see."""

    code = "chart_unknown"

    def __init__(self, chart_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no saved chart {chart_id[:100]!a} here.")


class TooManyChartsError(ConflictError):
    """More charts saved, or pinned, than there may be."""

    code = "too_many_charts"

    def __init__(self, limit: int, what: str) -> None:
        """Name the limit and what helps."""
        super().__init__(f"{limit} charts are {what} already; take one away first.")


class InvalidChartError(InvalidInputError):
    """A page, or a page's state, that cannot be saved."""

    code = "invalid_chart"

    def __init__(self, problem: str) -> None:
        """Name the problem."""
        super().__init__(f"This chart cannot be saved: {problem}.")
