"""As of any instant: lots add up, and no balance depends on when an expiry is booked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.charging.credits import reversing
from jeton.charging.credits.books import Desk
from jeton.charging.credits.granting import Grant, grant_lot
from jeton.charging.deciding import Batch
from jeton.charging.members import EndHold, ExpireLots, TakeHold
from jeton.charging.words import Charge, HoldAsk
from jeton.errors import InsufficientCreditError
from jeton.ids import new_uuid
from jeton.ledger.book import Book
from jeton.ledger.chart import Account, LotKind
from jeton.ledger.lots import Draw
from jeton.ledger.transaction import Movement, Transaction
from jeton.metering.contract import Rule
from jeton.pricing.loading import load_book
from jeton.pricing.rating import rate
from jeton.usage import Usage

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODEL = "claude-sonnet-5-5"
VERSION = load_book().find_version(MODEL, NOON)
TOKEN_NANO = 10_000  # a token of output
CREDIT = (Account.CREDIT_PAID, Account.CREDIT_FREE)
SECOND = timedelta(seconds=1)


class Standing(NamedTuple):
    """A lot as of an instant."""

    granted: int
    available: int
    held: int
    used: int
    expired: int
    refunded: int


@dataclass
class Life:
    """One organization's credit on one book, with every transaction and the instant it counts from."""

    sweeps: bool
    book: Book = field(default_factory=lambda: Book(new_uuid(), dict.fromkeys(Account, 0), []))
    posted: list[tuple[datetime, Transaction]] = field(default_factory=list)
    paid: dict[str, tuple[tuple[Draw, ...], int]] = field(default_factory=dict)
    open_holds: list[str] = field(default_factory=list)
    lots: list[str] = field(default_factory=list)
    reversed_: set[str] = field(default_factory=set)

    def step(self, at: datetime, kind: str, number: int, nano: int) -> None:
        """One thing happens at an instant; what cannot happen does not."""
        assert VERSION is not None
        batch = Batch({self.book.organization_id: self.book}, {}, at)
        match kind:
            case "sweep" if self.sweeps:
                batch.decide(ExpireLots(self.book.organization_id))
            case "free" | "paid" | "waiting":
                self._grant(batch, at, kind, number, nano)
            case "hold":
                ask = HoldAsk(f"req_{number}", self.book.organization_id, "w", "k", MODEL, "u", VERSION, nano)
                # It waited for its booking, up to two seconds.
                asked_at = at - timedelta(milliseconds=nano % 2_000)
                outcome = batch.decide(TakeHold(ask, "node", asked_at, at + SECOND))
                if not isinstance(outcome, InsufficientCreditError):
                    self.open_holds.append(ask.request_id)
            case "settle" | "release" if self.open_holds:
                request_id = self.open_holds.pop(nano % len(self.open_holds))
                self._end(batch, request_id, nano // TOKEN_NANO if kind == "settle" else None)
            case "reverse" if set(self.paid) - self.reversed_:
                request_id = min(set(self.paid) - self.reversed_)
                self.reversed_.add(request_id)
                draws, net_nano = self.paid[request_id]
                wanted = reversing._Wanted(request_id, net_nano, max(1, net_nano // 2), "r", "me")
                reversing._book(Desk(self.book, batch, at), draws, wanted)
            case _:
                pass
        self.posted += [(entry.posted_at or at, entry) for entry in batch._entries.transactions]

    def _grant(self, batch: Batch, at: datetime, kind: str, number: int, nano: int) -> None:
        grants = {
            "free": Grant(LotKind.FREE, nano, "x", expires_at=at + timedelta(seconds=1 + nano % 9)),
            "paid": Grant(LotKind.PAID, nano, "x", at + timedelta(seconds=7), cost_basis_nano=nano * 2 // 3),
            "waiting": Grant(LotKind.PROMOTIONAL, nano, "x", days=1, is_clock_on_use=True),
        }
        member = grant_lot(self.book.organization_id, grants[kind], at)
        member.lot.lot_id = f"lot_{number:03}"
        self.lots.append(member.lot.lot_id)
        batch.decide(member)

    def _end(self, batch: Batch, request_id: str, tokens: int | None) -> None:
        hold = self.book.find_hold(request_id)
        assert hold is not None
        assert VERSION is not None
        rating = None if tokens is None else rate(Usage(output_tokens=tokens), VERSION)
        end = EndHold(
            organization_id=self.book.organization_id,
            request_id=request_id,
            state="released" if tokens is None else "settled",
            rule=Rule.COMPLETED,
            usage=None,
            rating=rating,
        )
        charge: Any = batch.decide(end)
        assert isinstance(charge, Charge)
        if charge.net_nano:
            draws = tuple(Draw(*drawn) for drawn in batch._rows[-1].draws)
            self.paid[request_id] = (draws, charge.net_nano)

    def check(self) -> None:
        """What must be true after every step."""
        assert sum(self.book.balances.values()) == 0
        for lot_id in self.lots:
            lot = self.book.get_lot(lot_id)
            parts = (lot.left_nano, lot.held_nano, lot.used_nano, lot.expired_nano, lot.refunded_nano)
            assert min(parts) >= 0
            assert sum(parts) == lot.granted_nano
            earned = sum(
                posting.amount_nano
                for _, entry in self.posted
                for posting in entry.postings
                if posting.lot_id == lot_id and posting.account in {Account.REVENUE, Account.BREAKAGE}
            )
            assert -earned == (lot.paid_part(lot.gone_nano) if lot.kind is LotKind.PAID else 0)

    def left(self, lot_id: str, at: datetime) -> int:
        """What the postings alone leave in the lot as of an instant."""
        return -sum(
            posting.amount_nano
            for posted_at, entry in self.posted
            for posting in entry.postings
            if posted_at <= at and posting.lot_id == lot_id and posting.account in CREDIT
        )

    def standing(self, lot_id: str, at: datetime) -> Standing:
        """The lot as of an instant, from the postings and its terms."""
        lot = self.book.get_lot(lot_id)
        left = granted = held = used = refunded = 0
        for posted_at, entry in self.posted:
            if posted_at > at:
                continue
            for posting in entry.postings:
                if posting.lot_id != lot_id:
                    continue
                if posting.account in CREDIT:
                    left -= posting.amount_nano
                    granted -= posting.amount_nano if entry.movement in {"grant", "top_up"} else 0
                elif posting.account is Account.HELD:
                    held -= posting.amount_nano
                elif entry.movement is Movement.ADJUST:
                    refunded -= posting.amount_nano
                elif entry.movement is not Movement.EXPIRE_LOT:
                    used -= posting.amount_nano
        assert left >= 0, "no instant at which more was gone than there was"
        if lot.is_over(at):
            return Standing(granted, 0, held, used, granted - held - used - refunded, refunded)
        return Standing(granted, left, held, used, granted - left - held - used - refunded, refunded)


KINDS = ["free", "paid", "waiting", "hold", "settle", "release", "reverse", "sweep"]
STEPS = st.lists(
    st.tuples(st.integers(0, 3_000_000), st.sampled_from(KINDS), st.integers(1, 90_000)), max_size=40
)


def live(steps: Iterable[tuple[int, str, int]], *, sweeps: bool) -> tuple[Life, list[datetime]]:
    """Take the steps, each some microseconds after the one before; return the life and its instants."""
    life, at, instants = Life(sweeps), NOON, []
    for number, (microseconds, kind, nano) in enumerate(steps):
        at += timedelta(microseconds=microseconds)
        life.step(at, kind, number, nano)
        life.check()
        instants.append(at)
    return life, instants


@settings(deadline=None)
@given(STEPS)
def test_whatever_happens_lots_add_up_and_no_job_makes_a_difference(
    steps: list[tuple[int, str, int]],
) -> None:
    """The same life twice, with a sweeper that comes whenever it likes and with none at all.

    As of every instant of it, and just before, both have the same balance of every lot.
    """
    swept, instants = live(steps, sweeps=True)
    unswept, _ = live(steps, sweeps=False)
    expiries = [lot.expires_at for lot_id in swept.lots if (lot := swept.book.get_lot(lot_id)).expires_at]
    assert unswept.lots == swept.lots
    for at in [*instants, *expiries]:
        for instant in (at - timedelta(microseconds=1), at):
            for lot_id in swept.lots:
                assert swept.standing(lot_id, instant) == unswept.standing(lot_id, instant)
    # When everything is booked, the postings alone say the same of the past.
    unswept.sweeps = True
    unswept.step(NOON + timedelta(days=2), "sweep", len(steps), 1)
    for at in [*instants, *expiries]:
        for lot_id in unswept.lots:
            if unswept.book.get_lot(lot_id).is_over(at):
                assert unswept.left(lot_id, at) == 0


def test_expiry_is_decided_to_the_microsecond() -> None:
    """A hold one microsecond before a lot's expiry has it, one at the expiry has not."""
    for early, is_held in ((1, True), (0, False)):
        life = Life(sweeps=False)
        life.step(NOON, "free", 1, 9)  # nano % 9 is 0: it lasts one second
        life.step(NOON + SECOND - timedelta(microseconds=early), "hold", 2, 9)
        assert bool(life.open_holds) is is_held


def test_what_was_held_before_the_expiry_may_settle_after_it() -> None:
    """$0.00009 held of a lot that expires: 2 tokens used, the rest expires when it comes back."""
    life = Life(sweeps=True)
    life.step(NOON, "free", 1, 90_000)
    life.step(NOON + SECOND / 2, "hold", 2, 90_000)
    life.step(NOON + 2 * SECOND, "sweep", 3, 1)
    life.step(NOON + 3 * SECOND, "settle", 4, 20_000)
    assert life.standing("lot_001", NOON + 2 * SECOND) == Standing(90_000, 0, 90_000, 0, 0, 0)
    assert life.standing("lot_001", NOON + 3 * SECOND) == Standing(90_000, 0, 0, 20_000, 70_000, 0)
    assert life.posted[-1][0] == NOON + 3 * SECOND
    assert life.posted[-1][1].movement is Movement.EXPIRE_LOT


def test_what_was_left_and_what_comes_back_expire_each_at_its_time() -> None:
    """No sweeper came: the rest of a hold finds $0.00005 that expired two seconds before it."""
    life = Life(sweeps=False)
    life.step(NOON, "free", 1, 90_000)
    life.step(NOON + SECOND / 2, "hold", 2, 40_000)
    life.step(NOON + 3 * SECOND, "settle", 3, 10_000)
    expired = [(at - NOON, entry) for at, entry in life.posted if entry.movement is Movement.EXPIRE_LOT]
    assert [(at, entry.postings[0].amount_nano) for at, entry in expired] == [
        (SECOND, 50_000),
        (3 * SECOND, 30_000),
    ]


def test_a_late_sweep_posts_for_the_instant_of_the_expiry() -> None:
    """Booked ten seconds late, by whatever clock."""
    life = Life(sweeps=True)
    life.step(NOON, "free", 1, 90_000)
    life.step(NOON + 11 * SECOND, "sweep", 2, 1)
    assert life.posted[-1][0] == NOON + SECOND
    assert life.book.balances[Account.PROMOTION] == 0


def test_a_clock_that_is_behind_cannot_use_what_another_has_expired() -> None:
    """Node A's clock is a second ahead and sweeps; node B's says the lot is still good, and finds nothing."""
    life = Life(sweeps=True)
    life.step(NOON, "free", 1, 9)
    life.step(NOON + SECOND, "sweep", 2, 1)
    life.step(NOON + SECOND / 2, "hold", 3, 9)
    assert life.open_holds == []


def test_credit_that_comes_back_to_an_expired_lot_expires_at_once() -> None:
    """As it would have, had the charge never been."""
    life = Life(sweeps=False)
    life.step(NOON, "paid", 1, 90_000)
    life.step(NOON + SECOND, "hold", 2, 40_000)
    life.step(NOON + 2 * SECOND, "settle", 3, 40_000)
    life.step(NOON + 9 * SECOND, "reverse", 4, 1)
    movements = [(at - NOON, entry.movement) for at, entry in life.posted[-3:]]
    assert movements == [
        (7 * SECOND, Movement.EXPIRE_LOT),
        (9 * SECOND, Movement.CREDIT_NOTE),
        (9 * SECOND, Movement.EXPIRE_LOT),
    ]
    assert life.standing("lot_001", NOON + 9 * SECOND) == Standing(90_000, 0, 0, 20_000, 70_000, 0)
    # Of what cost two thirds: 26,667 earned with the charge, 13,333 of it given back; the rest is breakage.
    assert life.book.balances[Account.REVENUE] == -13_334
    assert life.book.balances[Account.BREAKAGE] == -46_666
