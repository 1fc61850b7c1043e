"""Playing: random operations, each done twice: on a real book and on the model, and compared at once.

Whoever drives a player brings the book: from memory, or read from PostgreSQL under lock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import msgspec
from tests.chaos.lives import batches
from tests.chaos.lives.comparing import compare, compare_all, compare_hold
from tests.chaos.lives.model import Model, ModelLot
from tests.chaos.lives.world import LABELS, PRICES, SCOPES, STARTS_AT, Answered, World

from jeton.charging.batching.marks import Marks
from jeton.charging.counting.members import OpenBudget
from jeton.charging.credits import reversing, taking_back
from jeton.charging.credits.books import Desk
from jeton.charging.deciding import Batch
from jeton.charging.members import EndHold, ExpireLots, GrantLot, LeaseTerms, ReturnLease, TakeHold, TakeLease
from jeton.charging.words import Charge, ChargeState, HoldAsk, Rule
from jeton.errors import InsufficientCreditError
from jeton.ledger.book import Book
from jeton.ledger.budgets.errors import BudgetExceededError
from jeton.ledger.budgets.tally import Budget
from jeton.ledger.chart import LotKind
from jeton.ledger.lots import Draw, Lot
from jeton.metering.events import UsageEvent

OPERATIONS = {
    "hold": 26, "settle": 20, "release": 5, "unconfirmed": 3, "late": 3, "again": 6, "grant": 5, "expire": 4,
    "revoke": 1, "adjust": 2, "reverse": 4, "lease": 8, "carve": 10, "give_back": 3,
}  # fmt: skip
BATCH_OPERATIONS = {"take_pools": 5, "settle_items": 8, "release_pools": 3}
_ENDS: dict[str, tuple[ChargeState, Rule]] = {
    "release": ("released", Rule.UPSTREAM_FAILED),
    "unconfirmed": ("unconfirmed", Rule.NODE_LOST),
}
OPEN_HOLDS_MAX = 12
# Of what has ended, so many may be asked for again.
RECENT = 40


@dataclass(slots=True)
class Request:
    """A hold that was taken once."""

    ask: HoldAsk
    taken_at: datetime
    end: EndHold | None = None
    charge: Charge | None = None


class Player:
    """One organization's random life; every difference to the model is an AssertionError with the seed."""

    def __init__(self, seed: int, world: World, organization_id: UUID, *, has_batches: bool = False) -> None:
        """Settle by the seed what kind of organization it is."""
        self.seed = seed
        self.world = world
        self.organization_id = organization_id
        self.random = Random(seed)  # noqa: S311 - a seed, so that a failure can be repeated
        self.at = STARTS_AT
        self.limit = self.random.choice((0, 0, 0, 300_000_000))
        self.budget = self.random.choice((0, 0, 0, 2_000_000_000))
        self.model = Model(self.limit)
        self.counted = 0
        self.requests: dict[str, Request] = {}
        self.settled: list[str] = []
        self.reversals: dict[str, reversing.Reversal] = {}
        self.leases: list[str] = []
        self.real_lots: dict[str, Lot] = {}
        self.operations = 0
        self._ids = 0
        self.marks = Marks()
        self.batches: list[batches.Open] = []
        weights = {**OPERATIONS, **BATCH_OPERATIONS} if has_batches else OPERATIONS
        self._names, self._weights = [*weights], [*weights.values()]

    def open_ids(self) -> list[str]:
        """Whatever may be asked of the holds table: what is open, and the latest that is not."""
        return [*[*self.requests][-RECENT:], *self.model.holds]

    def pass_time(self) -> None:
        """Between two batches minutes go by, sometimes hours."""
        self.at += timedelta(seconds=self.random.choice((0, 1, 5, 60, 600, 10_000)))

    def open_budget(self) -> OpenBudget | None:
        """The budget that the organization starts with, if it has one."""
        if not self.budget:
            return None
        scope, scope_id = SCOPES[self.seed % len(SCOPES)]
        budget = Budget(
            budget_id=f"budget_{self.seed}",
            organization_id=self.organization_id,
            scope=scope,
            scope_id=scope_id or str(self.organization_id),
            period="total",
            zone="UTC",
            anchor_day=1,
            limit_nano=self.budget,
            is_hard=True,
            counted_from=STARTS_AT,
            created_at=STARTS_AT,
            created_by="chaos",
        )
        return OpenBudget(self.organization_id, budget)

    def compare_all(self, book: Book) -> None:
        """Everything, and not only what is open."""
        self._same(compare_all(book, self.model), "everything")

    def say(self, what: str) -> str:
        """Where in which life something is wrong."""
        return f"seed {self.seed}, operation {self.operations}: {what}"

    def _same(self, difference: str | None, name: str) -> None:
        assert difference is None, self.say(f"{name}: {difference}")

    def play(self, batch: Batch, book: Book) -> None:
        """One operation, and everything compared."""
        self.operations += 1
        name = self.random.choices(self._names, self._weights)[0]
        getattr(self, f"_{name}")(batch, book)
        self._same(compare(book, self.model), name)

    def new_id(self, prefix: str) -> str:
        """Counted and not random, so that a seed is the same life each time."""
        self._ids += 1
        return f"{prefix}_{self.seed}_{self._ids:06}"

    def _hold(self, batch: Batch, book: Book, lease_id: str = "") -> None:
        random = self.random
        if sum(1 for one in self.model.holds if one.startswith("req")) >= OPEN_HOLDS_MAX:
            self._settle(batch, book)
            return
        model = random.choice([*PRICES])
        amount = random.choice((1, random.randrange(1, 3_000_000), random.randrange(1, 400_000_000)))
        ask = HoldAsk(
            self.new_id("req"),
            self.organization_id,
            "wrkspc_1",
            "apikey_1",
            model,
            "embedded",
            self.world.versions[model],
            amount,
            labels=LABELS,
        )
        member = TakeHold(ask, "node_1", self.at, self.at + timedelta(hours=1), lease_id)
        outcome = batch.decide(member)
        if isinstance(outcome, BudgetExceededError):
            assert self.counted + amount > self.budget > 0, self.say("a budget refused")
            return
        missing = self.model.hold(ask.request_id, amount, model=model, at=self.at, lease_id=lease_id)
        if missing:
            assert isinstance(outcome, InsufficientCreditError), self.say("was let in")
            assert outcome.available_nano == amount - missing, self.say("what is available")
            return
        assert isinstance(outcome, str), self.say(f"was refused: {outcome}")
        self.counted += amount
        assert not self.budget or self.counted <= self.budget, self.say("over the budget")
        self.requests[ask.request_id] = Request(ask, self.at)
        assert batch.decide(member) == outcome, self.say("held twice")
        self._same(compare_hold(book, self.model, ask.request_id), "holding")

    def _check_charge(self, charge: object, net: int) -> Charge:
        assert isinstance(charge, Charge), self.say(f"ended as {charge}")
        assert charge.net_nano == net, self.say(f"charged {charge.net_nano} and not {net}")
        return charge

    def _pick(self) -> Request | None:
        held = [one for one in self.model.holds if one.startswith("req")]
        return self.requests[self.random.choice(held)] if held else None

    def _settle(self, batch: Batch, book: Book) -> None:
        request = self._pick()
        if request is None:
            self._grant(batch, book)
            return
        answer = self.random.choice(self.world.answers[request.ask.model])
        request.end = self._end_of(request, answer)
        held = request.ask.amount_nano
        charge = batch.decide(request.end)
        request_id = request.ask.request_id
        self.model.end(request_id, answer.net, model=request.ask.model, at=self.at)
        self.model.start_clocks(self.at)
        self.counted += answer.net - held
        assert batch._rows[-1].draws == self.model.paid[request_id][1], self.say("which lots paid")
        request.charge = self._check_charge(charge, answer.net)
        self.settled.append(request_id)

    def _end_of(self, request: Request, answer: Answered, *, is_late: bool = False) -> EndHold:
        ask = request.ask
        usage = answer.usage
        event = UsageEvent(
            request_id=ask.request_id,
            organization_id=ask.organization_id,
            workspace_id=ask.workspace_id,
            key_id=ask.key_id,
            model=ask.model,
            upstream=ask.upstream,
            occurred_at=request.taken_at,
            input_tokens=usage.input_tokens,
            cache_creation_5m_input_tokens=0,
            cache_creation_1h_input_tokens=0,
            cache_read_input_tokens=0,
            output_tokens=usage.output_tokens,
            web_search_requests=0,
            service_tier="standard",
            inference_geo="global",
            speed="standard",
            source="upstream",
            state="accepted",
            reported=msgspec.Raw(b"null"),
            end_user=LABELS.end_user,
            tag=LABELS.tag,
        )
        return EndHold(
            ask.organization_id,
            ask.request_id,
            "settled",
            Rule.COMPLETED,
            usage,
            answer.rating,
            event,
            is_late,
        )

    def _free(self, name: str, batch: Batch) -> None:
        request = self._pick()
        if request is None:
            return
        state, rule = _ENDS[name]
        ask = request.ask
        request.end = EndHold(ask.organization_id, ask.request_id, state, rule)
        charge = batch.decide(request.end)
        self.model.end(ask.request_id, 0, model=ask.model, at=self.at)
        self.counted -= ask.amount_nano
        request.charge = self._check_charge(charge, 0)

    def _release(self, batch: Batch, _: Book) -> None:
        self._free("release", batch)

    def _unconfirmed(self, batch: Batch, _: Book) -> None:
        self._free("unconfirmed", batch)

    def _late(self, batch: Batch, _: Book) -> None:
        """A node comes back with what it kept of a request that the sweeper had ended."""
        lost = [one for one in self.requests.values() if one.charge and one.charge.state == "unconfirmed"]
        if not lost:
            return
        request = self.random.choice(lost)
        answer = self.random.choice(self.world.answers[request.ask.model])
        request.end = self._end_of(request, answer, is_late=True)
        charge = batch.decide(request.end)
        draws = self.model.pay(answer.net, request.ask.model, self.at)
        self.model.start_clocks(self.at)
        self.model.paid[request.ask.request_id] = (answer.net, draws)
        assert batch._late[-1].draws == draws, self.say("which lots paid late")
        self.counted += answer.net
        request.charge = self._check_charge(charge, answer.net)
        self.settled.append(request.ask.request_id)

    def _again(self, batch: Batch, _: Book) -> None:
        """Whatever ended ends again: the first outcome, and nothing changes."""
        ended = [one for one in [*self.requests.values()][-RECENT:] if one.charge is not None]
        if ended:
            request = self.random.choice(ended)
            assert request.end is not None
            assert batch.decide(request.end) == request.charge, self.say("ended twice")

    def _grant(self, batch: Batch, _: Book) -> None:
        random = self.random
        kind = random.choice([*LotKind])
        amount = random.choice((1, random.randrange(1, 10_000_000), random.randrange(1, 2_000_000_000)))
        is_given = kind in {LotKind.FREE, LotKind.PROMOTIONAL}
        is_discounted = not is_given and not self.limit and random.random() < 0.5
        basis = 0 if is_given else random.randrange(amount + 1) if is_discounted else amount
        days = random.choice((None, None, None, None, None, None, None, 1))
        ends = random.choice((None, self.at + timedelta(seconds=random.randrange(1, 500_000))))
        lot_id = self.new_id("lot")
        models = random.choice((None, None, None, None, frozenset([random.choice([*PRICES])])))
        lot = Lot(
            lot_id=lot_id,
            kind=kind,
            priority=random.randrange(-1, 2),
            models=models,
            effective_at=self.at,
            expires_at=None if days else ends,
            granted_at=self.at,
            granted_nano=0,
            left_nano=0,
            cost_basis_nano=basis,
            first_use_days=days,
        )
        member = GrantLot(self.organization_id, lot, amount, "chaos")
        assert batch.decide(member) == lot_id == batch.decide(member), self.say("granted")
        self.real_lots[lot_id] = lot
        self.model.lots[lot_id] = ModelLot(
            lot_id,
            kind.value,
            amount,
            basis,
            lot.priority,
            lot.models,
            self.at,
            lot.expires_at,
            days,
            left=amount,
        )

    def _expire(self, batch: Batch, _: Book) -> None:
        batch.decide(ExpireLots(self.organization_id))
        self.model.end_lots(self.model.lots, self.at)

    def _open_lot(self, book: Book) -> Lot | None:
        lots = [lot for lot in book.lots if not lot.is_empty]
        return self.random.choice(lots) if lots else None

    def _revoke(self, batch: Batch, book: Book) -> None:
        lot = self._open_lot(book)
        if lot is None or lot.revoked_at is not None:
            return
        desk = Desk(book, batch, self.at)
        taking_back._expire(desk, lot)
        taking_back._take(desk, lot, lot.left_nano, "chaos")
        book.revoke(lot, self.at)
        self.model.end_lots([lot.lot_id], self.at)
        self.model.lots[lot.lot_id].is_revoked = True
        self.model.end_lots([lot.lot_id], self.at)

    def _adjust(self, batch: Batch, book: Book) -> None:
        lot = self._open_lot(book)
        if lot is None or lot.is_over(self.at):
            return
        amount = self.random.randint(-lot.refunded_nano, lot.left_nano)
        if amount:
            taking_back._take(Desk(book, batch, self.at), lot, amount, "chaos")
            self.model.move([(lot.lot_id, amount)], "left", "refunded")

    def _reverse(self, batch: Batch, book: Book) -> None:
        chosen = [one for one in self.settled if one not in self.reversals and self.model.paid[one][0]]
        if not chosen:
            return
        request_id = self.random.choice(chosen)
        net = self.model.paid[request_id][0]
        amount = self.random.choice((net, self.random.randint(1, net)))
        paid = tuple(Draw(lot_id, nano) for lot_id, nano in self.model.paid[request_id][1])
        book.add_lots(self.real_lots[drawn.lot_id] for drawn in paid if drawn.lot_id)
        wanted = reversing._Wanted(request_id, net, amount, "chaos", "chaos")
        reversal = reversing._book(Desk(book, batch, self.at), paid, wanted)
        undone = self.model.reverse(request_id, amount, self.at)
        assert [tuple(msgspec.structs.astuple(drawn)) for drawn in reversal.draws] == undone, self.say(
            "undone"
        )
        self.reversals[request_id] = reversal

    def _lease(self, batch: Batch, book: Book) -> None:
        if not self.leases:
            self.leases.append(self.new_id("lease"))
        lease_id, until = self.leases[-1], self.at + timedelta(seconds=15)
        wanted = self.random.randrange(1, 200_000_000)
        member = TakeLease(self.organization_id, lease_id, "node_1", wanted, self.at, until)
        terms = batch.decide(member)
        assert isinstance(terms, LeaseTerms), self.say("lease")
        has = 0 if self.budget else self.model.lease(lease_id, wanted, at=self.at, until=until)
        assert terms.left_nano == has, self.say(f"the lease has {terms.left_nano} and not {has}")
        if has:
            assert terms.valid_until == self.model.valid[lease_id], self.say("a lease's validity")
            self._same(compare_hold(book, self.model, lease_id), "holding")
        else:
            # A node whose lease was refused or given back asks for another under another id.
            self.leases.pop()

    def _carve(self, batch: Batch, book: Book) -> None:
        self._hold(batch, book, self.leases[-1] if self.leases else "")

    def _give_back(self, batch: Batch, _: Book) -> None:
        if not self.leases:
            return
        lease_id = self.leases.pop()
        back = batch.decide(ReturnLease(self.organization_id, lease_id))
        assert back == self.model.give_back(lease_id, self.at), self.say("came back")

    def _take_pools(self, batch: Batch, book: Book) -> None:
        batches.take(self, batch, book)

    def _settle_items(self, batch: Batch, book: Book) -> None:
        batches.settle(self, batch, book)

    def _release_pools(self, batch: Batch, _: Book) -> None:
        batches.release(self, batch)
