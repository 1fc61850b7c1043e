"""Proof: what was checked, what was found, and how rows are read for it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jeton.db.pool import Connection

FINDINGS_MAX = 1_000
ROWS_A_FETCH = 2_000


@dataclass(slots=True)
class Proof:
    """What was checked and what was found wrong; sound when nothing was."""

    transactions: int = 0
    charges: int = 0
    lots: int = 0
    organizations: int = 0
    open_holds: int = 0
    rollups: int = 0
    budget_windows: int = 0
    batch_pools: int = 0
    chains: dict[str, str] = field(default_factory=dict)
    audit_entries: int = 0
    audit_chains: dict[str, str] = field(default_factory=dict)
    audit_findings: int = 0
    kept_ends: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether the books are right to the nano-dollar."""
        return not self.findings

    def find(self, sentence: str) -> None:
        """Note something wrong; beyond ``FINDINGS_MAX`` only the first ones are kept."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(sentence)


async def read_rows(
    connection: Connection, name: str, query: str, *, parameters: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[Any, ...]]:
    """The rows of a query, some thousands at a time; ``name`` is the cursor's."""
    async with connection.cursor(name) as cursor:
        cursor.itersize = ROWS_A_FETCH
        await cursor.execute(query, parameters)
        async for row in cursor:
            yield row
