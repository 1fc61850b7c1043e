"""Lots: grants and purchases of credit, and the order in which they burn down.

For every lot at every instant: granted = left + held + used + expired + refunded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from jeton.ledger.chart import LotKind, is_given
from jeton.money import divide_half_even

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Lot:
    """A lot as it stands inside one database transaction; the book alone changes it.

    ``cost_basis_nano`` is what was, or is to be, paid for all of it. With ``first_use_days`` and no expiry
    the clock has not started: it does with the first settled charge of the organization.
    """

    lot_id: str
    kind: LotKind
    priority: int
    models: frozenset[str] | None
    effective_at: datetime
    expires_at: datetime | None
    granted_at: datetime
    granted_nano: int
    left_nano: int
    held_nano: int = 0
    used_nano: int = 0
    expired_nano: int = 0
    refunded_nano: int = 0
    cost_basis_nano: int = 0
    first_use_days: int | None = None
    revoked_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left and nothing held, so that no hold can draw on it or return to it."""
        return not self.left_nano and not self.held_nano

    @property
    def is_waiting(self) -> bool:
        """Whether the lot's time begins with the first use, which was not yet."""
        return self.first_use_days is not None and self.expires_at is None

    @property
    def gone_nano(self) -> int:
        """What left the lot for good."""
        return self.used_nano + self.expired_nano + self.refunded_nano

    def is_over(self, at: datetime) -> bool:
        """Whether what is left is worth nothing any more, and what comes back must not stay."""
        return self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= at)

    def paid_part(self, gone_nano: int) -> int:
        """How much was paid for the first ``gone_nano`` of this lot, ties to even.

        $100 for $90: of the first $10 it is $9. It depends on the sum only, not on the steps, so that
        all parts of a lot, in whatever steps they went, were paid exactly its cost basis.
        """
        return divide_half_even(gone_nano * self.cost_basis_nano, self.granted_nano)

    def is_usable(self, model: str, at: datetime) -> bool:
        """Whether a hold for ``model`` booked at ``at`` may draw on it; expiry is exclusive."""
        return (
            self.left_nano > 0
            and self.revoked_at is None
            and self.effective_at <= at
            and (self.expires_at is None or at < self.expires_at)
            and (self.models is None or model in self.models)
        )


class Draw(msgspec.Struct, frozen=True, gc=False):
    """An amount taken from one lot."""

    lot_id: str
    amount_nano: int


def burn_order(lot: Lot) -> tuple[bool, int, datetime, bool, datetime, str]:
    """The sort key of burning down; total, since the id comes last.

    Restricted before unrestricted, then priority (lower first), soonest expiry, free before
    paid, oldest, id.
    """
    return (
        lot.models is None,
        lot.priority,
        lot.expires_at or NEVER,
        not is_given(lot.kind),
        lot.granted_at,
        lot.lot_id,
    )


def available(lots: Iterable[Lot], model: str, at: datetime) -> int:
    """What a hold for ``model`` taken at ``at`` could draw on, in nano."""
    return sum(lot.left_nano for lot in lots if lot.is_usable(model, at))


def draw(lots: Sequence[Lot], amount_nano: int, *, model: str, at: datetime) -> tuple[Draw, ...]:
    """Take up to ``amount_nano`` from ``lots``, which must be in burn order; may fall short."""
    draws = []
    missing = amount_nano
    for lot in lots:
        if missing <= 0:
            break
        if lot.is_usable(model, at):
            taken = min(missing, lot.left_nano)
            draws.append(Draw(lot.lot_id, taken))
            missing -= taken
    return tuple(draws)


def unwind(draws: Sequence[Draw], amount_nano: int) -> tuple[Draw, ...]:
    """The last ``amount_nano`` of ``draws``, last drawn first: what a reversal gives back, in its order."""
    undone = []
    missing = amount_nano
    for drawn in reversed(draws):
        taken = min(missing, drawn.amount_nano)
        missing -= taken
        if taken:
            undone.append(Draw(drawn.lot_id, taken))
    return tuple(undone)


def split(draws: Sequence[Draw], amount_nano: int) -> tuple[tuple[Draw, ...], tuple[Draw, ...]]:
    """Part draws at ``amount_nano``: what is used, in burn order, and what goes back."""
    used, returned = [], []
    missing = amount_nano
    for drawn in draws:
        taken = min(missing, drawn.amount_nano)
        missing -= taken
        if taken:
            used.append(Draw(drawn.lot_id, taken))
        if drawn.amount_nano > taken:
            returned.append(Draw(drawn.lot_id, drawn.amount_nano - taken))
    return tuple(used), tuple(returned)
