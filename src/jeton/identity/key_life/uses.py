"""Uses: when each key was last used, for what and from where.

Noted in memory and written some seconds later, many at a time.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import psycopg
import structlog

from jeton import clock
from jeton.db.pool import Pool

FLUSH_S = 5.0
# Keys that were used since the last writing; beyond that the oldest notes are not worth the memory.
NOTED_MAX = 50_000

_WRITE = """
    INSERT INTO key_uses AS u (key_id, last_used_at, model, address)
    SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[])
        AS n (key_id, last_used_at, model, address) ORDER BY 1
    ON CONFLICT (key_id) DO UPDATE SET last_used_at = greatest(u.last_used_at, excluded.last_used_at),
        model = CASE WHEN excluded.model = '' THEN u.model ELSE excluded.model END,
        address = CASE WHEN excluded.address = '' THEN u.address ELSE excluded.address END
"""

_log = structlog.get_logger(__name__)


class KeyUses:
    """The last use of each key of this process, until it is written."""

    def __init__(self) -> None:
        """Start with nothing noted."""
        self._noted: dict[str, datetime] = {}
        # Of those of them that asked for a model: which, and from where.
        self._asked: dict[str, tuple[str, str]] = {}

    @property
    def noted(self) -> Mapping[str, datetime]:
        """The uses that are not written yet."""
        return self._noted

    def record(self, key_id: str) -> None:
        """Note that a key is used now."""
        if len(self._noted) < NOTED_MAX or key_id in self._noted:
            self._noted[key_id] = clock.now()

    def record_model(self, key_id: str, model: str, *, address: str) -> None:
        """Note what the key that is used now asks for, and from which address."""
        if key_id in self._noted:
            self._asked[key_id] = (model, address)

    async def run(self, pool: Pool) -> None:
        """Write what was noted, every FLUSH_S seconds, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush(pool)

    async def flush(self, pool: Pool) -> None:
        """Write what was noted; while the database is away it stays noted."""
        if not self._noted:
            return
        noted, self._noted = self._noted, {}
        asked, self._asked = self._asked, {}
        models, addresses = zip(*(asked.get(key_id, ("", "")) for key_id in noted), strict=True)
        try:
            async with pool.connection() as connection:
                # In one order on every node, so that no two wait for each other.
                await connection.execute(
                    _WRITE, (list(noted), list(noted.values()), list(models), list(addresses))
                )
        except psycopg.OperationalError as problem:
            self._noted, self._asked = {**noted, **self._noted}, {**asked, **self._asked}
            _log.warning("key_uses_not_written", problem=str(problem))
