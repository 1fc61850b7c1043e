"""Scopes: what a budget can be for, in the words of those who make one."""

from collections.abc import Mapping
from types import MappingProxyType

from jeton.ledger.budgets.errors import InvalidBudgetError, Scope

# In place of an end user: each of them.
EVERY = "*"

# As the API names what a budget is for; the organization needs no name.
SCOPE_FIELDS: Mapping[Scope, str] = MappingProxyType(
    {
        "workspace": "workspace_id",
        "key": "key_id",
        "member": "member_id",
        "model": "model",
        "end_user": "end_user",
        "tag": "tag",
    }
)


def pick_scope(named: Mapping[Scope, str | None]) -> tuple[Scope, str]:
    """What a budget is for, of what was named: the organization where nothing was; InvalidBudgetError."""
    found = [(scope, scope_id) for scope, scope_id in named.items() if scope_id]
    if len(found) > 1:
        names = ", ".join(SCOPE_FIELDS[scope] for scope, _ in found)
        raise InvalidBudgetError(f"A budget is of one thing: name only one of {names}, or nothing.")
    return found[0] if found else ("organization", "")
