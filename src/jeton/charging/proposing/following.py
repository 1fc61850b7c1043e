"""Following: a process knows every approved price before its day.

Approvals are asked for with every beat. A price begins at least ``LEAD`` of ``pricing.proposing`` after it
was approved, which is many beats; while the database is away nobody can approve another. Versions are on
record before anything can be charged by them.
"""

import asyncio

import psycopg
import structlog

from jeton.charging.price_versions import record_price_versions
from jeton.charging.proposing.proposals import list_approved
from jeton.db.pool import Pool
from jeton.errors import ConfigurationError
from jeton.pricing.book import PriceBook
from jeton.pricing.loading import parse_book
from jeton.pricing.proposing.proposal import follow

BEAT_S = 10

_log = structlog.get_logger(__name__)


class PriceFollower:
    """Keeps the book of one process up to date for as long as ``run`` runs."""

    def __init__(self, pool: Pool, book: PriceBook) -> None:
        """Knows what the files say until ``read``."""
        self._pool = pool
        self._book = book
        self._known: set[str] = set()

    async def read(self) -> None:
        """Know what is approved by now; before the first request."""
        found: list[tuple[str, PriceBook | None]] = []
        async with self._pool.connection() as connection:
            for proposal_id, file in await list_approved(connection, self._known):
                try:
                    proposed = parse_book([file])
                    await record_price_versions(connection, proposed.versions)
                    found.append((proposal_id, proposed))
                except ConfigurationError as error:
                    # The files have other versions of the same days, and these were charged by: they stay.
                    _log.error("approved_price_refused", proposal_id=proposal_id, mistakes=error.mistakes)
                    found.append((proposal_id, None))
        # What is on record by now may be charged by.
        for proposal_id, prices in found:
            self._known.add(proposal_id)
            if prices is not None and not follow(self._book, prices):
                _log.error("approved_price_contradicts_files", proposal_id=proposal_id)

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self.read()
            except (psycopg.Error, TimeoutError) as problem:
                _log.warning("prices_not_followed", problem=str(problem))
