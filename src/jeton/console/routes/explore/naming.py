"""Naming: what a group is called on a page."""

from collections.abc import Callable

from jeton.console.filters import Choices
from jeton.insight.explore.question import DIMENSIONS, Group, Report

OTHER = "other"
NAME_CHARS_MAX = 48


def make_namer(report: Report, choices: Choices) -> Callable[[Group], str]:
    """Names of keys and workspaces for their ids, as the filter bar has them; of the rest the values."""

    def name(group: Group) -> str:
        values = zip(report.question.group_by, group, strict=False)
        return ", ".join(_name(dimension, value, choices) for dimension, value in values) or "everything"

    return name


def _name(dimension: str, value: str | None, choices: Choices) -> str:
    if value is None:
        return OTHER
    if not value:
        return f"no {DIMENSIONS[dimension].lower()}"
    match dimension:
        case "workspace_id":
            return choices.workspaces.get(value, value)
        case "key_id":
            return choices.keys.get(value, value)
        case "end_user" if len(value) > NAME_CHARS_MAX:
            # Such ids differ at their ends.
            half = NAME_CHARS_MAX // 2
            return f"{value[:half]}…{value[-half:]}"
        case _:
            return value
