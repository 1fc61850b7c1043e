"""Book: one organization's balances, lots and open holds, and how a posting changes them.

A book is as the database had it at ``version``, plus what was booked since. ``apply`` is the only
thing that changes balances and lots, so both always follow from the postings.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from jeton.ledger.budgets.budgets import Budgets
from jeton.ledger.chart import Account, LotKind, is_given
from jeton.ledger.lots import Draw, Lot, available, burn_order, draw
from jeton.ledger.movements import apportion
from jeton.ledger.transaction import NO_LOT, Movement, Posting, Transaction

_FILLING = frozenset({Movement.GRANT, Movement.TOP_UP})
_TAKING_BACK = frozenset({Movement.ADJUST, Movement.REFUND, Movement.DISPUTE})


class HoldRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An open hold as it is stored; ``draws`` are (lot, nano) pairs in burn order.

    What it has no label for, and no terms, is left out of the JSON.
    """

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
    # Left out of the JSON, and NULL in the table, where the published prices apply.
    terms_id: str | msgspec.UnsetType | None = msgspec.UNSET
    end_user: str = ""
    tag: str = ""


class Book:
    """Balances (nano, signed) and open lots of one organization, and those of its holds that are known.

    ``version`` counts the transactions in which the book was written; the database refuses what
    was decided on another.
    """

    __slots__ = (
        "_is_discounted",
        "_is_waiting",
        "_lots",
        "_ordered",
        "balances",
        "budgets",
        "chain_digest",
        "chain_length",
        "changed_lots",
        "changed_terms",
        "credit_limit_nano",
        "ended_holds",
        "holds",
        "is_changed",
        "new_holds",
        "new_lots",
        "organization_id",
        "organization_text",
        "version",
    )

    def __init__(
        self, organization_id: UUID, balances: dict[Account, int], lots: Iterable[Lot], *, version: int = 0
    ) -> None:
        """Open the book on what the database holds."""
        self.organization_id = organization_id
        # Every digest covers it, and making it takes longer than all else that is covered.
        self.organization_text = str(organization_id)
        self.version = version
        self.chain_length = 0
        self.chain_digest = b""
        self.holds: dict[str, HoldRow] = {}
        self.new_holds: dict[str, HoldRow] = {}
        self.ended_holds: set[str] = set()
        self.balances = balances
        self._lots = {lot.lot_id: lot for lot in lots}
        self._sort()
        self.changed_lots: dict[str, Lot] = {}
        self.changed_terms: dict[str, Lot] = {}
        self.credit_limit_nano = 0
        self.budgets = Budgets()
        self.new_lots: list[tuple[Lot, str]] = []
        self.is_changed = False

    @property
    def lots(self) -> list[Lot]:
        """The open lots in burn order."""
        return self._ordered

    def kind_of(self, lot_id: str) -> LotKind:
        """The kind of a lot of this book."""
        return self._lots[lot_id].kind

    def lot_parts(self, draws: Iterable[Draw]) -> tuple[int, int]:
        """How much of ``draws``, in nano, is from lots, and of that from lots that nobody paid for."""
        from_lots_nano = free_nano = 0
        # A loop, because every request pays for it.
        for drawn in draws:
            if drawn.lot_id != NO_LOT:
                from_lots_nano += drawn.amount_nano
                if is_given(self._lots[drawn.lot_id].kind):
                    free_nano += drawn.amount_nano
        return from_lots_nano, free_nano

    def find_lot(self, lot_id: str) -> Lot | None:
        """A lot of this book; one that is used up is here only if it was asked for."""
        return self._lots.get(lot_id)

    def get_lot(self, lot_id: str) -> Lot:
        """A lot that is known to be here."""
        return self._lots[lot_id]

    def add_lots(self, lots: Iterable[Lot]) -> None:
        """Know further lots, as the database has them; those that are known stay as they are."""
        self._lots = {**{lot.lot_id: lot for lot in lots}, **self._lots}
        self._sort()

    @property
    def credit_nano(self) -> int:
        """What is left of the credit limit: all that the organization owes counts against it."""
        owed_nano = self.balances[Account.ACCRUED] + max(0, self.balances[Account.RECEIVABLE])
        return max(0, self.credit_limit_nano - owed_nano)

    def available_nano(self, model: str, at: datetime) -> int:
        """What a new hold for ``model`` could draw on."""
        return available(self._ordered, model, at) + (self.credit_nano if self.credit_limit_nano else 0)

    def draw(self, amount_nano: int, model: str, *, at: datetime) -> tuple[Draw, ...]:
        """Up to ``amount_nano``, from lots in burn order and then on the credit limit; may fall short."""
        draws = draw(self._ordered, amount_nano, model=model, at=at)
        if self.credit_limit_nano:
            missing = amount_nano - sum(drawn.amount_nano for drawn in draws)
            on_credit_nano = min(missing, self.credit_nano)
            if on_credit_nano > 0:
                draws = (*draws, Draw(NO_LOT, on_credit_nano))
        return draws

    def draw_overrun(self, amount_nano: int, model: str, *, at: datetime) -> tuple[tuple[Draw, ...], int]:
        """What covers ``amount_nano`` beyond a hold, and what nothing covers and is owed.

        It was used, so an invoiced organization is invoiced all of it, beyond its limit too.
        """
        draws = self.draw(amount_nano, model, at=at)
        missing = amount_nano - sum(drawn.amount_nano for drawn in draws)
        if not missing or not self.credit_limit_nano:
            return draws, missing
        lots = tuple(drawn for drawn in draws if drawn.lot_id != NO_LOT)
        return (*lots, Draw(NO_LOT, amount_nano - sum(drawn.amount_nano for drawn in lots))), 0

    def open_lot(self, lot: Lot, reason: str) -> None:
        """Add a lot that a grant in this transaction will fill; it must come in empty."""
        self._lots[lot.lot_id] = lot
        self._sort()
        self.new_lots.append((lot, reason))
        self.changed_terms[lot.lot_id] = lot

    def start_clocks(self, at: datetime) -> list[Lot]:
        """Start the time of every lot that waits for the first use; return those, in burn order."""
        if not self._is_waiting:
            return []
        started = [lot for lot in self._ordered if lot.is_waiting]
        for lot in started:
            lot.expires_at = at + timedelta(days=lot.first_use_days or 0)
            self.changed_terms[lot.lot_id] = lot
        self._sort()
        return started

    def revoke(self, lot: Lot, at: datetime) -> None:
        """From here on nothing is drawn from the lot, and what comes back to it does not stay."""
        lot.revoked_at = at
        self.changed_terms[lot.lot_id] = lot

    def reinstate(self, lot: Lot, at: datetime) -> None:
        """The lot counts again, and its time is longer by as much as it did not."""
        if lot.revoked_at is not None and lot.expires_at is not None:
            lot.expires_at += at - lot.revoked_at
        lot.revoked_at = None
        self.changed_terms[lot.lot_id] = lot
        self._sort()

    def apportion(self, postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
        """``postings`` with what leaves lots parted at their cost basis."""
        return apportion(postings, self.get_lot) if self._is_discounted else postings

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
            self.changed_terms.clear()
            self.new_lots.clear()
            self.holds.update(self.new_holds)
            for request_id in self.ended_holds:
                self.holds.pop(request_id, None)
            self.new_holds.clear()
            self.ended_holds.clear()
            self.budgets.turn_page()
            if any(lot.is_empty for lot in self._ordered):
                self._lots = {lot.lot_id: lot for lot in self._ordered if not lot.is_empty}
                self._sort()

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

    def _sort(self) -> None:
        self._ordered = sorted(self._lots.values(), key=burn_order)
        self._is_waiting = any(lot.is_waiting for lot in self._ordered)
        # A lot that is yet to be filled counts as one, since what it will be filled with is not known here.
        self._is_discounted = any(
            not is_given(lot.kind) and (lot.cost_basis_nano != lot.granted_nano or not lot.granted_nano)
            for lot in self._ordered
        )


def _apply_to_lot(lot: Lot, movement: Movement, account: Account, amount_nano: int) -> None:
    if account is Account.HELD:
        lot.held_nano -= amount_nano
    elif account is Account.CREDIT_FREE or account is Account.CREDIT_PAID:
        lot.left_nano -= amount_nano
        if movement in _FILLING:
            lot.granted_nano -= amount_nano
    elif movement is Movement.EXPIRE_LOT:
        lot.expired_nano -= amount_nano
    elif movement in _TAKING_BACK:
        lot.refunded_nano -= amount_nano
    else:
        lot.used_nano -= amount_nano
