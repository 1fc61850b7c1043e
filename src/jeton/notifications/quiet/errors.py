"""What can be wrong with a choice of alerts.

InvalidInputError
└── AlertChoiceError    a time of silence or of quiet that cannot be
"""

from jeton.errors import InvalidInputError


class AlertChoiceError(InvalidInputError):
    """A time of silence or of quiet that cannot be; the sentence says what to change."""

    code = "invalid_alert_choice"
