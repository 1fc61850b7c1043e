"""Ending: from what came of asking for an item to its result and its charge."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

import msgspec

from jeton.batches.items import Problem, StoredItem, make_request_id, render_ended, render_errored
from jeton.batches.items import render_succeeded as render_message
from jeton.batches.ports import Answered, ItemAsk
from jeton.batches.working.claiming import Claimed
from jeton.charging.batching.members import ItemCharge, ItemEnd, ItemOutcome, make_pool_id
from jeton.charging.costing.costing import CostBook, answered_by, cost_attempts
from jeton.charging.words import ChargeState, Hold, HoldAsk, Metered
from jeton.metering.events import UsageEvent
from jeton.pricing.rating import rate
from jeton.usage import Usage

_NULL = msgspec.Raw(b"null")
_COUNTS = tuple(field.name for field in fields(Usage))
_UNKNOWN: dict[str, int | None] = dict.fromkeys(_COUNTS)


def end_answered(
    claimed: tuple[Claimed, int, StoredItem],
    ask: ItemAsk,
    answered: Answered,
    *,
    costs: Mapping[str, CostBook],
) -> ItemEnd:
    """The end of an item that an upstream was asked for, charged for what was used.

    ``claimed`` is the item: its chunk, its place there and what it asks.
    """
    chunk, position, stored = claimed
    charge = _charge(chunk, stored, ask, answered)
    attempts = cost_attempts(_hold(chunk, stored, ask), answered.as_billed or answered.ending, costs)
    charge = msgspec.structs.replace(charge, attempts=attempts)
    if answered.message is not None:
        line = render_message(stored.custom_id, answered.message)
        return ItemEnd(position, ask.request_id, "succeeded", line, charge)
    problem = answered.problem or Problem("api_error", "The upstream did not answer.")
    line = render_errored(stored.custom_id, problem, ask.request_id)
    return ItemEnd(position, ask.request_id, "errored", line, charge)


def end_refused(chunk: Claimed, position: int, stored: StoredItem, *, problem: Problem) -> ItemEnd:
    """The end of an item that cannot be asked; nothing is charged."""
    request_id = make_request_id(chunk.batch_id, chunk.first_item + position)
    return ItemEnd(position, request_id, "errored", render_errored(stored.custom_id, problem, None))


def end_unasked(chunk: Claimed, position: int, stored: StoredItem, *, outcome: ItemOutcome) -> ItemEnd:
    """The end of an item that nobody was asked for in time; nothing is charged."""
    request_id = make_request_id(chunk.batch_id, chunk.first_item + position)
    return ItemEnd(position, request_id, outcome, render_ended(stored.custom_id, outcome))


def _hold(chunk: Claimed, stored: StoredItem, ask: ItemAsk) -> Hold:
    """The item's part of its pool, as a hold of its own."""
    asked = HoldAsk(
        request_id=ask.request_id,
        organization_id=chunk.organization_id,
        workspace_id=chunk.workspace_id,
        key_id=chunk.key_id,
        model=ask.version.model,
        upstream=ask.upstream,
        price_version=ask.version,
        amount_nano=stored.bound_nano,
        is_rehearsal=ask.is_rehearsal,
    )
    return Hold(asked, "", chunk.created_at, chunk.expires_at, attempts=ask.attempts)


def _charge(chunk: Claimed, stored: StoredItem, ask: ItemAsk, answered: Answered) -> ItemCharge:
    pool_id = make_pool_id(chunk.batch_id, stored.pool)
    ending = answered.ending
    if not isinstance(ending, Metered):
        return ItemCharge(
            pool_id,
            answered.upstream,
            ask.is_rehearsal,
            stored.bound_nano,
            state="released",
            rule=ending,
            end_user=ask.end_user,
        )
    state: ChargeState = "quarantined" if ending.usage is None else "settled"
    return ItemCharge(
        pool_id=pool_id,
        upstream=answered.upstream,
        is_rehearsal=ask.is_rehearsal,
        bound_nano=stored.bound_nano,
        state=state,
        rule=ending.rule,
        usage=ending.usage,
        rating=None if ending.usage is None else rate(ending.usage, ask.version, ending.conditions),
        event=_event(ask, answered_by(ask.attempts, answered.upstream), ending, chunk.created_at),
        end_user=ask.end_user,
    )


def _event(ask: ItemAsk, upstream: str, metered: Metered, occurred_at: datetime) -> UsageEvent:
    """Counted on the day on which the batch was held, as budgets count it."""
    usage, conditions = metered.usage, metered.conditions
    counts: dict[str, int | None] = _UNKNOWN if usage is None else {n: getattr(usage, n) for n in _COUNTS}
    return UsageEvent(
        request_id=ask.request_id,
        organization_id=ask.head.organization_id,
        workspace_id=ask.head.workspace_id,
        key_id=ask.head.key_id,
        model=ask.version.model,
        upstream=upstream,
        occurred_at=occurred_at,
        **counts,
        service_tier=conditions.service_tier,
        inference_geo=conditions.inference_geo,
        speed=conditions.speed,
        source=metered.source,
        state="quarantined" if usage is None else "accepted",
        reported=_NULL if metered.reported is None else msgspec.Raw(metered.reported.encode()),
        end_user=ask.end_user,
        tag=ask.head.tag,
    )
