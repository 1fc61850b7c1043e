"""Circuit: whether an upstream is worth asking now, from how it answered lately. Pure, with a given clock.

It opens after FAILURES_MAX failures in a row and is tried again after a pause, by one request;
the pause doubles while that fails. It never refuses anybody: it only says who should be asked
first (decision 14).
"""

FAILURES_MAX = 5
PAUSE_S = 5.0
PAUSE_S_MAX = 120.0
# What an upstream may ask for itself, by a retry-after.
REST_S_MAX = 60.0


class Circuit:
    """The standing of one upstream; times are seconds of one monotonic clock."""

    __slots__ = ("_closed_again_at", "_failures", "_pause_s")

    def __init__(self) -> None:
        """In good standing."""
        self._failures = 0
        self._pause_s = PAUSE_S
        self._closed_again_at = 0.0

    def is_open(self, now: float) -> bool:
        """Whether others should be asked first."""
        return now < self._closed_again_at

    def begin(self, now: float) -> None:
        """Note that a request asks it now: after a pause it is a probe, and the only one for a while."""
        if self._failures >= FAILURES_MAX:
            self._closed_again_at = now + self._pause_s

    def note_success(self) -> None:
        """It answered."""
        self._failures = 0
        self._pause_s = PAUSE_S
        self._closed_again_at = 0.0

    def note_failure(self, now: float) -> None:
        """It did not answer as it should."""
        self._failures += 1
        if self._failures < FAILURES_MAX:
            return
        if self._failures > FAILURES_MAX:
            self._pause_s = min(self._pause_s * 2, PAUSE_S_MAX)
        self._closed_again_at = now + self._pause_s

    def rest(self, now: float, seconds: float) -> None:
        """It asked to be left alone for a while."""
        self._closed_again_at = max(self._closed_again_at, now + min(seconds, REST_S_MAX))
