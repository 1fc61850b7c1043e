"""What can be wrong with a budget, and what a budget refuses.

JetonError
└── BudgetExceededError       a hard budget has less left in its window than a request may cost
InvalidInputError
├── UnknownZoneError          a time zone that is none
└── InvalidBudgetError        a budget that cannot be
NotFoundError
└── UnknownBudgetError        no such budget in the organization, or it has ended
ConflictError
└── TooManyBudgetsError       an organization with as many budgets as it may have
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from jeton.errors import ConflictError, InvalidInputError, JetonError, NotFoundError
from jeton.money import display_usd

Scope = Literal["organization", "workspace", "key", "member", "model", "end_user", "tag"]


class BudgetExceededError(JetonError):
    """A hard budget has less left in its window than the request may cost; amounts in nano."""

    code = "budget_exceeded"

    def __init__(
        self,
        *,
        budget_id: str,
        scoped: tuple[Scope, str],
        needed_nano: int,
        left_nano: int,
        held_nano: int,
        resets_at: datetime | None,
    ) -> None:
        """Name the budget, both numbers and when it frees; ``held_nano`` is in use by open requests.

        ``scoped``: what it is for, and the id of that.
        """
        scope, scope_id = scoped
        frees = "it does not free by itself" if resets_at is None else f"it frees at {render_time(resets_at)}"
        # Whose it is, since one budget may be of all of them.
        named = f" {scope_id!r}" if scope == "end_user" else ""
        super().__init__(
            f"This request may cost up to {display_usd(needed_nano)} and {display_usd(left_nano)} is left in "
            f"the budget {budget_id} of this {name_scope(scope)}{named}; {frees}."
        )
        self.budget_id = budget_id
        self.scope: Scope = scope
        self.scope_id = scope_id
        self.needed_nano = needed_nano
        self.left_nano = left_nano
        self.held_nano = held_nano
        self.resets_at = resets_at


class UnknownZoneError(InvalidInputError):
    """A time zone that is not in the IANA database."""

    code = "unknown_zone"

    def __init__(self, name: str, nearest: Sequence[str]) -> None:
        """Name those that were perhaps meant."""
        meant = (
            f" Did you mean {' or '.join(nearest)}?"
            if nearest
            else " Use a name such as Europe/Berlin or UTC."
        )
        super().__init__(f"There is no time zone {name[:100]!a}.{meant}")


class InvalidBudgetError(InvalidInputError):
    """A budget that cannot be; the sentence says what to change."""

    code = "invalid_budget"


class UnknownBudgetError(NotFoundError):
    """No budget with this id in force in the organization."""

    code = "unknown_budget"

    def __init__(self, budget_id: str) -> None:
        """Name the id."""
        super().__init__(f"There is no budget {budget_id[:100]} in force.")


class TooManyBudgetsError(ConflictError):
    """An organization with as many budgets as it may have."""

    code = "too_many_budgets"

    def __init__(self, budgets_max: int, of: str = "") -> None:
        """Name the limit; ``of`` what they are, with a space before."""
        super().__init__(
            f"The organization has {budgets_max} budgets{of} in force already; end one of them first."
        )


def name_budget(scope: Scope, scope_id: str) -> str:
    """What a budget is of, as a table has it: ``end user ada``; of every one ``each end user``."""
    if scope == "organization":
        return "organization"
    if (scope, scope_id) == ("end_user", "*"):
        return "each end user"
    return f"{name_scope(scope)} {scope_id}"


def name_scope(scope: Scope) -> str:
    """What a budget is for, as a sentence has it: ``end user``."""
    return scope.replace("_", " ")


def render_time(at: datetime) -> str:
    """An instant for people and programs alike: ``2026-12-01T00:00:00Z``."""
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"
