"""Rate limits as the configuration file names them: a table for each group of models, and the groups."""

from dataclasses import dataclass

from jeton.limits.words import EVERY_GROUP, LIMIT_MAX, Limits
from jeton.pricing.reading import Table

ENTRIES_MAX = 1_000
_KINDS = ("requests", "input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class RateLimitSetting:
    """The limits of every organization for a group, or ``*`` for each group without an entry."""

    group: str
    limits: Limits


def read_rate_limits(tables: tuple[Table, ...]) -> tuple[RateLimitSetting, ...]:
    """The entries of the file; a mistake is noted with its line."""
    seen: set[str] = set()
    entries = []
    for table in tables[:ENTRIES_MAX]:
        table.refuse_unknown(frozenset({"group", *(f"{kind}_per_minute" for kind in _KINDS)}))
        group = table.text("group", is_required=False) or EVERY_GROUP
        if group in seen:
            table.blame(f"there is another entry for the group {group!r}.")
        seen.add(group)
        entries.append(RateLimitSetting(group, Limits(*(_read_limit(table, kind) for kind in _KINDS))))
    return tuple(entries)


def read_groups(table: Table) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The groups of the file with their models, each model in one of them."""
    seen: dict[str, str] = {}
    groups = []
    for group in table.values:
        models = table.texts(group)
        for model in models:
            if model in seen:
                table.blame(f"{model} is in the group {seen[model]!r} already.", key=group)
            seen[model] = group
        groups.append((group, models))
    return tuple(groups)


def _read_limit(table: Table, kind: str) -> int | None:
    key = f"{kind}_per_minute"
    limit = table.count(key, is_required=False)
    if limit is not None and limit > LIMIT_MAX:
        table.blame(f"{key} must be at most {LIMIT_MAX}.", key=key)
        return None
    return limit
