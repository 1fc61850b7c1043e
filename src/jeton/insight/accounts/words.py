"""Words of statements: a stretch of the books, and a statement as a table whose checks come to zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a statement is about: postings before ``until_at``, moved from ``from_at`` on (None: ever).

    Of one organization or of the house; ``by_organization`` tells organizations apart.
    """

    until_at: datetime
    from_at: datetime | None = None
    organization_id: UUID | None = None
    by_organization: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements' queries name."""
        return {
            "until_at": self.until_at,
            "from_at": self.from_at,
            "organization_id": self.organization_id,
            "by_organization": self.by_organization,
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """A table for people and programs; amounts are nano in columns that end in ``_nano``.

    ``checks`` are differences that have to be 0: what the statement says less what the accounts say.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    totals: dict[str, int]
    checks: dict[str, int]

    @property
    def is_tied(self) -> bool:
        """Whether the statement agrees with the accounts to the nano."""
        return not any(self.checks.values())
