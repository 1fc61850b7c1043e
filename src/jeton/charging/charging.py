"""Charging: hold before the upstream is called, settle before the last byte leaves.

Everything that touches money goes through one group commit. When a call returns, its rows are
durable; when it raises, nothing of it was written.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import cast

import msgspec
import structlog

from jeton import clock
from jeton.charging.costing.costing import CostBook, answered_by, cost_attempts
from jeton.charging.errors import SpoolFullError
from jeton.charging.leasing.leases import RECALL_WAITS_MS, Leases
from jeton.charging.leasing.promises import Promises
from jeton.charging.members import EndHold, Member, Outcome, TakeHold
from jeton.charging.outage.continuing import Continuing
from jeton.charging.outage.spool import Spool, Unheld, keep_end
from jeton.charging.words import Charge, ChargeState, Hold, HoldAsk, Metered, Rule
from jeton.db.errors import OutcomeUnknownError
from jeton.db.group_commit import GroupCommit
from jeton.errors import InsufficientCreditError, NotFoundError, OverloadedError
from jeton.metering.events import UsageEvent
from jeton.pricing.rating import rate
from jeton.pricing.terms import agree
from jeton.usage import Usage

MS_PER_S = 1000

_NULL = msgspec.Raw(b"null")
_log = structlog.get_logger(__name__)
_COUNTS = tuple(field.name for field in fields(Usage))
_UNKNOWN: dict[str, int | None] = dict.fromkeys(_COUNTS)


class Charging:
    """Takes and ends holds for the requests of this node."""

    def __init__(
        self,
        commits: GroupCommit[Member, Outcome],
        *,
        node_id: str,
        validity_s: int,
        spool: Spool | None = None,
        leases: Leases | None = None,
        costs: Mapping[str, CostBook] | None = None,
    ) -> None:
        """``validity_s`` is how long a hold may stay open before the sweeper ends it.

        ``spool`` keeps the ends of holds while the database is away; without one they fail.
        ``leases`` lets busy organizations in without waiting for the database. ``costs`` are the own
        prices of upstreams, by name.
        """
        self.continuing = Continuing()
        self._leases = leases
        self._promises = Promises(self._give_up)
        self._spool = spool
        self._costs = costs or {}
        self._commits = commits
        self._node_id = node_id
        self._validity = timedelta(seconds=validity_s)

    @property
    def spooled(self) -> tuple[int, int]:
        """How many ends of holds wait on this node's disk for the database, and their size in bytes."""
        return (0, 0) if self._spool is None else (self._spool.count, self._spool.size_bytes)

    async def hold(self, ask: HoldAsk) -> Hold:
        """Set ``ask.amount_nano`` aside (P2).

        Durable on return, or promised out of a lease, which holds the credit already; then
        ``confirm`` waits until it is durable. Raises InsufficientCreditError when the lots in force
        cover less, OverloadedError when nothing can be admitted now.
        """
        at = clock.now()
        taken_at = ask.asked_at or at
        if self._leases is not None and not self._commits.is_away:
            lease_id = self._leases.promise(ask.organization_id, ask.amount_nano, at)
            if lease_id:
                return self._promise(ask, taken_at, lease_id)
        try:
            return await self._take(TakeHold(ask, self._node_id, taken_at, taken_at + self._validity))
        except OverloadedError:
            if self._spool is None or not self._commits.is_away or not self.continuing.admit(ask):
                raise
            return Hold(ask, "", taken_at, taken_at + self._validity)
        except InsufficientCreditError:
            if self._leases is None or not await self._leases.recall(ask.organization_id):
                raise
        return await self._take_after_recall(ask)

    def expedite(self) -> None:
        """Have the holds that are promised written now, and not when their company comes."""
        self._commits.hurry()

    async def confirm(self, hold: Hold) -> None:
        """Return when the hold is durable: before the first byte of an answer leaves.

        Raises what taking it raised.
        """
        self._commits.hurry()
        await self._promises.wait(hold.ask.request_id)

    def _promise(self, ask: HoldAsk, taken_at: datetime, lease_id: str) -> Hold:
        member = TakeHold(ask, self._node_id, taken_at, taken_at + self._validity, lease_id)
        # A quick upstream's answer comes before its hold is written, and both go in one commit.
        self._promises.add(ask, self._commits.enqueue(member, is_patient=True))
        return Hold(ask, "", taken_at, member.valid_until)

    async def _take_after_recall(self, ask: HoldAsk) -> Hold:
        """Try again while leases come back; the last refusal is final."""
        for wait_ms in RECALL_WAITS_MS[:-1]:
            await asyncio.sleep(wait_ms / MS_PER_S)
            at = ask.asked_at or clock.now()
            with contextlib.suppress(InsufficientCreditError):
                return await self._take(TakeHold(ask, self._node_id, at, at + self._validity))
        await asyncio.sleep(RECALL_WAITS_MS[-1] / MS_PER_S)
        at = ask.asked_at or clock.now()
        return await self._take(TakeHold(ask, self._node_id, at, at + self._validity))

    async def _take(self, member: TakeHold) -> Hold:
        try:
            outcome = await self._commits.submit(member)
        except OutcomeUnknownError:
            # If it was taken, it is given back: the upstream will not be called.
            await self._give_up(member.ask)
            raise
        return Hold(member.ask, cast("str", outcome), member.taken_at, member.valid_until)

    async def settle(self, hold: Hold, metered: Metered) -> Charge:
        """Charge the usage at the price version and terms pinned by the hold and give back the rest.

        Usage that is unknown or contradictory (``metered.usage`` None) is quarantined: kept as
        reported, shown, charged nothing. Raises HoldEndedError if the sweeper was faster.
        """
        ask = hold.ask
        rating = None
        state: ChargeState = "quarantined"
        if metered.usage is not None:
            rating = rate(metered.usage, ask.price_version, agree(metered.conditions, ask.terms))
            state = "settled"
        end = EndHold(
            organization_id=ask.organization_id,
            request_id=ask.request_id,
            state=state,
            rule=metered.rule,
            usage=metered.usage,
            rating=rating,
            event=_event(hold, metered),
            attempts=cost_attempts(hold, metered, self._costs),
        )
        return await self._end(end, hold)

    async def release(self, hold: Hold, rule: Rule) -> Charge:
        """Give the whole hold back; the request costs nothing by ``rule``."""
        ask = hold.ask
        attempts = cost_attempts(hold, rule, self._costs)
        end = EndHold(ask.organization_id, ask.request_id, "released", rule, attempts=attempts)
        return await self._end(end, hold)

    async def _end(self, end: EndHold, hold: Hold) -> Charge:
        ask = hold.ask
        if self.continuing.is_open(ask.request_id):
            return await self._end_unheld(end, hold)
        # Given back, or about to be: what is charged after that would be taken back, too.
        if self._promises.has_failed(ask.request_id):
            await self._promises.wait(ask.request_id)
        try:
            # A hold that is still on its way is ahead of its end, in the same commit or an earlier one.
            return cast("Charge", await self._commits.submit(end))
        except NotFoundError:
            await self._promises.wait(ask.request_id)
            raise
        except OverloadedError:
            # Without its hold there is nothing to end.
            await self._promises.wait(ask.request_id)
            if self._spool is None:
                raise
            # Durable here, and booked when the database is back: the answer may go out.
            await self._spool.append(keep_end(end, ask.price_version.price_version_id, terms=ask.terms))
        return _booked_later(end)

    async def _end_unheld(self, end: EndHold, hold: Hold) -> Charge:
        """End a request that began while the database was away: by way of the spool, also if it is back."""
        ask = hold.ask
        self.continuing.end(ask, end.rating.net_nano if end.rating else 0)
        unheld = Unheld(
            workspace_id=ask.workspace_id,
            key_id=ask.key_id,
            model=ask.model,
            upstream=ask.upstream,
            is_rehearsal=ask.is_rehearsal,
            node_id=self._node_id,
            taken_at=hold.taken_at,
            labels=ask.labels,
        )
        if self._spool is not None:
            kept = keep_end(end, ask.price_version.price_version_id, unheld, terms=ask.terms)
            await self._spool.append(kept)
        return _booked_later(end)

    async def _give_up(self, ask: HoldAsk) -> None:
        if self._spool is not None:
            end = EndHold(ask.organization_id, ask.request_id, "released", Rule.HOLD_UNCONFIRMED)
            try:
                await self._spool.append(keep_end(end, ask.price_version.price_version_id))
            except (SpoolFullError, OSError) as problem:
                # An open hold is ended by the sweeper. A promised one may have been charged in the same
                # commit, and is then for `jeton charges reverse`.
                _log.error("hold_not_given_up", request_id=ask.request_id, problem=str(problem))


def _booked_later(end: EndHold) -> Charge:
    """A charge that is durable on this node and has no transaction yet."""
    return Charge(
        request_id=end.request_id,
        state=end.state,
        rule=end.rule,
        list_nano=end.rating.list_nano if end.rating else 0,
        net_nano=end.rating.net_nano if end.rating else 0,
        transaction_id="",
    )


def _event(hold: Hold, metered: Metered) -> UsageEvent:
    ask, usage, conditions = hold.ask, metered.usage, metered.conditions
    counts: dict[str, int | None] = _UNKNOWN if usage is None else {n: getattr(usage, n) for n in _COUNTS}
    return UsageEvent(
        request_id=ask.request_id,
        organization_id=ask.organization_id,
        workspace_id=ask.workspace_id,
        key_id=ask.key_id,
        model=ask.model,
        upstream=answered_by(hold.attempts, ask.upstream),
        occurred_at=hold.taken_at,
        **counts,
        service_tier=conditions.service_tier,
        inference_geo=conditions.inference_geo,
        speed=conditions.speed,
        source=metered.source,
        state="quarantined" if usage is None else "accepted",
        reported=_NULL if metered.reported is None else msgspec.Raw(metered.reported.encode()),
        end_user=ask.labels.end_user,
        tag=ask.labels.tag,
    )
