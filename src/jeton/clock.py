"""Clock: where "now" comes from. Pure code takes an instant; only edges and use cases ask for one."""

import time
from datetime import UTC, datetime

_NS_PER_US = 1_000


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def read_us() -> int:
    """Microseconds of a clock that never goes back; only their differences mean anything."""
    return time.monotonic_ns() // _NS_PER_US
