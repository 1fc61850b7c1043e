"""Bucket: a token bucket that never lets more through than its limit, in integers.

It holds one minute's worth of its limit, refills evenly, and starts full. What is taken at the start
of a request is an estimate; at its end the rest is given back, or what is missing is taken as a debt.

What may be given back is the point on which the promise stands: giving back must not lift the level
over the brim *at any moment since it was taken*, because what would have spilled then is gone. With
20 taken from a full bucket of 100, an hour ago, nothing can be given back: it has been full since.
So the bucket remembers how near to the brim it has been, and with every sum that was taken exactly
as if the fact had been known at the start. Therefore, for any stretch of time:

    facts let through  <=  limit x minutes + limit  + what requests took beyond their estimates

The instants are microseconds of a clock that does not matter; one that goes back stands still.
"""

from bisect import bisect_right

MINUTE_US = 60_000_000
# A node's share of a limit is counted in these.
WHOLE = 1_000_000
# How many moments of nearness to the brim are remembered.
MOMENTS_MAX = 64

# One token in the unit of levels: so large that a microsecond of the smallest share is a whole number.
_TOKEN = MINUTE_US * WHOLE


class Bucket:
    """``limit`` tokens a minute, of which this node may let ``share`` millionths through."""

    __slots__ = ("_at_us", "_gaps", "_level", "_moments", "_rate", "_room", "_taken", "limit", "share")

    def __init__(self, limit: int, *, at_us: int, share: int = WHOLE) -> None:
        """Full at ``at_us``; ``limit`` and ``share`` are at least 1."""
        self.limit = limit
        self.share = share
        self._rate = limit * share
        self._room = self._level = self._rate * MINUTE_US
        self._at_us = at_us
        # Each sum that was taken has a number. Beside it: how much was missing to the brim just before.
        # Both lists grow, since a smaller gap makes every earlier, larger one irrelevant.
        self._taken = 0
        self._moments: list[int] = []
        self._gaps: list[int] = []

    def find_wait_us(self, tokens: int, *, at_us: int) -> int:
        """How long until ``tokens`` may be taken; 0 is now.

        What is more than the bucket ever holds here may be taken when it is full, and leaves a debt.
        """
        self._refill(at_us)
        missing = min(tokens * _TOKEN, self._room) - self._level
        return 0 if missing <= 0 else -(-missing // self._rate)

    def take(self, tokens: int, *, at_us: int) -> int:
        """Take ``tokens``, into debt if need be; the number under which they may be given back."""
        self._refill(at_us)
        self._taken += 1
        self._note_gap(self._room - self._level)
        self._level -= tokens * _TOKEN
        return self._taken

    def give_back(self, tokens: int, *, number: int, at_us: int) -> None:
        """Give back of what was taken as ``number`` whatever would not have spilled since."""
        self._refill(at_us)
        gap = self._room - self._level
        since = bisect_right(self._moments, number)
        if since < len(self._gaps):
            gap = min(gap, self._gaps[since])
        given = min(tokens * _TOKEN, gap)
        self._level += given
        # From here on it counts as never taken, so at all those moments the bucket was that much fuller.
        for index in range(since, len(self._gaps)):
            self._gaps[index] -= given
        if since < len(self._gaps):
            # Of the moments before, those that were less near are irrelevant now.
            while since and self._gaps[since - 1] >= self._gaps[since]:
                since -= 1
                del self._moments[since], self._gaps[since]

    def set_share(self, share: int, *, at_us: int) -> None:
        """Let another share of the limit through from now on; nothing is added to the level."""
        self._refill(at_us)
        self._taken += 1
        self._note_gap(self._room - self._level)
        self.share = share
        self._fit()

    def set_limit(self, limit: int, *, at_us: int) -> None:
        """Have another limit from now on, as full as before; what was taken before is not given back."""
        self._refill(at_us)
        self._level = self._level * limit // self.limit
        self.limit = limit
        self._fit()
        self._taken += 1
        self._note_gap(0)

    def make_alike(self, limit: int, *, at_us: int) -> "Bucket":
        """Another bucket, as full as this one."""
        other = Bucket(limit, at_us=at_us, share=self.share)
        other.lower_to(self.find_fill(at_us=at_us), at_us=at_us)
        return other

    def find_fill(self, *, at_us: int) -> int:
        """How full it is, for each token of its limit, in a unit of its own; a debt counts as empty."""
        self._refill(at_us)
        return max(0, self._level) // self.limit

    def lower_to(self, fill: int, *, at_us: int) -> None:
        """Be no fuller than ``fill``, as ``find_fill`` says it of another bucket."""
        self._refill(at_us)
        self._level = min(self._level, fill * self.limit)

    def empty(self, *, at_us: int) -> None:
        """Hold nothing, for who cannot know what was let through meanwhile."""
        self._refill(at_us)
        self._level = min(self._level, 0)

    def find_standing(self, at_us: int) -> tuple[int, int]:
        """What is left of the whole limit, and in how many microseconds it is full if nobody takes anything.

        What is left supposes that every other node has as much left of its share.
        """
        self._refill(at_us)
        level = self._level
        remaining = level * WHOLE // (self.share * _TOKEN) if level > 0 else 0
        return remaining, -((level - self._room) // self._rate)

    def find_remaining(self, *, at_us: int) -> int:
        """What is left of the whole limit."""
        return self.find_standing(at_us)[0]

    def find_reset_us(self, *, at_us: int) -> int:
        """In how many microseconds it is full."""
        return self.find_standing(at_us)[1]

    def _refill(self, at_us: int) -> None:
        elapsed_us = at_us - self._at_us
        if elapsed_us > 0:
            self._at_us = at_us
            level = self._level + elapsed_us * self._rate
            self._level = min(level, self._room)

    def _fit(self) -> None:
        self._rate = self.limit * self.share
        self._room = self._rate * MINUTE_US
        self._level = min(self._level, self._room)

    def _note_gap(self, gap: int) -> None:
        moments, gaps = self._moments, self._gaps
        while gaps and gaps[-1] >= gap:
            gaps.pop()
            moments.pop()
        gaps.append(gap)
        moments.append(self._taken)
        if len(gaps) > MOMENTS_MAX:
            # The two that differ least become one: the smaller gap, under the later number. So too
            # little may be given back, by a small part of the limit, and never too much.
            index = min(range(len(gaps) - 1), key=lambda i: gaps[i + 1] - gaps[i])
            del gaps[index + 1], moments[index]
