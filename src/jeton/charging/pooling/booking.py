"""Booking: what a Message Batch does to a book, in memory, before anything is written.

For every pool at every instant: taken = open + settled + released. An item is charged once, in the
transaction that writes its result.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from jeton.charging.batching.marks import Marks
from jeton.charging.batching.members import (
    BatchMember,
    ItemCharge,
    ItemEnd,
    Pool,
    ReleasePools,
    SettleItems,
    TakePools,
)
from jeton.charging.members import EndHold
from jeton.charging.pooling.planning import plan_pools
from jeton.charging.pooling.results import END_BATCH, RELEASE_POOLS, START_BATCH, Statements, render_results
from jeton.charging.rows import ChargeRow, charge_row
from jeton.charging.words import Charge
from jeton.db.channel import render_array
from jeton.errors import JetonError, NotFoundError, OverloadedError
from jeton.ledger import movements
from jeton.ledger.book import Book, HoldRow
from jeton.ledger.budgets.budgets import Asker
from jeton.ledger.budgets.tally import Alert
from jeton.ledger.errors import HoldEndedError
from jeton.ledger.journal import Entries, encode
from jeton.ledger.lots import Draw, Lot, split
from jeton.ledger.transaction import Movement, Posting


class BookIt(Protocol):
    """Books one transaction and returns its id."""

    def __call__(
        self, book: Book, movement: Movement, postings: tuple[Posting, ...], *, request_id: str
    ) -> str:
        """Book it."""
        ...


class EndLots(Protocol):
    """Ends the lots that are over among those given."""

    def __call__(self, book: Book, lots: Iterable[Lot], *, is_return: bool) -> int:
        """How many there were."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What of the transaction that is being decided a batch writes to."""

    book_it: BookIt
    end_lots: EndLots
    start_clocks: Callable[[Book, str], None]
    meter: Callable[[Book, EndHold, Sequence[Draw]], None]
    entries: Entries
    rows: list[ChargeRow]
    alerts: list[Alert]
    statements: Statements
    marks: Marks
    at: datetime


def book_batch(desk: Desk, book: Book, member: BatchMember) -> int | JetonError:
    """Book one member, or say why not; nothing is changed in that case."""
    match member:
        case TakePools():
            return _take(desk, book, member)
        case SettleItems():
            return _settle(desk, book, member)
        case ReleasePools():
            return _release(desk, book, member)


def _take(desk: Desk, book: Book, member: TakePools) -> int | JetonError:
    needed_nano = sum(pool.amount_nano for pool in member.pools)
    state = desk.marks.states.get(member.batch_id)
    if state is None:
        return NotFoundError(f"There is no batch {member.batch_id}.")
    if state != "uploading":
        return needed_nano
    at = max(member.taken_at, desk.at)
    plan = plan_pools(book, member.pools, at)
    if isinstance(plan, JetonError):
        return plan
    if book.budgets and needed_nano:
        asked = [(_asker(member, pool), pool.amount_nano) for pool in member.pools]
        refusal = _find_unparted(book, member) or book.budgets.refuse_all(asked)
        if refusal is not None:
            return refusal
        for asker, amount_nano in asked:
            book.budgets.take(asker, amount_nano)
    for pool, draws in zip(member.pools, plan, strict=True):
        postings = movements.hold(draws, book.kind_of)
        row = HoldRow(
            request_id=pool.pool_id,
            organization_id=book.organization_id,
            workspace_id=member.workspace_id,
            key_id=member.key_id,
            node_id=member.node_id,
            model=pool.model,
            upstream="",
            price_version_id=pool.price_version_id,
            is_rehearsal=False,
            amount_nano=pool.amount_nano,
            draws=[(drawn.lot_id, drawn.amount_nano) for drawn in draws],
            transaction_id=desk.book_it(book, Movement.HOLD, postings, request_id=pool.pool_id),
            taken_at=member.taken_at,
            valid_until=member.valid_until,
            terms_id=pool.terms_id,
            end_user=pool.end_user,
            tag=member.tag,
        )
        book.new_holds[pool.pool_id] = row
        desk.entries.taken.append(row)
    pools = encode(
        [
            {
                "pool_id": pool.pool_id,
                "model": pool.model,
                "price_version_id": pool.price_version_id,
                "taken_nano": pool.amount_nano,
                "terms_id": pool.terms_id,
                "end_user": pool.end_user,
            }
            for pool in member.pools
        ]
    )
    desk.statements.append((START_BATCH, (member.batch_id, str(needed_nano), pools or "[]")))
    desk.marks.states[member.batch_id] = "in_progress"
    return needed_nano


def _find_unparted(book: Book, member: TakePools) -> OverloadedError | None:
    """Why a batch is to be sent again: its pools know nothing of a budget that there is by now."""
    if book.budgets.list_end_users() <= member.parted_for:
        return None
    return OverloadedError(
        "A budget of an end user was made while this batch was received. Send the batch again."
    )


def _asker(member: TakePools, pool: Pool) -> Asker:
    return Asker(member.workspace_id, member.key_id, member.taken_at, pool.model, pool.end_user, member.tag)


def _settle(desk: Desk, book: Book, member: SettleItems) -> int | JetonError:
    mark = desk.marks.chunks.get((member.batch_id, member.chunk_no))
    if mark is None:
        return NotFoundError(f"There is no chunk {member.chunk_no} of a batch {member.batch_id}.")
    items = [item for item in member.items if not mark.is_done(item.position)]
    if not items:
        return 0
    pools: dict[str, _OpenPool] = {}
    for pool_id in sorted({item.charge.pool_id for item in items if item.charge is not None}):
        row = book.find_hold(pool_id)
        if row is None:
            return HoldEndedError(pool_id, "released")
        pools[pool_id] = _OpenPool(row)
    for item in items:
        if item.charge is not None:
            _charge(desk, book, pools[item.charge.pool_id], item=item, charge=item.charge)
        mark.done |= 1 << item.position
    mark.parts += 1
    settled = {}
    for pool_id, pool in pools.items():
        settled_nano = pool.row.amount_nano - pool.amount_nano
        if settled_nano:
            settled[pool_id] = settled_nano
            book.new_holds[pool_id] = desk.entries.leases[pool_id] = pool.render()
    desk.statements.append(render_results(member, items, mark, settled=settled, at=desk.at))
    return len(items)


class _OpenPool:
    """A pool while items are settled out of it."""

    __slots__ = ("amount_nano", "draws", "row")

    def __init__(self, row: HoldRow) -> None:
        self.row = row
        self.amount_nano = row.amount_nano
        self.draws = tuple(Draw(lot_id, nano) for lot_id, nano in row.draws)

    def take(self, amount_nano: int) -> tuple[Draw, ...]:
        """Take an amount out of it, which it must hold."""
        used, self.draws = split(self.draws, amount_nano)
        self.amount_nano -= amount_nano
        return used

    def render(self) -> HoldRow:
        """The hold as it is now."""
        draws = [(drawn.lot_id, drawn.amount_nano) for drawn in self.draws]
        return msgspec.structs.replace(self.row, amount_nano=self.amount_nano, draws=draws)


def _charge(desk: Desk, book: Book, pool: _OpenPool, *, item: ItemEnd, charge: ItemCharge) -> None:
    """Charge one item: up to its bound from the pool, so that it leaves to others what is theirs."""
    net_nano = charge.rating.net_nano if charge.rating else 0
    paid_nano = min(net_nano, charge.bound_nano, pool.amount_nano)
    used = pool.take(paid_nano)
    postings = movements.settle(used, paid_nano, book.kind_of)
    overrun_nano = net_nano - paid_nano
    extra: tuple[Draw, ...] = ()
    if overrun_nano:
        extra, owed_nano = book.draw_overrun(overrun_nano, pool.row.model, at=desk.at)
        postings += movements.overrun(extra, owed_nano, book.kind_of)
    movement = Movement.SETTLE if charge.state == "settled" else Movement.RELEASE
    transaction_id = desk.book_it(book, movement, postings, request_id=item.request_id)
    if charge.state == "settled":
        desk.start_clocks(book, item.request_id)
    if book.budgets and net_nano:
        payer = msgspec.structs.replace(pool.row, end_user=charge.end_user)
        desk.alerts.extend(
            book.budgets.end(payer, paid_nano, net_nano=net_nano, at=desk.at, held_for=pool.row)
        )
    end = EndHold(
        organization_id=book.organization_id,
        request_id=item.request_id,
        state=charge.state,
        rule=charge.rule,
        usage=charge.usage,
        rating=charge.rating,
        event=charge.event,
        attempts=charge.attempts,
    )
    row = msgspec.structs.replace(
        pool.row,
        request_id=item.request_id,
        upstream=charge.upstream,
        is_rehearsal=charge.is_rehearsal,
        amount_nano=charge.bound_nano,
        end_user=charge.end_user,
    )
    charged = Charge(
        request_id=item.request_id,
        state=charge.state,
        rule=charge.rule,
        list_nano=charge.rating.list_nano if charge.rating else 0,
        net_nano=net_nano,
        transaction_id=transaction_id,
    )
    draws = (*used, *extra)
    desk.rows.append(charge_row(row, charged, member=end, draws=draws, overrun_nano=overrun_nano, at=desk.at))
    desk.meter(book, end, draws)


def _release(desk: Desk, book: Book, member: ReleasePools) -> int | JetonError:
    state = desk.marks.states.get(member.batch_id)
    if state is None:
        return NotFoundError(f"There is no batch {member.batch_id}.")
    rows = [row for pool_id in member.pool_ids if (row := book.find_hold(pool_id)) is not None]
    # What expired before is booked for that instant, what comes back now for this one.
    if rows:
        desk.end_lots(book, book.lots, is_return=False)
    for row in rows:
        draws = tuple(Draw(lot_id, nano) for lot_id, nano in row.draws)
        desk.book_it(
            book, Movement.RELEASE, movements.release(draws, book.kind_of), request_id=row.request_id
        )
        book.ended_holds.add(row.request_id)
        desk.entries.ended.append(row.request_id)
        desk.entries.leases.pop(row.request_id, None)
        if book.budgets:
            desk.alerts.extend(book.budgets.end(row, row.amount_nano, net_nano=0, at=desk.at))
    if rows:
        desk.end_lots(book, book.lots, is_return=True)
        desk.statements.append((RELEASE_POOLS, (render_array([row.request_id for row in rows]),)))
    if member.is_end and state in {"in_progress", "canceling"}:
        desk.statements.append((END_BATCH, (member.batch_id, desk.at.isoformat())))
        desk.marks.states[member.batch_id] = "ended"
    return sum(row.amount_nano for row in rows)
