"""Model: what charging has to do, a second time: plain numbers, none of Jeton's code, and no database.

Lots burn restricted ones first, then by priority, soonest end, given before paid, oldest, id. What is held
goes back to where it came from; what comes back to a lot that is over does not stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
Draws = list[tuple[str, int]]


@dataclass(slots=True)
class ModelLot:
    """A lot; ``ends`` None is never, ``days`` is how long it lasts from the first charge on."""

    lot_id: str
    kind: str
    granted: int
    basis: int
    priority: int
    models: frozenset[str] | None
    starts: datetime
    ends: datetime | None
    days: int | None = None
    left: int = 0
    held: int = 0
    used: int = 0
    expired: int = 0
    refunded: int = 0
    is_revoked: bool = False

    @property
    def is_given(self) -> bool:
        """Whether nobody pays for it."""
        return self.kind in {"free", "promotional"}

    @property
    def gone(self) -> int:
        return self.used + self.expired + self.refunded

    def is_over(self, at: datetime) -> bool:
        return self.is_revoked or (self.ends is not None and self.ends <= at)

    def rank(self) -> tuple[bool, int, datetime, bool, datetime, str]:
        soonest = self.ends or NEVER
        return (self.models is None, self.priority, soonest, not self.is_given, self.starts, self.lot_id)


@dataclass(slots=True)
class Model:
    """One organization: lots, what is held for whom, what was charged, what is owed beyond all of it."""

    limit: int = 0
    lots: dict[str, ModelLot] = field(default_factory=dict)
    holds: dict[str, Draws] = field(default_factory=dict)
    valid: dict[str, datetime] = field(default_factory=dict)
    paid: dict[str, tuple[int, Draws]] = field(default_factory=dict)
    owed: int = 0
    credit_held: int = 0
    credit_used: int = 0

    def draw(self, amount: int, model: str, at: datetime) -> tuple[Draws, int]:
        """What a hold of ``amount`` takes, and what is missing."""
        draws = []
        usable = [
            lot
            for lot in self.lots.values()
            if lot.left
            and lot.starts <= at
            and not lot.is_over(at)
            and (lot.models is None or model in lot.models)
        ]
        for lot in sorted(usable, key=ModelLot.rank):
            if amount:
                draws.append((lot.lot_id, min(amount, lot.left)))
                amount -= draws[-1][1]
        if self.limit and amount and self.spare > 0:
            draws.append(("", min(amount, self.spare)))
            amount -= draws[-1][1]
        return draws, amount

    @property
    def spare(self) -> int:
        """What is left of the limit; what commits still have to be paid counts against it."""
        commits = sum(lot.granted - lot.refunded for lot in self.lots.values() if lot.kind == "commit")
        return self.limit - self.credit_held - self.credit_used - max(0, self.owed + commits)

    def move(self, draws: Draws, source: str, target: str) -> None:
        """Move amounts of lots from one pot to the other; credit on a limit has no pot to be left in."""
        for lot_id, nano in draws:
            if lot_id:
                lot = self.lots[lot_id]
                setattr(lot, source, getattr(lot, source) - nano)
                setattr(lot, target, getattr(lot, target) + nano)
            else:
                self.credit_held += nano * ((target == "held") - (source == "held"))
                self.credit_used += nano * ((target == "used") - (source == "used"))

    def end_lots(self, lot_ids: Iterable[str], at: datetime) -> None:
        """What is left of lots that are over goes."""
        for lot in [self.lots[lot_id] for lot_id in {*lot_ids} - {""}]:
            if lot.is_over(at):
                self.move([(lot.lot_id, lot.left)], "left", "refunded" if lot.is_revoked else "expired")

    def hold(self, request_id: str, amount: int, *, model: str, at: datetime, lease_id: str = "") -> int:
        """Hold, out of a lease or of the lots; returns what is missing, and then nothing was held."""
        lease = self.holds.get(lease_id, [])
        is_good = lease and at < self.valid[lease_id] and not self.is_spoiled(lease, at)
        if is_good and sum(nano for _, nano in lease) >= amount:
            self.holds[request_id], self.holds[lease_id] = part(lease, amount)
            return 0
        draws, missing = self.draw(amount, model, at)
        if not missing:
            self.move(draws, "left", "held")
            self.holds[request_id] = draws
        return missing

    def end(self, request_id: str, net: int, *, model: str, at: datetime) -> None:
        """Settle (``net`` above 0) or release; what exceeds the hold is drawn, and owed where nothing is."""
        held = self.holds.pop(request_id)
        used, back = part(held, net)
        self.end_lots([lot_id for lot_id, _ in held], at)
        more = max(0, net - sum(nano for _, nano in held))
        self.move(used, "held", "used")
        self.paid[request_id] = (net, used + self.pay(more, model, at))
        self.move(back, "held", "left")
        self.end_lots([lot_id for lot_id, _ in held], at)

    def pay(self, amount: int, model: str, at: datetime) -> Draws:
        """Pay what no hold covers: from lots, then on credit beyond its limit, or else it is owed."""
        draws, missing = self.draw(amount, model, at)
        if missing and self.limit:
            lots = [drawn for drawn in draws if drawn[0]]
            draws, missing = [*lots, ("", amount - sum(nano for _, nano in lots))], 0
        self.move(draws, "left", "used")
        self.owed += missing
        return draws

    def take_pools(self, pools: list[tuple[str, str, int]], at: datetime) -> int:
        """Hold for each pool (id, model, amount); what is missing in all, and then nothing was held."""
        missing = 0
        for pool_id, model, amount in pools:
            draws, short = self.draw(amount, model, at)
            self.move(draws, "left", "held")
            self.holds[pool_id] = draws
            missing += short
        if missing:
            for pool_id, _, _ in pools:
                self.move(self.holds.pop(pool_id), "held", "left")
        return missing

    def settle_item(
        self, pool_id: str, net_and_bound: tuple[int, int], *, model: str, at: datetime
    ) -> tuple[int, Draws]:
        """Use a pool up to an item's bound, pay the rest elsewhere; what the pool paid, and which lots."""
        net, bound = net_and_bound
        used, self.holds[pool_id] = part(self.holds[pool_id], min(net, bound))
        self.move(used, "held", "used")
        paid = sum(nano for _, nano in used)
        return paid, used + self.pay(net - paid, model, at)

    def start_clocks(self, at: datetime) -> None:
        """The first charge: lots that waited for it begin to run."""
        for lot in self.lots.values():
            if lot.days and lot.ends is None:
                lot.ends = at + timedelta(days=lot.days)

    def reverse(self, request_id: str, amount: int, at: datetime) -> Draws:
        """Undo a charge: what was owed first, then the lots, last drawn first."""
        net, draws = self.paid[request_id]
        owed = min(amount, net - sum(nano for _, nano in draws))
        undone, _ = part(draws[::-1], amount - owed)
        self.owed -= owed
        self.end_lots([lot_id for lot_id, _ in undone], at)
        self.move(undone, "used", "left")
        self.end_lots([lot_id for lot_id, _ in undone], at)
        return undone

    def lease(self, lease_id: str, wanted: int, *, at: datetime, until: datetime) -> int:
        """Set aside up to ``wanted`` in all, an eighth of what there is at most; what the lease then has."""
        have = self.holds.get(lease_id, [])
        if self.is_spoiled(have, at):
            self.give_back(lease_id, at)
            return 0
        known = [lot for lot in self.lots.values() if lot.left or lot.held]
        if any(lot.models or (lot.days and not lot.ends) for lot in known):
            return 0
        spare = (10**18 - self.draw(10**18, "", at)[1]) // 8
        draws, _ = self.draw(min(spare, max(0, wanted - sum(nano for _, nano in have))), "", at)
        if draws or lease_id in self.holds:
            self.move(draws, "left", "held")
            sums = dict(have)
            for lot_id, nano in draws:
                sums[lot_id] = sums.get(lot_id, 0) + nano
            self.holds[lease_id] = [*sums.items()]
            ends = [self.lots[lot_id].ends for lot_id in sums if lot_id]
            self.valid[lease_id] = min([until, *(end for end in ends if end)])
        return sum(nano for _, nano in self.holds.get(lease_id, []))

    def is_spoiled(self, lease: Draws, at: datetime) -> bool:
        """A lot of it is over."""
        return any(self.lots[lot_id].is_over(at) for lot_id, _ in lease if lot_id)

    def give_back(self, lease_id: str, at: datetime) -> int:
        """End a lease; what it still had."""
        held = self.holds.pop(lease_id, [])
        self.move(held, "held", "left")
        self.end_lots([lot.lot_id for lot in self.lots.values() if lot.left], at)
        return sum(nano for _, nano in held)


def part(draws: Draws, amount: int) -> tuple[Draws, Draws]:
    """The first ``amount`` of draws, and the rest."""
    first, rest = [], []
    for lot_id, nano in draws:
        taken = min(amount, nano)
        amount -= taken
        first += [(lot_id, taken)] * (taken > 0)
        rest += [(lot_id, nano - taken)] * (nano > taken)
    return first, rest
