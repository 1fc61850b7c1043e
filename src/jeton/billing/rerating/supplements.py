"""Supplements: what a re-rating found to be too little, charged to an invoiced organization where two agree.

One operator asks for it, with a reason; another approves. The approval posts it in the same transaction:
accrued, earned now, and on the next document of usage, so that no issued one is altered. Each charge is
supplemented once for ever, and what is posted is what was asked for, by digest. A prepaid organization, which
has paid what it was told, is never charged later: what was charged too little there stays forgiven.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import class_row

from jeton import clock
from jeton.billing.rerating.errors import (
    ReratingPersonError,
    ReratingRefusedError,
    ReratingStateError,
    SupplementNotFoundError,
)
from jeton.billing.rerating.reratings import REASON_CHARS_MAX, Rerating, get_rerating, render_rerating
from jeton.charging.credits.books import open_desk
from jeton.db.pool import Connection
from jeton.identity.audit import Actor, record_audit
from jeton.ids import new_id
from jeton.insight.rerating.ranged import Rerated, read_rerated
from jeton.ledger import movements
from jeton.ledger.transaction import Movement
from jeton.money import render_usd

SupplementState = Literal["open", "declined", "done"]

_HEAD = """
    SELECT d.supplement_id, d.rerating_id, d.organization_id, o.name AS organization, d.reason, d.requests,
           d.amount_nano, d.digest, d.proposed_by, d.proposed_at, d.state, d.decided_by, d.decided_at,
           d.transaction_id
    FROM rerating_supplements AS d JOIN organizations AS o USING (organization_id)
"""
_LIST = f"{_HEAD} WHERE d.rerating_id = %s ORDER BY d.supplement_id"
_GET = f"{_HEAD} WHERE d.rerating_id = %s AND d.supplement_id = %s FOR UPDATE OF d"
_STANDING = """
    SELECT supplement_id, state FROM rerating_supplements
    WHERE rerating_id = %s AND organization_id = %s AND state <> 'declined'
"""
_KIND = "SELECT kind FROM organizations WHERE organization_id = %s"
_KINDS = "SELECT organization_id FROM organizations WHERE organization_id = ANY (%s) AND kind = 'invoiced'"
_SWITCHES = """
    SELECT switched_at, to_kind FROM switches WHERE organization_id = %s ORDER BY switched_at, switch_id
"""
_INSERT = """
    INSERT INTO rerating_supplements (supplement_id, rerating_id, organization_id, reason, requests,
                                      amount_nano, digest, proposed_by, proposed_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_DECIDE = """
    UPDATE rerating_supplements SET state = %s, decided_by = %s, decided_at = %s, transaction_id = %s
    WHERE supplement_id = %s
"""
_CHARGES = """
    INSERT INTO supplemented_charges (request_id, supplement_id, organization_id, held_at, amount_nano)
    SELECT c.request_id, %s, %s, c.held_at, c.nano
    FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[]) AS c (request_id, held_at, nano)
"""


@dataclass(frozen=True, slots=True)
class Supplement:
    """What one organization is to be charged, in nano, for so many charges; who said what, and when."""

    supplement_id: str
    rerating_id: str
    organization_id: UUID
    organization: str
    reason: str
    requests: int
    amount_nano: int
    digest: str
    proposed_by: str
    proposed_at: datetime
    state: SupplementState
    decided_by: str
    decided_at: datetime | None
    transaction_id: str | None


@dataclass(frozen=True, slots=True)
class SupplementAsk:
    """Which organization is to be charged what a re-rating found to be too little, why and by whom."""

    rerating_id: str
    organization_id: UUID
    reason: str
    by: Actor


async def propose_supplement(connection: Connection, ask: SupplementAsk) -> str:
    """Ask for the supplement of an invoiced organization; return its id, the same again for the same again.

    Raises ReratingNotFoundError, ReratingStateError unless the re-rating is approved, ReratingRefusedError.
    """
    if not 0 < len(ask.reason) <= REASON_CHARS_MAX or not ask.reason.isprintable():
        raise ReratingRefusedError(f"It needs a reason of 1 to {REASON_CHARS_MAX} printable characters.")
    rerating = await get_rerating(connection, ask.rerating_id)
    known = await (await connection.execute(_STANDING, (ask.rerating_id, ask.organization_id))).fetchone()
    if known is not None:
        return str(known[0])
    if rerating.state not in ("approved", "done"):
        raise ReratingStateError(f"{ask.rerating_id} is {rerating.state}: its price is approved first.")
    await _require_invoiced(connection, ask.organization_id)
    charges = await _list_charges(connection, rerating, ask.organization_id)
    if not charges:
        raise ReratingRefusedError("No charge of that organization would become more at that price.")
    amount_nano = sum(one.more_nano for one in charges)
    supplement_id = new_id("supplement")
    values = (len(charges), amount_nano, _digest(charges), ask.by.name, clock.now())
    await connection.execute(
        _INSERT, (supplement_id, ask.rerating_id, ask.organization_id, ask.reason, *values)
    )
    await _record(
        connection, await get_supplement(connection, ask.rerating_id, supplement_id), "proposed", ask.by
    )
    return supplement_id


async def approve_supplement(
    connection: Connection, rerating_id: str, supplement_id: str, *, by: Actor
) -> None:
    """Charge what was asked for, which whoever asked cannot; the same again changes nothing.

    Raises SupplementNotFoundError, ReratingPersonError, ReratingStateError where it was declined or is not
    what was asked for any more, and ReratingRefusedError where the organization pays ahead now.
    """
    rerating = await get_rerating(connection, rerating_id)
    supplement = await get_supplement(connection, rerating_id, supplement_id)
    if supplement.state == "done":
        return
    if supplement.state != "open":
        raise ReratingStateError(f"{supplement_id} is {supplement.state} already.")
    if by.name == supplement.proposed_by:
        raise ReratingPersonError(supplement.proposed_by)
    async with open_desk(connection, supplement.organization_id) as desk:
        # Under the lock of the book, so that nothing is reversed and nobody switches meanwhile.
        await _require_invoiced(connection, supplement.organization_id)
        charges = await _list_charges(connection, rerating, supplement.organization_id)
        if _digest(charges) != supplement.digest:
            raise ReratingStateError(
                f"The charges of {supplement_id} are not those it was asked for: decline it, and ask again."
            )
        transaction_id = desk.batch.book(
            desk.book,
            Movement.RERATE,
            movements.supplement(supplement.amount_nano),
            reason=f"{rerating_id} at {rerating.price_version_id}: {supplement.reason}",
        )
    await connection.execute(_DECIDE, ("done", by.name, desk.at, transaction_id, supplement_id))
    columns = (
        [one.request_id for one in charges],
        [one.held_at for one in charges],
        [one.more_nano for one in charges],
    )
    await connection.execute(_CHARGES, (supplement_id, supplement.organization_id, *columns))
    await _record(connection, supplement, "charged", by)


async def decline_supplement(
    connection: Connection, rerating_id: str, supplement_id: str, *, by: Actor
) -> None:
    """Leave what was charged too little forgiven, or take back one's own asking.

    Raises SupplementNotFoundError, and ReratingStateError where it is decided already.
    """
    supplement = await get_supplement(connection, rerating_id, supplement_id)
    if supplement.state != "open":
        raise ReratingStateError(f"{supplement_id} is {supplement.state} already.")
    await connection.execute(_DECIDE, ("declined", by.name, clock.now(), None, supplement_id))
    await _record(connection, supplement, "declined", by)


async def get_supplement(connection: Connection, rerating_id: str, supplement_id: str) -> Supplement:
    """A supplement of a re-rating, locked against others in this transaction; SupplementNotFoundError."""
    supplement = None
    if rerating_id.isprintable() and supplement_id.isprintable():
        async with connection.cursor(row_factory=class_row(Supplement)) as cursor:
            await cursor.execute(_GET, (rerating_id, supplement_id))
            supplement = await cursor.fetchone()
    if supplement is None:
        raise SupplementNotFoundError(supplement_id)
    return supplement


async def list_supplements(connection: Connection, rerating_id: str) -> list[Supplement]:
    """The supplements of a re-rating, the oldest first."""
    async with connection.cursor(row_factory=class_row(Supplement)) as cursor:
        await cursor.execute(_LIST, (rerating_id,))
        return await cursor.fetchall()


async def list_supplementable(
    connection: Connection, rerating: Rerating, supplements: Iterable[Supplement]
) -> list[dict[str, Any]]:
    """The rows of the dry run that may be asked for: of invoiced organizations, where none stands."""
    if rerating.state not in ("approved", "done"):
        return []
    standing = {str(one.organization_id) for one in supplements if one.state != "declined"}
    rows = [
        row
        for row in rerating.dry_run["data"]
        if row["requests_that_would_become_more"] and row["organization_id"] not in standing
    ]
    ids = [UUID(row["organization_id"]) for row in rows]
    invoiced = {str(row[0]) for row in await (await connection.execute(_KINDS, (ids,))).fetchall()}
    return [row for row in rows if row["organization_id"] in invoiced]


async def read_rerating(connection: Connection, rerating_id: str) -> dict[str, object]:
    """A re-rating with its supplements as JSON, exact dollars; ReratingNotFoundError."""
    rerating = await get_rerating(connection, rerating_id)
    supplements = await list_supplements(connection, rerating_id)
    return {**render_rerating(rerating), "supplements": [render_supplement(one) for one in supplements]}


def render_supplement(supplement: Supplement) -> dict[str, object]:
    """A supplement as the page's twin has it, exact dollars."""
    return {
        "id": supplement.supplement_id,
        "type": "rerating_supplement",
        "state": supplement.state,
        "organization_id": str(supplement.organization_id),
        "organization": supplement.organization,
        "requests": supplement.requests,
        "amount": render_usd(supplement.amount_nano),
        "reason": supplement.reason,
        "digest": supplement.digest,
        "proposed_by": supplement.proposed_by,
        "proposed_at": supplement.proposed_at.isoformat(),
        "decided_by": supplement.decided_by or None,
        "decided_at": None if supplement.decided_at is None else supplement.decided_at.isoformat(),
        "transaction_id": supplement.transaction_id,
    }


async def _require_invoiced(connection: Connection, organization_id: UUID) -> None:
    row = await (await connection.execute(_KIND, (organization_id,))).fetchone()
    if row is None or row[0] != "invoiced":
        raise ReratingRefusedError(
            "Only an organization that is invoiced can be charged later; others never are."
        )


async def _list_charges(connection: Connection, rerating: Rerating, organization_id: UUID) -> list[Rerated]:
    """The charges of one organization that were charged too little, and neither reversed nor supplemented.

    Those that it paid ahead, before it was invoiced, are not among them.
    """
    if rerating.organization_id not in (None, organization_id):
        return []
    span = replace(rerating.span, organization_id=organization_id)
    switches = await (await connection.execute(_SWITCHES, (organization_id,))).fetchall()
    async with aclosing(read_rerated(connection, span, [organization_id])) as charges:
        return [
            one
            async for one in charges
            if one.more_nano and one.corrected_nano is None and _was_invoiced(switches, one.held_at)
        ]


def _was_invoiced(switches: Sequence[tuple[datetime, str]], at: datetime) -> bool:
    """Whether who is invoiced now was so at an instant: since the last switch until then."""
    if not switches:
        return True
    before = [to_kind for switched_at, to_kind in switches if switched_at <= at]
    return before[-1] == "invoiced" if before else switches[0][1] == "prepaid"


def _digest(charges: Iterable[Rerated]) -> str:
    digest = hashlib.sha256()
    for one in charges:
        digest.update(f"{one.request_id} {one.charged_nano} {one.more_nano}\n".encode())
    return f"sha256:{digest.hexdigest()}"


async def _record(connection: Connection, supplement: Supplement, what: str, by: Actor) -> None:
    await record_audit(
        connection,
        by,
        f"rerating_supplement.{what}",
        subject=supplement.supplement_id,
        organization_id=supplement.organization_id,
        details={
            "rerating": supplement.rerating_id,
            "amount": render_usd(supplement.amount_nano),
            "requests": str(supplement.requests),
            "reason": supplement.reason,
        },
    )
