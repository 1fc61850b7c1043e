"""Reloader: looks over the rules, opens what is needed, and has it paid.

Each step is committed before the next. A reload that was opened and never sent, or sent and not heard of, is
an open payment like any other: ``payments.arriving`` settles it, under the same key.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
import structlog

from jeton.billing.payments.sending import send_payment
from jeton.billing.payments.till import Till
from jeton.billing.reloads.opening import Opened, open_reload
from jeton.billing.reloads.standings import CANDIDATES_MAX, list_candidates
from jeton.billing.reloads.words import Terms
from jeton.billing.taxation.desk import asking
from jeton.billing.taxation.errors import TaxServiceAwayError
from jeton.errors import JetonError

SENT_AT_ONCE_MAX = 4
# Before every id.
_FIRST = UUID(int=0)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reloader:
    """Everything that auto-reload is done with."""

    till: Till
    terms: Terms

    async def run(self, at: datetime) -> dict[str, int]:
        """Open what is needed, and have it paid; how many of each.

        What goes wrong with one organization is no other's trouble: it is logged, and due again at the
        next look.
        """
        opened = await self.look(at)
        doors = asyncio.Semaphore(SENT_AT_ONCE_MAX)

        async def pay(payment_id: str) -> bool:
            async with doors:
                return await self.pay(payment_id, at=at)

        return {"opened": len(opened), "ended": sum(await asyncio.gather(*map(pay, opened)))}

    async def look(self, at: datetime) -> list[str]:
        """Open what is needed in all organizations; return the payments that are to be sent.

        A tax service that is away is away for all, so the rest waits for the next look, too.
        """
        opened: list[str] = []
        after = _FIRST
        while True:
            async with self.till.pool.connection() as connection:
                page = await list_candidates(connection, at, after=after)
            for organization_id in page:
                try:
                    payment_id = (await self.open(organization_id, at)).payment_id
                except TaxServiceAwayError as problem:
                    _log.warning("reload_without_tax", opened=len(opened), problem=str(problem))
                    return opened
                except JetonError as problem:
                    _log.warning(
                        "reload_not_opened", organization_id=str(organization_id), problem=str(problem)
                    )
                else:
                    opened += [payment_id] if payment_id else []
            if len(page) < CANDIDATES_MAX:
                return opened
            after = page[-1]

    async def open(self, organization_id: UUID, at: datetime) -> Opened:
        """Ask one organization's rule, in a transaction of its own."""

        async def act() -> Opened:
            async with self.till.pool.connection() as connection:
                return await open_reload(connection, self.till, self.terms, organization_id, at=at)

        return await asking(act)

    async def pay(self, payment_id: str, *, at: datetime) -> bool:
        """Ask for the money of one; whether it is over. What is not is settled by the jobs of payments."""
        try:
            return (await send_payment(self.till, payment_id, at=at)).is_over
        except (JetonError, psycopg.Error, OSError) as problem:
            _log.warning("reload_not_paid", payment_id=payment_id, problem=str(problem))
            return False
