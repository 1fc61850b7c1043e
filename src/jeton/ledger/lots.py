"""Lots: grants and purchases of credit, and the order in which they burn down.

For every lot at every instant: granted = left + held + used + expired + refunded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from jeton.ledger.chart import LotKind, is_given

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Lot:
    """A lot as it stands inside one database transaction; the book alone changes its amounts."""

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

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left and nothing held, so that no hold can draw on it or return to it."""
        return not self.left_nano and not self.held_nano

    def is_usable(self, model: str, at: datetime) -> bool:
        """Whether a hold for ``model`` taken at ``at`` may draw on it; expiry is exclusive."""
        return (
            self.left_nano > 0
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
