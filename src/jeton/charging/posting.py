"""Posting: what one group commit does to the books, in one round trip or in two.

Books that this node wrote last are decided on as they are in memory, and travel with the version
they were decided on: the database refuses them if somebody else wrote meanwhile. Everything else
is read under lock first; so is every batch with a refusal in it, because nobody is refused on the
strength of what is only remembered.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast
from uuid import UUID

from jeton import clock
from jeton.charging.batching.marks import read_marks
from jeton.charging.batching.members import ReleasePools, SettleItems, TakePools, pool_ids_of
from jeton.charging.counting.booking import count_windows, place_opening
from jeton.charging.counting.members import OpenBudget
from jeton.charging.deciding import Batch
from jeton.charging.members import EndHold, Member, Outcome, ReturnLease, TakeHold, TakeLease
from jeton.charging.pooling.payers import read_counts
from jeton.charging.words import Charge, ChargeState, Rule
from jeton.db.channel import Channel, render_array
from jeton.errors import JetonError
from jeton.ledger.book import Book
from jeton.ledger.journal import lock_books
from jeton.ledger.shelf import Shelf

_READ_CHARGES = """
    SELECT request_id, state, rule_id, list_nano, net_nano, transaction_id FROM charges
    WHERE request_id = ANY($1)
"""

# Where the crash test kills the server inside a database transaction, after its last statement.
CHECKPOINTS = ("hold_written", "settle_written")
# The same for what is not part of every request.
RARE_CHECKPOINTS = ("lease_written", "lease_returned", "sweep_written")
# And for Message Batches.
BATCH_CHECKPOINTS = ("batch_held", "batch_settled", "batch_released")

Outcomes = list[Outcome | JetonError]
Execute = Callable[[Channel, Sequence[Member]], Awaitable[Outcomes]]


class Posting:
    """Posts batch after batch and keeps the books in between; one for each group commit."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        """Nothing is known of any book."""
        self._shelf = shelf or Shelf()
        self._open: dict[UUID, Book] = {}

    async def post(self, channel: Channel, members: Sequence[Member]) -> Outcomes:
        """Decide and write ``members`` in the caller's transaction; one outcome for each, in order."""
        # What was open before and was not committed is not known any more.
        self._open = {}
        organization_ids = {member.organization_id for member in members}
        kept = self._shelf.take(organization_ids)
        if kept is not None and _are_known(kept, members):
            # What is read here for books that are only remembered is as new as they are, or newer, and then
            # they are refused.
            await read_counts(channel, kept, members)
            batch = Batch(kept, {}, clock.now())
            outcomes = [batch.decide(member) for member in members]
            if not any(isinstance(outcome, JetonError) for outcome in outcomes):
                batch.write(channel)
                self._open = kept
                return outcomes
        request_ids = [request_id for member in members for request_id in _request_ids(member)]
        books = await lock_books(channel, organization_ids, request_ids)
        for book in books.values():
            self._shelf.compare(book)
        self._open = books
        return await _post_on(channel, members, books)

    def keep(self) -> None:
        """The latest batch is committed: its books are as good as read."""
        for book in self._open.values():
            book.turn_page()
            self._shelf.put(book)
        self._open = {}


async def post(channel: Channel, members: Sequence[Member]) -> Outcomes:
    """``Posting.post`` for a single transaction: everything is read first and nothing kept."""
    return await Posting().post(channel, members)


def stop_at(checkpoint: Callable[[str], None], execute: Execute) -> Execute:
    """``execute`` for the crash test: ``checkpoint`` is called between what was written and its commit."""

    async def post_and_check(channel: Channel, members: Sequence[Member]) -> Outcomes:
        outcomes = await execute(channel, members)
        await channel.flush()
        for member in members:
            if isinstance(member, TakeHold):
                checkpoint("hold_written")
            elif isinstance(member, EndHold):
                checkpoint("sweep_written" if member.state == "unconfirmed" else "settle_written")
            elif isinstance(member, TakeLease):
                checkpoint("lease_written")
            elif isinstance(member, ReturnLease):
                checkpoint("lease_returned")
            elif isinstance(member, TakePools):
                checkpoint("batch_held")
            elif isinstance(member, SettleItems):
                checkpoint("batch_settled")
            elif isinstance(member, ReleasePools):
                checkpoint("batch_released")
        return outcomes

    return post_and_check


async def _post_on(channel: Channel, members: Sequence[Member], books: dict[UUID, Book]) -> Outcomes:
    ended = [request_id for member in members if (request_id := _ended_before(books, member))]
    charges = await _read_charges(channel, ended) if ended else {}
    members = [
        await place_opening(channel, member) if isinstance(member, OpenBudget) else member
        for member in members
    ]
    counted = {
        member.budget.budget_id: await count_windows(channel, member.budget)
        for member in members
        if isinstance(member, OpenBudget)
    }
    await read_counts(channel, books, members)
    marks = await read_marks(channel, members)
    batch = Batch(books, charges, clock.now(), counted=counted, marks=marks)
    outcomes = [batch.decide(member) for member in members]
    batch.write(channel)
    return outcomes


def _are_known(books: dict[UUID, Book], members: Sequence[Member]) -> bool:
    """Whether kept books say everything about these members."""
    taken = set()
    for member in members:
        if isinstance(member, TakeHold):
            taken.add(member.ask.request_id)
            continue
        if not isinstance(member, EndHold):
            return False
        book = books.get(member.organization_id)
        if book is None:
            return False
        hold = book.holds.get(member.request_id)
        if hold is None:
            if book.budgets or member.request_id not in taken:
                return False
        elif book.budgets and not book.budgets.knows(hold):
            # Which windows it counts in is read with the hold.
            return False
    return True


def _ended_before(books: dict[UUID, Book], member: Member) -> str:
    """The request whose hold may have ended already, in a commit that this one repeats, say; "" for none."""
    match member:
        case EndHold():
            request_id = member.request_id
        case TakeHold(lease_id=lease_id) if lease_id:
            # Only of a promised hold the end can be in the very same commit.
            request_id = member.ask.request_id
        case _:
            return ""
    book = books.get(member.organization_id)
    return "" if book is not None and request_id in book.holds else request_id


def _request_ids(member: Member) -> tuple[str, ...]:
    """The holds that a member may be about."""
    match member:
        case TakeHold():
            request_id = member.ask.request_id
            return (request_id, member.lease_id) if member.lease_id else (request_id,)
        case EndHold():
            return (member.request_id,)
        case TakeLease() | ReturnLease():
            return (member.lease_id,)
        case TakePools() | SettleItems() | ReleasePools():
            return pool_ids_of(member)
        case _:
            return ()


async def _read_charges(channel: Channel, request_ids: list[str]) -> dict[str, Charge]:
    rows = await channel.fetch(_READ_CHARGES, render_array(request_ids))
    found = [[(column or b"").decode() for column in row] for row in rows]
    return {
        request_id: Charge(
            request_id, cast("ChargeState", state), Rule(rule), int(list_nano), int(net_nano), transaction_id
        )
        for request_id, state, rule, list_nano, net_nano, transaction_id in found
    }
