"""What is refused of auto-reload.

InvalidInputError
└── ReloadRuleError        a rule that makes no sense
NotFoundError
└── NoReloadRuleError      the organization has none
"""

from jeton.errors import InvalidInputError, NotFoundError


class ReloadRuleError(InvalidInputError):
    """A rule that makes no sense."""

    code = "reload_rule_invalid"


class NoReloadRuleError(NotFoundError):
    """The organization has no rule."""

    code = "reload_rule_missing"

    def __init__(self) -> None:
        """Say what helps."""
        super().__init__("There is no auto-reload: set its threshold, target and monthly ceiling first.")
