"""Book: one organization's balances, lots and open holds, and how a posting changes them.

A book is as the database had it at ``version``, plus what was booked since. ``apply`` is the only
thing that changes balances and lots, so both always follow from the postings.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from jeton.ledger.chart import Account, LotKind
from jeton.ledger.lots import Lot, available, burn_order
from jeton.ledger.transaction import NO_LOT, Movement, Transaction


class HoldRow(msgspec.Struct, frozen=True):
    """An open hold as it is stored; ``draws`` are (lot, nano) pairs in burn order."""

    request_id: str
    organization_id: UUID
    workspace_id: str
    key_id: str
    node_id: str
    model: str
    upstream: str
    price_version_id: str
    is_rehearsal: bool
    amount_nano: int
    draws: list[tuple[str, int]]
    transaction_id: str
    taken_at: datetime
    valid_until: datetime


class Book:
    """Balances (nano, signed) and open lots of one organization, and those of its holds that are known.

    ``version`` counts the transactions in which the book was written; the database refuses what
    was decided on another.
    """

    __slots__ = (
        "_lots",
        "_ordered",
        "balances",
        "chain_digest",
        "chain_length",
        "changed_lots",
        "ended_holds",
        "holds",
        "is_changed",
        "new_holds",
        "new_lots",
        "organization_id",
        "version",
    )

    def __init__(
        self, organization_id: UUID, balances: dict[Account, int], lots: Iterable[Lot], *, version: int = 0
    ) -> None:
        """Open the book on what the database holds."""
        self.organization_id = organization_id
        self.version = version
        self.chain_length = 0
        self.chain_digest = b""
        self.holds: dict[str, HoldRow] = {}
        self.new_holds: dict[str, HoldRow] = {}
        self.ended_holds: set[str] = set()
        self.balances = balances
        self._lots = {lot.lot_id: lot for lot in lots}
        self._ordered = sorted(self._lots.values(), key=burn_order)
        self.changed_lots: dict[str, Lot] = {}
        self.new_lots: list[tuple[Lot, str]] = []
        self.is_changed = False

    @property
    def lots(self) -> list[Lot]:
        """The open lots in burn order."""
        return self._ordered

    def kind_of(self, lot_id: str) -> LotKind:
        """The kind of a lot of this book."""
        return self._lots[lot_id].kind

    def available_nano(self, model: str, at: datetime) -> int:
        """What a new hold for ``model`` could draw on."""
        return available(self._ordered, model, at)

    def open_lot(self, lot: Lot, reason: str) -> None:
        """Add a lot that a grant in this transaction will fill; it must come in empty."""
        self._lots[lot.lot_id] = lot
        self._ordered = sorted(self._lots.values(), key=burn_order)
        self.new_lots.append((lot, reason))

    def find_hold(self, request_id: str) -> HoldRow | None:
        """The open hold of a request, if this book knows of it."""
        if request_id in self.ended_holds:
            return None
        return self.new_holds.get(request_id) or self.holds.get(request_id)

    def turn_page(self) -> None:
        """What was booked is committed: from here on only later changes count as changes."""
        if self.is_changed:
            self.version += 1
            self.is_changed = False
            self.changed_lots.clear()
            self.new_lots.clear()
            self.holds.update(self.new_holds)
            for request_id in self.ended_holds:
                self.holds.pop(request_id, None)
            self.new_holds.clear()
            self.ended_holds.clear()
            if any(lot.is_empty for lot in self._ordered):
                self._lots = {lot.lot_id: lot for lot in self._ordered if not lot.is_empty}
                self._ordered = [*self._lots.values()]

    def apply(self, transaction: Transaction) -> None:
        """Book a transaction: every posting on its balance, and on its lot if it has one."""
        self.is_changed = True
        balances = self.balances
        for posting in transaction.postings:
            balances[posting.account] += posting.amount_nano
            if posting.lot_id != NO_LOT:
                lot = self._lots[posting.lot_id]
                self.changed_lots[posting.lot_id] = lot
                _apply_to_lot(lot, transaction.movement, posting.account, posting.amount_nano)


def _apply_to_lot(lot: Lot, movement: Movement, account: Account, amount_nano: int) -> None:
    if account is Account.HELD:
        lot.held_nano -= amount_nano
    elif account is Account.CREDIT_FREE or account is Account.CREDIT_PAID:
        lot.left_nano -= amount_nano
        if movement is Movement.GRANT:
            lot.granted_nano -= amount_nano
    elif movement is Movement.EXPIRE_LOT:
        lot.expired_nano -= amount_nano
    else:
        lot.used_nano -= amount_nano
