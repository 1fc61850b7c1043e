"""Errors of the watch.

NotFoundError
└── AlarmNotFoundError    no alarm of this id
"""

from jeton.errors import NotFoundError


class AlarmNotFoundError(NotFoundError):
    """No alarm of this id."""

    code = "alarm_not_found"

    def __init__(self, alarm_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no alarm {alarm_id[:100]}.")
