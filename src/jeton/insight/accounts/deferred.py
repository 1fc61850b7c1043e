"""Deferred revenue: credit that was paid for and is not used, lot by lot, at what was paid for it.

A lot of $100 that cost $90 and of which $10 are left is $9 of deferred revenue. What moved is read from
the postings that name the lot: revenue is what was used (less what was reversed), breakage what expired,
money or a claim what was refunded or disputed. Together they are opening + bought - used - refunded -
disputed - expired = closing, to the nano, and closing is what the accounts of credit come to.

Closings keep what moved, lot by lot (0047), so only what no closed month holds is read from the journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from jeton.db.pool import Connection
from jeton.insight.accounts.kept import EVER, Sources, Span, find_sources, list_kept
from jeton.insight.accounts.words import Statement, Stretch
from jeton.insight.proving.proof import read_rows
from jeton.money import divide_half_even

_MOVED = """
    WITH moved AS (
        SELECT m.lot_id, m.left_nano, m.bought_nano, m.used_nano, m.refunded_nano, m.disputed_nano,
               m.expired_nano, s.is_before
        FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(is_before)s::boolean[])
            AS s (since, until, is_before)
        CROSS JOIN LATERAL lot_movements(s.since, s.until, %(organization_id)s::uuid) AS m
        UNION ALL
        SELECT lot_id, left_nano, bought_nano, used_nano, refunded_nano, disputed_nano, expired_nano,
               closing_id = ANY (%(closed_before)s)
        FROM closed_lots WHERE closing_id = ANY (%(closed)s)
          AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
    )
    SELECT l.organization_id, l.lot_id, l.kind, l.granted_nano, l.cost_basis_nano, l.expires_at, l.granted_at,
           sum(m.left_nano)::bigint,
           coalesce(sum(m.bought_nano - m.used_nano - m.refunded_nano - m.disputed_nano
                        - m.expired_nano)
               FILTER (WHERE is_before), 0)::bigint,
           coalesce(sum(m.bought_nano) FILTER (WHERE NOT is_before), 0)::bigint,
           coalesce(sum(m.used_nano) FILTER (WHERE NOT is_before), 0)::bigint,
           coalesce(sum(m.refunded_nano) FILTER (WHERE NOT is_before), 0)::bigint,
           coalesce(sum(m.disputed_nano) FILTER (WHERE NOT is_before), 0)::bigint,
           coalesce(sum(m.expired_nano) FILTER (WHERE NOT is_before), 0)::bigint
    FROM moved AS m JOIN lots AS l USING (lot_id) WHERE l.kind IN ('commit', 'paid')
    GROUP BY l.lot_id ORDER BY l.organization_id, l.lot_id
"""
# What is left and held of lots, at its value, less what of it was given: what is given stands in promotion.
_ACCOUNTS = """
    SELECT coalesce(-sum(nano), 0)::bigint FROM (
        SELECT balance_nano AS nano FROM closed_balances
        WHERE closing_id = %(newest)s AND account IN ('credit:paid', 'credit:free', 'promotion')
          AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
        UNION ALL
        SELECT -held_nano FROM closed_lots WHERE closing_id = ANY (%(closed)s)
          AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
        UNION ALL
        SELECT amount_nano FROM postings
        WHERE posted_at >= %(since_at)s AND posted_at < %(until_at)s
          AND (account IN ('credit:paid', 'credit:free', 'promotion')
               OR (account = 'held' AND lot_id IS NOT NULL))
          AND (%(organization_id)s::uuid IS NULL OR organization_id = %(organization_id)s)
    ) AS parts
"""
# What the accounts of all organizations say now, and what of lots is set aside for requests under way.
_NOW = """
    SELECT (SELECT coalesce(-sum(credit_paid_nano + credit_free_nano + promotion_nano), 0) FROM balances)
         + (SELECT coalesce(sum(held_nano), 0) FROM lots WHERE is_open AND held_nano > 0)
"""
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
    bought_at: datetime
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


async def read_deferred(
    connection: Connection, stretch: Stretch, *, is_from_journal: bool = False
) -> Deferred:
    """The lots that had or have something left, or moved in between, and the accounts they tie to.

    What closings kept is taken from them, unless all shall be read ``is_from_journal``: the same comes out.
    """
    kept = [] if is_from_journal else await list_kept(connection, stretch.until_at)
    sources = find_sources(kept, stretch)
    deferred = Deferred()
    async for row in read_rows(connection, "deferred", _MOVED, parameters=_values(sources, stretch)):
        lot = DeferredLot(*row)
        deferred.lots_difference_nano += abs(lot.difference_nano)
        if lot.opening_nano or lot.closing_nano or any(getattr(lot, name) for name in PARTS):
            deferred.lots.append(lot)
    organization_id = stretch.organization_id
    if stretch.from_at is not None:
        deferred.opening_in_accounts_nano = await _read_accounts(
            connection, kept, stretch.from_at, organization_id
        )
    deferred.closing_in_accounts_nano = await _read_accounts(
        connection, kept, stretch.until_at, organization_id
    )
    return deferred


async def read_deferred_now(connection: Connection) -> int:
    """What all organizations have paid for and not used, in nano, from their accounts: no journal is read."""
    row = await (await connection.execute(_NOW)).fetchone()
    return int(row[0]) if row else 0


def _values(sources: Sources, stretch: Stretch) -> dict[str, object]:
    return {
        "organization_id": stretch.organization_id,
        "since": [span.since_at for span, _ in sources.journal],
        "until": [span.until_at for span, _ in sources.journal],
        "is_before": [is_before for _, is_before in sources.journal],
        "closed": sources.closings,
        "closed_before": [span.closing_id for span in sources.before if span.closing_id],
    }


async def _read_accounts(
    connection: Connection, kept: Sequence[Span], until_at: datetime, organization_id: UUID | None
) -> int:
    """What the accounts come to before an instant: the newest closing, and what was posted since."""
    closed = [span for span in kept if span.until_at <= until_at]
    values = {
        "organization_id": organization_id,
        "newest": closed[-1].closing_id if closed else "",
        "closed": [span.closing_id for span in closed],
        "since_at": closed[-1].until_at if closed else EVER,
        "until_at": until_at,
    }
    row = await (await connection.execute(_ACCOUNTS, values)).fetchone()
    return int(row[0]) if row else 0


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
