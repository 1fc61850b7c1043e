"""Members: what can be asked of an organization's budgets, each idempotent by the budget's id."""

from uuid import UUID

import msgspec

from jeton.ledger.budgets.tally import Budget


class OpenBudget(msgspec.Struct, frozen=True):
    """Put a budget into force; what its running window holds already is counted first."""

    organization_id: UUID
    budget: Budget


class ChangeBudget(msgspec.Struct, frozen=True):
    """Give a budget another limit (nano) or hardness, or end it; None leaves a thing as it is."""

    organization_id: UUID
    budget_id: str
    limit_nano: int | None = None
    is_hard: bool | None = None
    is_end: bool = False


BudgetMember = OpenBudget | ChangeBudget
