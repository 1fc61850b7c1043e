"""Question: what is asked of settled usage, and the report that answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from jeton.insight.explore.errors import InvalidGroupingError
from jeton.insight.explore.stretches import Buckets, Step, Stretch
from jeton.insight.explore.sums import Sums, add_up
from jeton.metering.events import LABEL_DIMENSIONS

# What usage can be grouped and filtered by; each is a column of the sums.
DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "model": "Model",
        "workspace_id": "Workspace",
        "key_id": "Key",
        "service_tier": "Tier",
        "context_window": "Context window",
        "inference_geo": "Geography",
        "speed": "Speed",
        "end_user": "End user",
        "tag": "Tag",
    }
)
GROUPS_SHOWN = 10
GROUPS_MAX = 1_000
DIMENSIONS_MAX = len(DIMENSIONS)


@dataclass(frozen=True, slots=True)
class Question:
    """One question: whose usage, when, in which steps, of what, grouped how; raises InvalidGroupingError.

    ``where`` holds the values that a dimension may have. Of each dimension of ``group_by`` the ``limit``
    values that come to most by ``measure`` are told apart; the rest are summed as other (None).
    """

    organization_id: UUID
    stretch: Stretch
    step: Step | None = None
    group_by: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limit: int = GROUPS_SHOWN
    measure: str = "net_nano"

    @property
    def asks_labels(self) -> bool:
        """Whether end users or tags are grouped or chosen."""
        return any(name in LABEL_DIMENSIONS for name in (*self.group_by, *self.where))

    def __post_init__(self) -> None:
        """Refuse a dimension that is none, or the same one twice."""
        for number, name in enumerate(self.group_by):
            if name not in DIMENSIONS or name in self.group_by[:number]:
                raise InvalidGroupingError(name, DIMENSIONS)
        for name in self.where:
            if name not in DIMENSIONS:
                raise InvalidGroupingError(name, DIMENSIONS)


Group = tuple[str | None, ...]


class Cell(NamedTuple):
    """One group in one bucket of time; ``group`` has a value for each dimension, None for all others."""

    bucket: int
    group: Group
    sums: Sums


# Without slots, so that what is added up is added up once.
@dataclass(frozen=True)
class Report:
    """What was used: a cell for each bucket and group with any usage, in the order of time.

    A narrowed report says to what (``narrowed_to``), and which ``columns`` alone it knows: the rest is not
    zero.
    """

    question: Question
    as_of: datetime
    buckets: Buckets
    cells: tuple[Cell, ...]
    columns: tuple[str, ...] | None = None
    narrowed_to: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_amounts(self) -> bool:
        """Whether there are any: they are kept by the quarter of an hour, so minutes have none."""
        is_charged = self.columns is None or "charged_amount" in self.columns
        return is_charged and self.question.step != "1m"

    @cached_property
    def totals(self) -> Sums:
        """The sum of everything."""
        return add_up(cell.sums for cell in self.cells)

    @cached_property
    def by_bucket(self) -> tuple[Sums, ...]:
        """The sum of each bucket of time, empty ones too."""
        cells: list[list[Sums]] = [[] for _ in range(self.buckets.count)]
        for cell in self.cells:
            cells[cell.bucket].append(cell.sums)
        return tuple(map(add_up, cells))

    @property
    def by_group(self) -> dict[Group, Sums]:
        """The sum of each group, the largest measure first; what is other comes last."""
        return self.by_first(len(self.question.group_by))

    def by_first(self, dimensions: int) -> dict[Group, Sums]:
        """As ``by_group``, by the first so many dimensions only."""
        found: dict[Group, list[Sums]] = {}
        for cell in self.cells:
            found.setdefault(cell.group[:dimensions], []).append(cell.sums)
        sums = {group: add_up(some) for group, some in found.items()}
        measure = self.question.measure
        return dict(
            sorted(
                sums.items(),
                key=lambda pair: (None in pair[0], -getattr(pair[1], measure), tuple(map(str, pair[0]))),
            )
        )
