"""Terms: the rate limits that this installation gives, and what is in force with those that were set."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from jeton.charging.limits.keeping import KeptLimits, list_limits
from jeton.db.pool import Connection
from jeton.errors import ConfigurationError
from jeton.limits.limiter import Limiter
from jeton.limits.words import EVERY_GROUP, Groups, Limits, Reserve
from jeton.pricing.book import PriceBook


@dataclass(frozen=True, slots=True)
class LimitTerms:
    """Limits by group, which models are in which, and what is reserved; ``models`` with their lines."""

    defaults: Mapping[str, Limits] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    models: tuple[tuple[str, str | None], ...] = ()
    reserve: Reserve = "expected"

    def make_limiter(self, at_us: int) -> Limiter:
        """A limiter on these terms that knows of no others."""
        return Limiter(self.defaults, groups=Groups(self.groups), reserve=self.reserve, at_us=at_us)

    def list_groups(self) -> dict[str, list[str]]:
        """Every group with its models."""
        groups, found = Groups(self.groups), dict[str, list[str]]()
        for model, line in self.models:
            found.setdefault(groups.find(model, line), []).append(model)
        return found


def make_terms(
    defaults: Mapping[str, Limits],
    groups: Mapping[str, Sequence[str]],
    *,
    book: PriceBook,
    reserve: Reserve = "expected",
) -> LimitTerms:
    """The terms for the models of a book; ConfigurationError for a group or a model that is not there."""
    lines = {version.model: version.line for version in book.versions}
    terms = LimitTerms(defaults, groups, tuple(lines.items()), reserve)
    mistakes = [
        f"The rate limit group {group} names {model}, which is not in the price book."
        for group, models in groups.items()
        for model in models
        if model not in lines
    ]
    known = {EVERY_GROUP, *terms.list_groups()}
    mistakes += [
        f"There are rate limits for the group {group}, in which no model is;"
        f" the groups are {', '.join(sorted(known))}."
        for group in defaults
        if group not in known
    ]
    if mistakes:
        raise ConfigurationError(mistakes)
    return terms


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """What is in force for a group: the organization's, or those a workspace has on top of them.

    ``set_by`` is who set them; "" where they are the configuration's, or none.
    """

    group: str
    models: tuple[str, ...]
    limits: Limits
    set_by: str = ""


async def list_in_force(
    connection: Connection, organization_id: UUID, terms: LimitTerms, *, workspace_id: str | None = None
) -> list[GroupLimits]:
    """The limits of every group for an organization, or those of a workspace alone."""
    kept = await list_limits(connection, organization_id)
    limiter = terms.make_limiter(at_us=0)
    overrides = {(one.workspace_id, one.group): one.limits for one in kept}
    limiter.set_overrides(organization_id, overrides, at_us=0)
    return [
        GroupLimits(
            group,
            tuple(models),
            limiter.find_limits(organization_id, workspace_id, group=group),
            _find_setter(kept, workspace_id, group),
        )
        for group, models in terms.list_groups().items()
    ]


def _find_setter(kept: Iterable[KeptLimits], workspace_id: str | None, group: str) -> str:
    by_group = {one.group: one.changed_by for one in kept if one.workspace_id == workspace_id}
    return by_group.get(group) or by_group.get(EVERY_GROUP, "")
