"""Spending: what the charges that one stream told lately come to: altogether, a second, and by key."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from jeton.insight.requests import ListedCharge
from jeton.money import render_usd

WINDOW_S = 60
# Of more charges in a window the oldest are forgotten, and the answer says so.
CHARGES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class _Told:
    at_s: float
    key_id: str
    net_nano: int
    held_nano: int


class Spending:
    """The charges of the last ``WINDOW_S`` seconds of one stream; times are a monotonic clock's seconds."""

    def __init__(self) -> None:
        """Nothing was told."""
        self._told: deque[_Told] = deque(maxlen=CHARGES_MAX)

    def note(self, charge: ListedCharge, at_s: float) -> None:
        """Count a charge that was told at ``at_s``."""
        self._told.append(_Told(at_s, charge.key_id, charge.net_nano, charge.held_nano))

    def render(self, at_s: float, *, as_of: datetime) -> dict[str, object]:
        """What they come to at ``at_s``; a second's is the sum in whole nano divided by ``WINDOW_S``."""
        while self._told and self._told[0].at_s <= at_s - WINDOW_S:
            self._told.popleft()
        by_key: dict[str, list[int]] = {}
        for one in self._told:
            sums = by_key.setdefault(one.key_id, [0, 0])
            sums[0] += 1
            sums[1] += one.net_nano
        net_nano = sum(one.net_nano for one in self._told)
        return {
            "as_of": as_of.isoformat(),
            "window_s": WINDOW_S,
            "is_complete": len(self._told) < CHARGES_MAX,
            "requests": len(self._told),
            "held_amount": render_usd(sum(one.held_nano for one in self._told)),
            "net_amount": render_usd(net_nano),
            "net_amount_per_second": render_usd(net_nano // WINDOW_S),
            "by_key": [
                {"api_key_id": key_id, "requests": requests, "net_amount": render_usd(nano)}
                for key_id, (requests, nano) in sorted(by_key.items(), key=lambda pair: -pair[1][1])
            ],
        }
