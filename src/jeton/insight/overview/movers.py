"""Movers: whose net amount changed most between two stretches of time."""

from collections.abc import Mapping
from dataclasses import dataclass

from jeton.insight.explore.sums import NOTHING, Sums
from jeton.money import render_usd

MOVERS_MAX = 5


@dataclass(frozen=True, slots=True)
class Mover:
    """One value of a dimension, and its net amount before and after, in nano."""

    value: str
    before_nano: int
    after_nano: int

    @property
    def change_nano(self) -> int:
        """How much more it is."""
        return self.after_nano - self.before_nano


def find_movers(before: Mapping[str, Sums], after: Mapping[str, Sums]) -> tuple[Mover, ...]:
    """The MOVERS_MAX values that changed most, up or down, the largest change first."""
    movers = (
        Mover(value, before.get(value, NOTHING).net_nano, after.get(value, NOTHING).net_nano)
        for value in sorted({*before, *after})
    )
    changed = [mover for mover in movers if mover.change_nano]
    return tuple(sorted(changed, key=lambda mover: -abs(mover.change_nano))[:MOVERS_MAX])


def render_mover(mover: Mover) -> dict[str, str]:
    """A mover in JSON; amounts are exact dollars."""
    return {
        "value": mover.value,
        "before": render_usd(mover.before_nano),
        "after": render_usd(mover.after_nano),
        "change": render_usd(mover.change_nano),
    }
