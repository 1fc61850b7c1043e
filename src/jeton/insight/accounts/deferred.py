"""Deferred revenue: credit that was paid for and is not used, lot by lot, at what was paid for it.

A lot of $100 that cost $90 and of which $10 are left is $9 of deferred revenue. What moved is read from
the postings that name the lot: revenue is what was used (less what was reversed), breakage what expired,
money or a claim what was refunded or disputed. Together they are opening + bought - used - refunded -
disputed - expired = closing, to the nano, and closing is what the accounts of credit come to.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.proving.proof import read_rows
from jeton.ledger.chart import Account
from jeton.money import divide_half_even

_MOVED = """
    SELECT t.organization_id, p.lot_id, l.kind, l.granted_nano, l.cost_basis_nano, l.expires_at, t.movement,
           p.account, min(t.posted_at),
           coalesce(sum(p.amount_nano) FILTER (WHERE t.posted_at < %(from_at)s::timestamptz), 0)::bigint,
           sum(p.amount_nano)::bigint
    FROM transactions AS t
    CROSS JOIN LATERAL unnest(t.accounts, t.lots, t.amounts) AS p (account, lot_id, amount_nano)
    JOIN lots AS l ON l.lot_id = p.lot_id
    WHERE t.posted_at < %(until_at)s AND l.kind IN ('commit', 'paid')
      AND (%(organization_id)s::uuid IS NULL OR t.organization_id = %(organization_id)s)
    GROUP BY t.organization_id, p.lot_id, l.kind, l.granted_nano, l.cost_basis_nano, l.expires_at,
             t.movement, p.account
    ORDER BY t.organization_id, p.lot_id
"""
# What is left and held of lots, at its value, less what of it was given: what is given stands in promotion.
_ACCOUNTS = """
    SELECT coalesce(-sum(amount_nano) FILTER (WHERE posted_at < %(from_at)s::timestamptz), 0)::bigint,
           coalesce(-sum(amount_nano), 0)::bigint
    FROM postings
    WHERE posted_at < %(until_at)s
      AND (account IN ('credit:paid', 'credit:free', 'promotion')
           OR (account = 'held' AND lot_id IS NOT NULL))
      AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
"""
_SET_ASIDE = frozenset({Account.CREDIT_PAID, Account.HELD})
_FILLING = frozenset({"grant", "top_up"})
PARTS = ("bought_nano", "used_nano", "refunded_nano", "disputed_nano", "expired_nano")


@dataclass(slots=True)
class DeferredLot:
    """A lot that was paid for or is owed, and what its unused part was worth at cost; all in nano.

    ``left_nano`` is credit, at its face value, what is held counted with it; all other amounts are cost.
    """

    organization_id: UUID
    lot_id: str
    kind: str
    granted_nano: int
    cost_basis_nano: int
    expires_at: datetime | None
    bought_at: datetime | None = None
    left_nano: int = 0
    opening_nano: int = 0
    bought_nano: int = 0
    used_nano: int = 0
    refunded_nano: int = 0
    disputed_nano: int = 0
    expired_nano: int = 0

    @property
    def closing_nano(self) -> int:
        """What of its cost is not earned yet."""
        gone = self.used_nano + self.refunded_nano + self.disputed_nano + self.expired_nano
        return self.opening_nano + self.bought_nano - gone

    @property
    def difference_nano(self) -> int:
        """What is posted as left at cost less what the left credit costs; 0 in sound books."""
        gone_nano = self.granted_nano - self.left_nano
        earned_nano = divide_half_even(gone_nano * self.cost_basis_nano, self.granted_nano)
        return self.closing_nano - (self.cost_basis_nano - earned_nano)


@dataclass(slots=True)
class Deferred:
    """Every lot with something to say, and what the accounts say of all of them."""

    lots: list[DeferredLot] = field(default_factory=list)
    opening_in_accounts_nano: int = 0
    closing_in_accounts_nano: int = 0
    # Of lots that are not listed as well.
    lots_difference_nano: int = 0

    def sum(self, name: str) -> int:
        """One column of all lots."""
        return sum(getattr(lot, name) for lot in self.lots)


async def read_deferred(connection: Connection, stretch: Stretch) -> Deferred:
    """The lots that had or have something left, or moved in between, and the accounts they tie to."""
    deferred = Deferred()
    lot: DeferredLot | None = None
    async for row in read_rows(connection, "deferred", _MOVED, parameters=stretch.parameters):
        if lot is None or lot.lot_id != row[1]:
            if lot is not None:
                _keep(deferred, lot)
            lot = DeferredLot(*row[:6])
        _add(lot, row, is_before=stretch.from_at is not None)
    if lot is not None:
        _keep(deferred, lot)
    accounts = await (await connection.execute(_ACCOUNTS, stretch.parameters)).fetchone()
    if accounts is not None:
        deferred.opening_in_accounts_nano, deferred.closing_in_accounts_nano = accounts
    return deferred


def _keep(deferred: Deferred, lot: DeferredLot) -> None:
    deferred.lots_difference_nano += abs(lot.difference_nano)
    if lot.opening_nano or lot.closing_nano or any(getattr(lot, name) for name in PARTS):
        deferred.lots.append(lot)


def _add(lot: DeferredLot, row: tuple[Any, ...], *, is_before: bool) -> None:
    movement, account, first_at, before_nano, all_nano = row[6:11]
    if account in _SET_ASIDE:
        lot.left_nano -= all_nano
        if movement in _FILLING and account == Account.CREDIT_PAID:
            lot.bought_at = first_at
            if is_before and before_nano:
                lot.opening_nano += lot.cost_basis_nano
            else:
                lot.bought_nano += lot.cost_basis_nano
        return
    if account == Account.PROMOTION:
        return
    name = _part(movement, account)
    lot.opening_nano += before_nano
    setattr(lot, name, getattr(lot, name) - (all_nano - before_nano))


def _part(movement: str, account: str) -> str:
    """Where what was paid for went: postings that take out of a lot are below zero here."""
    if account == Account.REVENUE:
        return "used_nano"
    if account == Account.BREAKAGE:
        return "expired_nano"
    return "disputed_nano" if movement == "dispute" else "refunded_nano"


def state_deferred(deferred: Deferred) -> Statement:
    """As a table, a row a lot; the totals are the rollforward."""
    amounts = ("opening_nano", *PARTS, "closing_nano")
    columns = (
        *("organization_id", "lot_id", "kind", "bought_at", "expires_at"),
        *("granted_nano", "cost_basis_nano", "left_nano", *amounts),
    )
    totals = {name: deferred.sum(name) for name in amounts}
    return Statement(
        name="deferred-revenue",
        columns=columns,
        rows=[tuple(getattr(lot, name) for name in columns) for lot in deferred.lots],
        totals=totals,
        checks={
            "opening_less_accounts_nano": totals["opening_nano"] - deferred.opening_in_accounts_nano,
            "closing_less_accounts_nano": totals["closing_nano"] - deferred.closing_in_accounts_nano,
            "cost_of_lots_nano": deferred.lots_difference_nano,
        },
    )
