"""Charging: hold before the upstream is called, settle before the last byte leaves.

Everything that touches money goes through one group commit. When a call returns, its rows are
durable; when it raises, nothing of it was written.
"""

from dataclasses import fields
from datetime import timedelta
from typing import cast

import msgspec

from jeton import clock
from jeton.charging.members import EndHold, Member, Outcome, TakeHold
from jeton.charging.words import Charge, ChargeState, Hold, HoldAsk, Metered, Rule
from jeton.db.group_commit import GroupCommit
from jeton.metering.events import UsageEvent
from jeton.pricing.rating import rate
from jeton.usage import Usage

_NULL = msgspec.Raw(b"null")
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
    ) -> None:
        """``validity_s`` is how long a hold may stay open before the sweeper ends it."""
        self._commits = commits
        self._node_id = node_id
        self._validity = timedelta(seconds=validity_s)

    async def hold(self, ask: HoldAsk) -> Hold:
        """Set ``ask.amount_nano`` aside; durable on return (P2).

        Raises InsufficientCreditError when the lots in force cover less, OverloadedError when
        nothing can be admitted now.
        """
        taken_at = clock.now()
        valid_until = taken_at + self._validity
        outcome = await self._commits.submit(TakeHold(ask, self._node_id, taken_at, valid_until))
        return Hold(ask, cast("str", outcome), taken_at, valid_until)

    async def settle(self, hold: Hold, metered: Metered) -> Charge:
        """Charge the usage at the price version pinned by the hold and give back the rest.

        Usage that is unknown or contradictory (``metered.usage`` None) is quarantined: kept as
        reported, shown, charged nothing. Raises HoldEndedError if the sweeper was faster.
        """
        ask = hold.ask
        rating = None
        state: ChargeState = "quarantined"
        if metered.usage is not None:
            rating = rate(metered.usage, ask.price_version, metered.conditions)
            state = "settled"
        end = EndHold(
            organization_id=ask.organization_id,
            request_id=ask.request_id,
            state=state,
            rule=metered.rule,
            usage=metered.usage,
            rating=rating,
            event=_event(hold, metered),
        )
        return cast("Charge", await self._commits.submit(end))

    async def release(self, hold: Hold, rule: Rule) -> Charge:
        """Give the whole hold back; the request costs nothing by ``rule``."""
        ask = hold.ask
        end = EndHold(ask.organization_id, ask.request_id, "released", rule)
        return cast("Charge", await self._commits.submit(end))


def _event(hold: Hold, metered: Metered) -> UsageEvent:
    ask, usage, conditions = hold.ask, metered.usage, metered.conditions
    counts: dict[str, int | None] = _UNKNOWN if usage is None else {n: getattr(usage, n) for n in _COUNTS}
    return UsageEvent(
        request_id=ask.request_id,
        organization_id=ask.organization_id,
        workspace_id=ask.workspace_id,
        key_id=ask.key_id,
        model=ask.model,
        upstream=ask.upstream,
        occurred_at=hold.taken_at,
        **counts,
        service_tier=conditions.service_tier,
        inference_geo=conditions.inference_geo,
        speed=conditions.speed,
        source=metered.source,
        state="quarantined" if usage is None else "accepted",
        reported=_NULL if metered.reported is None else msgspec.Raw(metered.reported.encode()),
    )
