"""Schedule: when a job is due again. Pure."""

from datetime import datetime, timedelta

RETRY_FIRST = timedelta(seconds=30)
RETRY_MAX = timedelta(hours=1)
RETRY_GROWTH = 2


def find_next(every: timedelta, *, started_at: datetime, ended_at: datetime, failures: int) -> datetime:
    """When it is due again, after so many failures in a row.

    After a good run that is ``every`` after its start; one that took longer is due at once. After a failure
    it is tried sooner than a rare job would be, and less often than a frequent one: 30 s, 1 min, … 1 h.
    """
    if not failures:
        return max(started_at + every, ended_at)
    wait = RETRY_FIRST
    for _ in range(1, failures):
        wait = min(wait * RETRY_GROWTH, RETRY_MAX)
    return ended_at + wait
