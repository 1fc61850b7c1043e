"""Deciding: what each member does to the books, in memory, before anything is written.

Members of many requests and organizations are decided one after the other; then everything is
written at once. A member that cannot be granted gets its error and leaves no trace; its
neighbours do not notice.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from jeton.charging.batching.marks import Marks
from jeton.charging.batching.members import ReleasePools, SettleItems, TakePools
from jeton.charging.costing.rows import AttemptRow, queue_attempts
from jeton.charging.counting.alerts import render_alert
from jeton.charging.counting.booking import book_change, book_opening
from jeton.charging.counting.members import ChangeBudget, OpenBudget
from jeton.charging.errors import describe_shortage
from jeton.charging.leasing.booking import (
    BookIt,
    carve,
    carve_postings,
    find_lease,
    is_spoiled,
    return_lease,
    take_lease,
)
from jeton.charging.members import (
    EndHold,
    ExpireLots,
    GrantLot,
    LeaseTerms,
    Member,
    Outcome,
    ReturnLease,
    TakeHold,
    TakeLease,
)
from jeton.charging.pooling.booking import Desk, book_batch
from jeton.charging.pooling.results import Statements
from jeton.charging.rows import ChargeRow, LateRow, add_charge, charge_row, hold_row, late_row
from jeton.charging.words import Charge
from jeton.db.channel import Channel
from jeton.errors import JetonError, NotFoundError
from jeton.ids import new_id
from jeton.ledger import movements
from jeton.ledger.book import Book
from jeton.ledger.budgets.budgets import Asker
from jeton.ledger.budgets.tally import Alert, BudgetWindow
from jeton.ledger.chart import LotKind
from jeton.ledger.errors import HoldEndedError
from jeton.ledger.journal import Entries, encode, render_entries
from jeton.ledger.lots import Draw, Lot, split
from jeton.ledger.transaction import Movement, Posting, Transaction
from jeton.metering.events import Rollup, UsageEvent, rollup_key
from jeton.notifications.events import queue_event
from jeton.pricing.rating import Rating

_ADD_LABELLED = "SELECT add_labelled($1)"
_WRITE_BUDGETS = "SELECT write_budgets($1, $2)"
_WRITE_EACH_WINDOWS = "SELECT write_each_windows($1)"
_WRITE_LATE_CHARGES = "SELECT write_late_charges($1)"
_WRITE_LEASES = "SELECT write_leases($1)"
_WRITE_LOT_TERMS = "SELECT write_lot_terms($1)"
_WRITE_BOOKS = "SELECT write_books($1, $2, $3, $4, $5, $6, $7, $8, $9)"


class Batch:
    """The members of one database transaction, decided in order on books."""

    def __init__(
        self,
        books: dict[UUID, Book],
        charges: dict[str, Charge],
        at: datetime,
        *,
        counted: Mapping[str, Sequence[BudgetWindow]] | None = None,
        marks: Marks | None = None,
    ) -> None:
        """``charges``: those that members ended before; ``counted``: what their new budgets hold already.

        ``marks``: how far the Message Batches have come that members are about.
        """
        self._books = books
        self._charges = charges
        self._at = at
        self._entries = Entries()
        self._counted = counted or {}
        self._marks = marks
        self._statements = Statements()
        self._alerts: list[Alert] = []
        self._rows: list[ChargeRow] = []
        self._late: list[LateRow] = []
        self._attempts: list[AttemptRow] = []
        self._events: list[UsageEvent] = []
        self._rollups: dict[Any, Rollup] = {}
        self._labelled: dict[Any, Rollup] = {}

    def decide(self, member: Member) -> Outcome | JetonError:
        """Book one member, or say why not; nothing is changed in that case."""
        book = self._books.get(member.organization_id)
        if book is None:
            return NotFoundError(f"There is no organization {member.organization_id}.")
        match member:
            case TakeHold():
                return self._take(book, member)
            case EndHold():
                return self._end(book, member)
            case GrantLot():
                return self._grant(book, member)
            case ExpireLots():
                return self.end_lots(book, book.lots, is_return=False)
            case OpenBudget() | ChangeBudget():
                return self._change_budgets(book, member)
            case TakeLease():
                return self._take_lease(book, member)
            case ReturnLease():
                return self._return_lease(book, member)
            case TakePools() | SettleItems() | ReleasePools():
                return book_batch(self._make_desk(), book, member)

    def write(self, channel: Channel) -> None:
        """Queue every row in one statement, to travel with the commit; none if nothing was decided."""
        if any(book.is_changed for book in self._books.values()):
            self._write_books(channel)
        queue_attempts(channel, self._attempts)
        for query, parameters in self._statements:
            channel.queue(query, *parameters)

    def _write_books(self, channel: Channel) -> None:
        ledger = render_entries(self._books.values(), self._entries, self._at)
        channel.queue(
            _WRITE_BOOKS,
            ledger.new_lots,
            ledger.new_transactions,
            ledger.new_holds,
            ledger.ended_holds,
            ledger.changed_lots,
            ledger.changed_balances,
            encode(self._rows),
            encode(self._events),
            encode(list(self._rollups.values())),
        )
        if self._labelled:
            channel.queue(_ADD_LABELLED, encode(list(self._labelled.values())))
        if self._late:
            channel.queue(_WRITE_LATE_CHARGES, encode(self._late))
        if ledger.leases:
            channel.queue(_WRITE_LEASES, ledger.leases)
        if ledger.lot_terms:
            channel.queue(_WRITE_LOT_TERMS, ledger.lot_terms)
        if ledger.changed_budgets or ledger.changed_windows:
            channel.queue(_WRITE_BUDGETS, ledger.changed_budgets, ledger.changed_windows)
        if ledger.each_windows:
            channel.queue(_WRITE_EACH_WINDOWS, ledger.each_windows)
        for event in sorted(map(render_alert, self._alerts), key=lambda event: event.dedup_key):
            queue_event(channel, event)

    def _take(self, book: Book, member: TakeHold) -> Outcome | JetonError:
        ask = member.ask
        known = book.find_hold(ask.request_id)
        if known is not None:
            return known.transaction_id
        if ask.request_id in self._charges:
            return self._charges[ask.request_id].transaction_id
        # The instant of its booking, which is also that of its posting: what was held before a lot's
        # expiry is booked before it, and nothing is booked on the lot from then on.
        at = max(member.taken_at, self._at)
        lease = find_lease(book, member.lease_id, ask.amount_nano, at=at)
        draws = () if lease else book.draw(ask.amount_nano, ask.model, at=at)
        available_nano = sum(drawn.amount_nano for drawn in draws)
        if lease is None and available_nano < ask.amount_nano:
            return describe_shortage(ask.amount_nano, available_nano)
        if book.budgets:
            asker = Asker(
                ask.workspace_id, ask.key_id, member.taken_at, ask.model, ask.labels.end_user, ask.labels.tag
            )
            refusal = None if member.is_late else book.budgets.refuse(asker, ask.amount_nano)
            if refusal is not None:
                return refusal
            book.budgets.take(asker, ask.amount_nano)
        if lease is None:
            postings = movements.hold(draws, book.kind_of)
        else:
            draws, self._entries.leases[lease.request_id] = carve(book, lease, ask.amount_nano)
            postings = carve_postings(draws)
        transaction_id = self.book(book, Movement.HOLD, postings, request_id=ask.request_id)
        row = hold_row(member, draws, transaction_id)
        book.new_holds[ask.request_id] = row
        self._entries.taken.append(row)
        return transaction_id

    def _end(self, book: Book, member: EndHold) -> Outcome | JetonError:
        row = book.find_hold(member.request_id)
        if row is None:
            known = self._charges.get(member.request_id)
            if known is None:
                return NotFoundError(f"There is no hold of a request {member.request_id}.")
            if known.state == "unconfirmed" and member.is_late and member.rating is not None:
                return self._settle_late(book, member, member.rating)
            if known.state != member.state:
                return HoldEndedError(member.request_id, known.state)
            return known
        held = tuple(Draw(lot_id, nano) for lot_id, nano in row.draws)
        net_nano = member.rating.net_nano if member.rating else 0
        used, _ = split(held, net_nano)
        lots = [book.get_lot(drawn.lot_id) for drawn in held if drawn.lot_id]
        self.end_lots(book, lots, is_return=False)
        postings = movements.settle(held, min(net_nano, row.amount_nano), book.kind_of)
        overrun_nano = max(0, net_nano - row.amount_nano)
        extra: tuple[Draw, ...] = ()
        if overrun_nano:
            extra, owed_nano = book.draw_overrun(overrun_nano, row.model, at=self._at)
            postings += movements.overrun(extra, owed_nano, book.kind_of)
        transaction_id = self.book(book, member.movement, postings, request_id=member.request_id)
        self.end_lots(book, lots, is_return=True)
        if member.state == "settled":
            self._start_clocks(book, member.request_id)
        book.ended_holds.add(member.request_id)
        self._entries.ended.append(member.request_id)
        if book.budgets:
            self._alerts += book.budgets.end(row, row.amount_nano, net_nano=net_nano, at=self._at)
        charge = Charge(
            request_id=member.request_id,
            state=member.state,
            rule=member.rule,
            list_nano=member.rating.list_nano if member.rating else 0,
            net_nano=net_nano,
            transaction_id=transaction_id,
        )
        self._charges[member.request_id] = charge
        self._rows.append(
            charge_row(
                row, charge, member=member, draws=(*used, *extra), overrun_nano=overrun_nano, at=self._at
            )
        )
        self._meter(book, member, (*used, *extra))
        return charge

    def _take_lease(self, book: Book, member: TakeLease) -> Outcome:
        known = book.find_hold(member.lease_id)
        if known is not None and is_spoiled(book, known, self._at):
            # It would be of no use and still be held; the node asks for another.
            self._return_lease(book, ReturnLease(member.organization_id, member.lease_id))
            return LeaseTerms(0, self._at)
        row = take_lease(book, member, self._book_lease(book), at=self._at)
        if row is None:
            return LeaseTerms(0, self._at)
        if known is None:
            self._entries.taken.append(row)
        else:
            self._entries.leases[member.lease_id] = row
        return LeaseTerms(row.amount_nano, row.valid_until)

    def _return_lease(self, book: Book, member: ReturnLease) -> Outcome:
        if book.find_hold(member.lease_id) is not None:
            self._entries.ended.append(member.lease_id)
        self._entries.leases.pop(member.lease_id, None)
        # What expired before is booked for that instant, what comes back now for this one.
        self.end_lots(book, book.lots, is_return=False)
        left_nano = return_lease(book, member, self._book_lease(book))
        self.end_lots(book, book.lots, is_return=True)
        return left_nano

    def _book_lease(self, book: Book) -> BookIt:
        def book_it(movement: Movement, postings: tuple[Posting, ...], lease_id: str) -> str:
            return self.book(book, movement, postings, request_id=lease_id)

        return book_it

    def _make_desk(self) -> Desk:
        return Desk(
            book_it=self.book,
            end_lots=self.end_lots,
            start_clocks=self._start_clocks,
            meter=self._meter,
            entries=self._entries,
            rows=self._rows,
            alerts=self._alerts,
            statements=self._statements,
            marks=self._marks or Marks(),
            at=self._at,
        )

    def _settle_late(self, book: Book, member: EndHold, rating: Rating) -> Outcome | JetonError:
        """Charge what became known after the sweeper gave the hold back: as an overrun of nothing held."""
        event = member.event
        if event is None:
            return HoldEndedError(member.request_id, "unconfirmed")
        draws, owed_nano = book.draw_overrun(rating.net_nano, event.model, at=self._at)
        postings = movements.overrun(draws, owed_nano, book.kind_of)
        transaction_id = self.book(
            book, Movement.SETTLE, postings, request_id=member.request_id, reason="known late"
        )
        self._start_clocks(book, member.request_id)
        if book.budgets:
            payer = Asker(
                event.workspace_id, event.key_id, event.occurred_at, event.model, event.end_user, event.tag
            )
            self._alerts += book.budgets.end(payer, 0, net_nano=rating.net_nano, at=self._at)
        charge = Charge(
            member.request_id, "settled", member.rule, rating.list_nano, rating.net_nano, transaction_id
        )
        self._charges[member.request_id] = charge
        self._late.append(late_row(member, rating, draws=draws, transaction_id=transaction_id, at=self._at))
        self._meter(book, member, draws)
        return charge

    def _change_budgets(self, book: Book, member: OpenBudget | ChangeBudget) -> Outcome | JetonError:
        if isinstance(member, OpenBudget):
            counted = self._counted[member.budget.budget_id]
            outcome = book_opening(book, member, counted, at=self._at)
        else:
            outcome = book_change(book, member, self._at)
        if isinstance(outcome, JetonError):
            return outcome
        alerts, budget_id = outcome
        self._alerts += alerts
        return budget_id

    def _meter(self, book: Book, member: EndHold, draws: Sequence[Draw]) -> None:
        event, rating = member.event, member.rating
        self._attempts += member.attempts
        if event is None:
            return
        self._events.append(event)
        if rating is None or member.usage is None:
            return
        key = rollup_key(event, member.usage)
        paid = book.lot_parts(draws)
        add_charge(self._rollups.setdefault(key, Rollup(*key)), member.usage, rating, paid=paid)
        if event.end_user or event.tag:
            labels = (event.end_user, event.tag)
            empty = Rollup(*key, end_user=event.end_user, tag=event.tag)
            add_charge(self._labelled.setdefault((key, labels), empty), member.usage, rating, paid=paid)

    def _grant(self, book: Book, member: GrantLot) -> Outcome | JetonError:
        if any(lot.lot_id == member.lot.lot_id for lot in book.lots):
            return member.lot.lot_id
        book.open_lot(member.lot, member.reason)
        movement = Movement.TOP_UP if member.lot.kind is LotKind.PAID else Movement.GRANT
        self.book(book, movement, movements.grant(member.lot, member.amount_nano), reason=member.reason)
        return member.lot.lot_id

    def end_lots(self, book: Book, lots: Iterable[Lot], *, is_return: bool) -> int:
        """Take out of these lots what is left where they are over; return of how many.

        What was there when one expired is posted for that instant, whenever it is booked; what came
        back later (``is_return``) for the instant at which it came back.
        """
        ended = [lot for lot in lots if lot.left_nano and lot.is_over(self._at)]
        for lot in ended:
            self._end_lot(book, lot, is_return=is_return)
        return len(ended)

    def _end_lot(self, book: Book, lot: Lot, *, is_return: bool) -> None:
        if lot.revoked_at is not None:
            movement = Movement.REFUND if lot.kind is LotKind.PAID else Movement.ADJUST
            postings = movements.take_back(lot.lot_id, lot.kind, lot.left_nano)
            self.book(book, movement, postings, reason="came back to a lot that was revoked")
            return
        postings = movements.expire_lot(lot.lot_id, lot.kind, lot.left_nano)
        posted_at = None if is_return else lot.expires_at
        self.book(book, Movement.EXPIRE_LOT, postings, posted_at=posted_at)

    def _start_clocks(self, book: Book, request_id: str) -> None:
        for lot in book.start_clocks(self._at):
            reason = f"first use of {lot.lot_id}: it expires at {lot.expires_at}"
            postings = movements.start_clock(lot.lot_id, lot.kind)
            self.book(book, Movement.ADJUST, postings, request_id=request_id, reason=reason)

    def book(
        self,
        book: Book,
        movement: Movement,
        postings: tuple[Posting, ...],
        *,
        request_id: str | None = None,
        reason: str = "",
        posted_at: datetime | None = None,
    ) -> str:
        """Book one transaction, for ``posted_at`` where that is not now; return its id."""
        entry = Transaction(
            new_id("txn"),
            book.organization_id,
            movement,
            book.apportion(postings),
            request_id=request_id,
            reason=reason,
            posted_at=posted_at,
        )
        book.apply(entry)
        self._entries.transactions.append(entry)
        return entry.transaction_id
