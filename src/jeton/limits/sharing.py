"""Sharing: how much of every limit each of several nodes may let through, so that it follows the load.

Each node publishes what it has taken: a base share for every limit, and shares of its own for the limits
under pressure. One after the other, each looks at what the others have taken and takes anew:

- It never takes more than the others have left. So whatever any of them does, and in whatever order, all
  have taken at most the whole together. A node that should have more waits until others have let go.
- Where a node comes near to its share, shares go by pressure: what was asked for, let through or not. Each
  keeps a tenth of an even share, so that whoever comes to it is not refused at once.
- Everywhere else shares are even.

A limit is named ``organization/workspace/group``, the workspace empty where it is the organization's.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from jeton.limits.bucket import WHOLE

# Of limits under pressure a node publishes so many, the most pressing; it takes part in those of others.
LISTED_MAX = 64
# A node asks for more from this part of an even share on.
_ASKING_DIVISOR = 2
# And has at least this part of an even share, whoever else asks.
_FLOOR_DIVISOR = 10


class Share(msgspec.Struct, frozen=True, array_like=True):
    """What a node has taken of one limit, and how much of it was asked for there; in millionths."""

    share: int
    pressure: int


class Claim(msgspec.Struct, frozen=True):
    """What a node has taken: ``base`` of every limit that is not in ``shares``; in millionths."""

    base: int = 0
    shares: dict[str, Share] = {}

    def of(self, name: str) -> int:
        """Its share of one limit."""
        found = self.shares.get(name)
        return self.base if found is None else found.share

    def lower(self, other: "Claim") -> "Claim":
        """The smaller share of each limit: what is safe while it is not known which of both is in force."""
        names = {*self.shares, *other.shares}
        shares = {name: Share(min(self.of(name), other.of(name)), 0) for name in names}
        return Claim(min(self.base, other.base), shares)

    def grows(self, before: "Claim") -> bool:
        """Whether any share is larger than it was."""
        names = {*self.shares, *before.shares}
        return self.base > before.base or any(self.of(name) > before.of(name) for name in names)


def take_shares(others: Sequence[Claim], pressures: Mapping[str, int]) -> tuple[Claim, bool]:
    """What a node takes beside ``others``; and whether it waits for them to let go of something."""
    even = max(1, WHOLE // (len(others) + 1))
    asking = even // _ASKING_DIVISOR
    base, is_short = _take(even, (other.base for other in others))
    shares: dict[str, Share] = {}
    for name in _find_names(others, pressures, asking):
        pressing = [other.shares[name].pressure for other in others if name in other.shares]
        own = pressures.get(name, 0)
        asks = max(own, *pressing, 0) >= asking
        wanted = _weigh(own, sum(pressing), even=even) if asks else even
        share, is_less = _take(wanted, (other.of(name) for other in others))
        is_short = is_short or is_less
        if asks or share != base:
            shares[name] = Share(share, own)
    return Claim(base, shares), is_short


def _find_names(others: Sequence[Claim], pressures: Mapping[str, int], asking: int) -> set[str]:
    """The limits under pressure here, and all that others have shares of their own of."""
    pressing = sorted((-pressure, name) for name, pressure in pressures.items() if pressure >= asking)
    return {name for _, name in pressing[:LISTED_MAX]}.union(*(other.shares for other in others))


def _weigh(own: int, of_others: int, *, even: int) -> int:
    """The floor, and by pressure a part of what all floors leave."""
    floor = even // _FLOOR_DIVISOR
    nodes = WHOLE // even
    return floor + (WHOLE - nodes * floor) * own // max(1, own + of_others)


def _take(wanted: int, taken: Iterable[int]) -> tuple[int, bool]:
    """As much as is wanted and left, at least a millionth; whether it is less than is wanted."""
    share = max(1, min(wanted, WHOLE - sum(taken)))
    return share, share < wanted
