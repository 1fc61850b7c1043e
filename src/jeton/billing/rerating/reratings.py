"""Re-ratings: proposed after a dry run, approved by a second person, posted charge by charge.

What becomes less goes back as the reversal of a part of each charge: into the lots that paid it, or off what
is owed, with a credit note in the ledger. A charge is reversed once for ever, so posting again posts nothing
twice. The charges must be those of the dry run, by digest. What would become more is shown, and charged only
where two operators agree on it, organization by organization (``supplements``).
"""

from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jeton import clock
from jeton.billing.rerating.errors import (
    ReratingNotFoundError,
    ReratingPersonError,
    ReratingRefusedError,
    ReratingStateError,
)
from jeton.charging.credits.reversing import reverse_charge
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.insight.rerating.ranged import (
    CHARGES_MAX,
    DryRun,
    Rerated,
    Span,
    dry_run,
    read_rerated,
    render_dry_run,
)
from jeton.money import render_usd
from jeton.pricing.book import PriceBook

# Together with the id it is the reason of each reversal.
REASON_CHARS_MAX = 300
SPAN_MAX = timedelta(days=92)
POSTED_AT_ONCE = 200
LISTED_MAX = 50

ReratingState = Literal["open", "declined", "approved", "done"]

_COLUMNS = (
    "rerating_id, model, price_version_id, from_at, until_at, organization_id, reason, dry_run, digest,"
    " lower_requests, back_nano, proposed_by, proposed_at, state, decided_by, decided_at, posted_requests,"
    " posted_nano"
)
_LIST = f"SELECT {_COLUMNS} FROM reratings ORDER BY rerating_id DESC LIMIT %s"  # noqa: S608 - made of constants
_GET = f"SELECT {_COLUMNS} FROM reratings WHERE rerating_id = %s FOR UPDATE"  # noqa: S608 - made of constants
_INSERT = """
    INSERT INTO reratings (rerating_id, model, price_version_id, from_at, until_at, organization_id, reason,
                           dry_run, digest, lower_requests, back_nano, proposed_by, proposed_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# The digest says which charges; of a day that is not over the end moves.
_STANDING = """
    SELECT rerating_id FROM reratings
    WHERE state = 'open' AND price_version_id = %s AND from_at = %s
      AND organization_id IS NOT DISTINCT FROM %s AND reason = %s AND digest = %s AND proposed_by = %s
"""
_DECIDE = "UPDATE reratings SET state = %s, decided_by = %s, decided_at = %s WHERE rerating_id = %s"
_POSTED = """
    UPDATE reratings SET posted_requests = posted_requests + %s, posted_nano = posted_nano + %s, state = %s
    WHERE rerating_id = %s
"""


@dataclass(frozen=True, slots=True)
class Rerating:
    """One re-rating; amounts in nano, ``dry_run`` as it was rendered when it was proposed."""

    rerating_id: str
    model: str
    price_version_id: str
    from_at: datetime
    until_at: datetime
    organization_id: UUID | None
    reason: str
    dry_run: dict[str, Any]
    digest: str
    lower_requests: int
    back_nano: int
    proposed_by: str
    proposed_at: datetime
    state: ReratingState
    decided_by: str
    decided_at: datetime | None
    posted_requests: int
    posted_nano: int

    @property
    def span(self) -> Span:
        """Which charges, at which price."""
        return Span(self.model, self.price_version_id, self.from_at, self.until_at, self.organization_id)


def make_span(
    book: PriceBook,
    price_version_id: str,
    *,
    from_at: datetime,
    until_at: datetime,
    organization_id: UUID | None = None,
) -> Span:
    """The past charges of a price version's model, of a day that is not over what is past of it.

    Raises ReratingRefusedError for a price that is not of the price book.
    """
    known = {version.price_version_id: version for version in book.versions}
    if price_version_id not in known:
        raise ReratingRefusedError("The price version is not one of the price book.")
    return Span(
        known[price_version_id].model, price_version_id, from_at, min(until_at, clock.now()), organization_id
    )


async def propose_rerating(connection: Connection, span: Span, *, reason: str, by: Actor) -> str:
    """Keep a span with its dry run as proposed; return its id, the same again for the same again.

    Raises ReratingRefusedError.
    """
    if not 0 < len(reason) <= REASON_CHARS_MAX or not reason.isprintable():
        raise ReratingRefusedError(f"It needs a reason of 1 to {REASON_CHARS_MAX} printable characters.")
    at = clock.now()
    if not span.from_at < span.until_at <= at or span.until_at - span.from_at > SPAN_MAX:
        raise ReratingRefusedError(f"It needs a past time of at most {SPAN_MAX.days} days.")
    found = await dry_run(connection, span)
    if found.is_cut_off:
        raise ReratingRefusedError(
            f"It would be more than {CHARGES_MAX:,} charges: choose a shorter time, or one organization."
        )
    if not found.lower and not found.higher:
        raise ReratingRefusedError("No charge of that time becomes less or more at that price.")
    same = (span.price_version_id, span.from_at, span.organization_id, reason, found.digest, by.name)
    known = await (await connection.execute(_STANDING, same)).fetchone()
    if known is not None:
        return str(known[0])
    rerating_id = await _insert(connection, span, found, reason=reason, by=by)
    details = {
        "price_version": span.price_version_id,
        "from": span.from_at.isoformat(),
        "until": span.until_at.isoformat(),
        "goes_back": render_usd(found.back_nano),
        "would_be_more": render_usd(found.higher_nano),
        "reason": reason,
    }
    await record_audit(
        connection,
        by,
        "rerating.proposed",
        subject=rerating_id,
        organization_id=span.organization_id,
        details=details,
    )
    return rerating_id


async def decide_rerating(
    connection: Connection, rerating_id: str, state: Literal["approved", "declined"], *, by: Actor
) -> None:
    """Approve a re-rating, which whoever proposed cannot, or decline it; nothing is posted by that.

    Raises ReratingNotFoundError, ReratingStateError and ReratingPersonError.
    """
    rerating = await get_rerating(connection, rerating_id)
    if rerating.state != "open":
        raise ReratingStateError(f"{rerating_id} is {rerating.state} already.")
    if state == "approved" and by.name == rerating.proposed_by:
        raise ReratingPersonError(rerating.proposed_by)
    # Where nothing goes back there is nothing to post.
    next_state = "done" if state == "approved" and not rerating.lower_requests else state
    await connection.execute(_DECIDE, (next_state, by.name, clock.now(), rerating_id))
    await _record(connection, rerating, f"rerating.{state}", by)


async def post_rerating(connection: Connection, rerating_id: str, *, by: Actor) -> int:
    """Reverse the next POSTED_AT_ONCE charges of an approved re-rating by what goes back; how many.

    None are left when it returns 0, and the re-rating is done. Raises ReratingNotFoundError, and
    ReratingStateError where it is not approved or the charges are not those of the dry run.
    """
    rerating = await get_rerating(connection, rerating_id)
    if rerating.state != "approved":
        raise ReratingStateError(f"{rerating_id} is {rerating.state}, not approved.")
    if (await dry_run(connection, rerating.span)).digest != rerating.digest:
        raise ReratingStateError(
            f"The charges of {rerating_id} are not those of its dry run any more: propose it again."
        )
    waiting = await _list_waiting(connection, rerating)
    for one in waiting:
        await reverse_charge(
            connection,
            one.request_id,
            reason=f"{rerating_id} at {rerating.price_version_id}: {rerating.reason}",
            by=by,
            amount_nano=one.back_nano,
        )
    state = "approved" if len(waiting) == POSTED_AT_ONCE else "done"
    posted_nano = sum(one.back_nano for one in waiting)
    await connection.execute(_POSTED, (len(waiting), posted_nano, state, rerating_id))
    if state == "done":
        await _record(connection, rerating, "rerating.done", by)
    return len(waiting)


async def get_rerating(connection: Connection, rerating_id: str) -> Rerating:
    """A re-rating, locked against others in this transaction; ReratingNotFoundError."""
    rerating = None
    if rerating_id.isprintable():
        async with connection.cursor(row_factory=class_row(Rerating)) as cursor:
            await cursor.execute(_GET, (rerating_id,))
            rerating = await cursor.fetchone()
    if rerating is None:
        raise ReratingNotFoundError(rerating_id)
    return rerating


async def list_reratings(connection: Connection) -> list[Rerating]:
    """The newest re-ratings, LISTED_MAX at most."""
    async with connection.cursor(row_factory=class_row(Rerating)) as cursor:
        await cursor.execute(_LIST, (LISTED_MAX,))
        return await cursor.fetchall()


def render_rerating(rerating: Rerating) -> dict[str, object]:
    """A re-rating as the page's twin has it, exact dollars."""
    return {
        "id": rerating.rerating_id,
        "type": "rerating",
        "state": rerating.state,
        "model": rerating.model,
        "price_version_id": rerating.price_version_id,
        "from": rerating.from_at.isoformat(),
        "until": rerating.until_at.isoformat(),
        "organization_id": None if rerating.organization_id is None else str(rerating.organization_id),
        "reason": rerating.reason,
        "dry_run": rerating.dry_run,
        "proposed_by": rerating.proposed_by,
        "proposed_at": rerating.proposed_at.isoformat(),
        "decided_by": rerating.decided_by or None,
        "decided_at": None if rerating.decided_at is None else rerating.decided_at.isoformat(),
        "posted_requests": rerating.posted_requests,
        "posted_amount": render_usd(rerating.posted_nano),
    }


async def _insert(connection: Connection, span: Span, found: DryRun, *, reason: str, by: Actor) -> str:
    rerating_id = new_id("rrt")
    await connection.execute(
        _INSERT,
        (
            rerating_id,
            span.model,
            span.price_version_id,
            span.from_at,
            span.until_at,
            span.organization_id,
            reason,
            Jsonb(render_dry_run(found)),
            found.digest,
            found.lower,
            found.back_nano,
            by.name,
            clock.now(),
        ),
    )
    return rerating_id


async def _list_waiting(connection: Connection, rerating: Rerating) -> list[Rerated]:
    """The next charges that become less and were not reversed."""
    waiting: list[Rerated] = []
    async with aclosing(read_rerated(connection, rerating.span)) as charges:
        async for one in charges:
            if one.back_nano and one.corrected_nano is None:
                waiting.append(one)
            if len(waiting) == POSTED_AT_ONCE:
                break
    return waiting


async def _record(connection: Connection, rerating: Rerating, action: str, by: Actor) -> None:
    await record_audit(
        connection,
        by,
        action,
        subject=rerating.rerating_id,
        organization_id=rerating.organization_id,
        details={"goes_back": render_usd(rerating.back_nano), "digest": rerating.digest},
    )
