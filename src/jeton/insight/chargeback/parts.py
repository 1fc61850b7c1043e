"""Chargeback: what each workspace answers for, what is nobody's shared out by a rule, to the nano.

What workspaces without a cost centre cost is shared among those that have one, in proportion to the rule's
measure, by the largest remainder: so the parts sum to what was used, and to the net amount of the range.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from jeton.insight.explore.sums import NOTHING, Sums
from jeton.money import render_usd

RULES: Mapping[str, str] = MappingProxyType(
    {
        "none": "not shared out",
        "net_nano": "by net amount",
        "requests": "by requests",
        "tokens": "by tokens",
        "equally": "in equal parts",
    }
)
DEFAULT_RULE = "net_nano"


@dataclass(frozen=True, slots=True)
class Center:
    """A workspace with whom it is charged to; "" where that is not said."""

    workspace_id: str
    name: str
    cost_center: str
    purchase_order: str


@dataclass(frozen=True, slots=True)
class Part:
    """One workspace's own net amount and its share of what is nobody's, in nano; they make its total."""

    center: Center
    sums: Sums
    shared_nano: int

    @property
    def own_nano(self) -> int:
        """What its own requests came to."""
        return self.sums.net_nano

    @property
    def total_nano(self) -> int:
        """What is posted to it."""
        return self.own_nano + self.shared_nano


def charge_back(centers: Sequence[Center], used: Mapping[str, Sums], *, rule: str) -> tuple[Part, ...]:
    """A part for each workspace that used anything or has a cost centre; the totals sum to what was used.

    $10 of a workspace without a cost centre, beside $30 and $60 of two that have one, are shared by net
    amount as $3.333333333 and $6.666666667.
    """
    sums = {center.workspace_id: used.get(center.workspace_id, NOTHING) for center in centers}
    having = [center for center in centers if center.cost_center]
    weights = [_weigh(sums[center.workspace_id], rule) for center in having]
    # Without anybody to share it among, it stays where it was.
    is_shared = rule != "none" and sum(weights) > 0
    pool_nano = sum(sums[c.workspace_id].net_nano for c in centers if not c.cost_center) if is_shared else 0
    shares = dict(zip((c.workspace_id for c in having), share_out(pool_nano, weights), strict=True))
    parts = []
    for center in centers:
        own = sums[center.workspace_id]
        given = -own.net_nano if is_shared and not center.cost_center else 0
        part = Part(center, own, shares.get(center.workspace_id, given))
        if center.cost_center or not own.is_empty:
            parts.append(part)
    return tuple(sorted(parts, key=lambda part: (-part.total_nano, part.center.name)))


def share_out(nano: int, weights: Sequence[int]) -> list[int]:
    """``nano`` in whole parts in proportion to ``weights``, by the largest remainder; they sum to it.

    100 by (1, 1, 1) is 34, 33, 33. Without any weight every part is 0.
    """
    whole = sum(weights)
    if whole <= 0:
        return [0] * len(weights)
    shares = [divmod(nano * weight, whole) for weight in weights]
    left = nano - sum(share for share, _ in shares)
    first = sorted(range(len(weights)), key=lambda place: (-shares[place][1], place))[:left]
    return [share + (place in first) for place, (share, _) in enumerate(shares)]


def _weigh(sums: Sums, rule: str) -> int:
    return 1 if rule == "equally" else max(0, getattr(sums, rule, 0))


def render_part(part: Part) -> dict[str, object]:
    """A part in JSON; amounts are exact dollars."""
    return {
        "workspace_id": part.center.workspace_id,
        "workspace": part.center.name,
        "cost_center": part.center.cost_center,
        "purchase_order": part.center.purchase_order,
        "requests": part.sums.requests,
        "tokens": part.sums.tokens,
        "own_amount": render_usd(part.own_nano),
        "shared_amount": render_usd(part.shared_nano),
        "total_amount": render_usd(part.total_nano),
    }
