"""Replaying: books what the spool kept while the database was away, exactly once (P11)."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import psycopg
import structlog

from jeton import clock
from jeton.charging.agreeing.reading import find_terms
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.members import EndHold, Member, Outcome, TakeHold
from jeton.charging.outage.spool import Spool, SpooledEnd, Unheld
from jeton.charging.price_versions import find_price_versions
from jeton.charging.words import HoldAsk, Rule
from jeton.db.group_commit import GroupCommit
from jeton.db.pool import Pool
from jeton.errors import NotFoundError, OverloadedError
from jeton.identity.audit import SYSTEM
from jeton.ledger.errors import HoldEndedError
from jeton.pricing.book import PriceVersion
from jeton.pricing.rating import Conditions, rate
from jeton.pricing.terms import Terms, agree
from jeton.usage import Usage

ENDS_AT_ONCE = 256
INTERVAL_S = 1
HOLD_VALIDITY_S = 60

_FIND_NET = "SELECT net_nano FROM charges WHERE request_id = %s"
_REVERSED = "the database went away while this was being charged, and its client was told that it was not"

_log = structlog.get_logger(__name__)


async def run_replayer(
    pool: Pool, commits: GroupCommit[Member, Outcome], spool: Spool, *, on_replay: Callable[[], None]
) -> None:
    """Replay for ever, as soon as the database is back each time; ``on_replay`` once all is booked."""
    while True:
        await commits.wait_until_back()
        if spool.count:
            try:
                await replay(pool, commits, spool)
                on_replay()
            except (OverloadedError, psycopg.OperationalError) as problem:
                _log.warning("replay_interrupted", waiting=spool.count, problem=str(problem))
        await asyncio.sleep(INTERVAL_S)


async def replay(pool: Pool, commits: GroupCommit[Member, Outcome], spool: Spool) -> int:
    """Book everything that waits in the spool and forget it; return how many ends there were.

    Raises OverloadedError or psycopg.OperationalError when the database goes away again; what was
    booked by then is found and not booked twice by the next replay.
    """
    ends = spool.read()
    async with pool.connection() as connection:
        versions = await find_price_versions(connection, {end.price_version_id for end in ends})
        terms = await find_terms(connection, {end.terms_id for end in ends if end.terms_id})
    for start in range(0, len(ends), ENDS_AT_ONCE):
        some = ends[start : start + ENDS_AT_ONCE]
        holds = [_restore_hold(end, end.unheld, versions, terms) for end in some if end.unheld]
        await asyncio.gather(*(commits.submit(hold) for hold in holds))
        outcomes = await asyncio.gather(
            *(commits.submit(_restore_end(end, versions, terms)) for end in some), return_exceptions=True
        )
        for end, outcome in zip(some, outcomes, strict=True):
            if _was_charged_unknown(end, outcome):
                await _reverse(pool, end.request_id)
            else:
                _judge(end, outcome)
    await spool.clear(len(ends))
    _log.info("spool_replayed", ends=len(ends))
    return len(ends)


def _restore_hold(
    end: SpooledEnd, unheld: Unheld, versions: dict[str, PriceVersion], terms: dict[str, Terms]
) -> TakeHold:
    """The empty hold of a request that was served without one; it exists for a moment only."""
    ask = HoldAsk(
        request_id=end.request_id,
        organization_id=end.organization_id,
        workspace_id=unheld.workspace_id,
        key_id=unheld.key_id,
        model=unheld.model,
        upstream=unheld.upstream,
        price_version=versions[end.price_version_id],
        amount_nano=0,
        is_rehearsal=unheld.is_rehearsal,
        terms=_find_pinned(end, terms),
        labels=unheld.labels,
    )
    valid_until = clock.now() + timedelta(seconds=HOLD_VALIDITY_S)
    return TakeHold(ask, unheld.node_id, unheld.taken_at, valid_until, is_late=True)


def _find_pinned(end: SpooledEnd, terms: dict[str, Terms]) -> Terms | None:
    return terms[end.terms_id] if end.terms_id else None


def _restore_end(end: SpooledEnd, versions: dict[str, PriceVersion], terms: dict[str, Terms]) -> EndHold:
    event = end.event
    if event is None or event.input_tokens is None:
        return EndHold(
            organization_id=end.organization_id,
            request_id=end.request_id,
            state=end.state,
            rule=end.rule,
            event=event,
            is_late=True,
            attempts=end.attempts,
        )
    usage = Usage(
        event.input_tokens,
        event.cache_creation_5m_input_tokens or 0,
        event.cache_creation_1h_input_tokens or 0,
        event.cache_read_input_tokens or 0,
        event.output_tokens or 0,
        event.web_search_requests or 0,
        event.thinking_tokens or 0,
    )
    conditions = Conditions(event.service_tier, event.inference_geo, event.speed)  # type: ignore[arg-type]  # as stored
    return EndHold(
        organization_id=end.organization_id,
        request_id=end.request_id,
        state=end.state,
        rule=end.rule,
        usage=usage,
        rating=rate(usage, versions[end.price_version_id], agree(conditions, _find_pinned(end, terms))),
        event=event,
        is_late=True,
        attempts=end.attempts,
    )


def _was_charged_unknown(end: SpooledEnd, outcome: Outcome | BaseException) -> bool:
    """Whether a request was charged whose client was told that it was not.

    Its hold was promised, and its end so fast that both were in the commit of which nobody knew whether it
    had happened: it had.
    """
    is_charged = isinstance(outcome, HoldEndedError) and outcome.state == "settled"
    return is_charged and end.rule is Rule.HOLD_UNCONFIRMED


async def _reverse(pool: Pool, request_id: str) -> None:
    """Take back what the request was charged; once, however often it is replayed."""
    async with pool.connection() as connection:
        row = await (await connection.execute(_FIND_NET, (request_id,))).fetchone()
        if row is not None and row[0]:
            await reverse_charge(connection, request_id, reason=_REVERSED, by=SYSTEM)


def _judge(end: SpooledEnd, outcome: Outcome | BaseException) -> None:
    """Pass over what is an answer about this end itself; anything else ends the replay."""
    if isinstance(outcome, NotFoundError):
        # The hold was never taken: its commit is what the database went away in.
        if end.event is not None:
            _log.error("spooled_end_without_hold", request_id=end.request_id)
    elif isinstance(outcome, HoldEndedError) and end.event is None:
        # Released late, after the sweeper: either way it costs nothing.
        return
    elif isinstance(outcome, BaseException):
        raise outcome
