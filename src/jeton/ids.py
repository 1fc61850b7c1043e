"""Ids: prefixed, unique, sortable by time; made here and never by the database.

A body is a UUIDv7 (RFC 9562 with its method 3: 48 bits of milliseconds, 12 bits of their fraction, then
random bits) in hexadecimal. Ids of one process sort in the order in which they were made, those of two by
their clocks; new rows go to the end of an index.
"""

import random
import uuid
from time import time_ns

_NS_PER_MS = 1_000_000
_TICK_BITS = 12
_TICK = (1 << _TICK_BITS) - 1
# A clock that was set back by more than a second is followed.
_FOLLOWED_TICKS = 1_000 << _TICK_BITS
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = 62

_last_ticks = 0


def new_uuid() -> uuid.UUID:
    """A UUIDv7 of now."""
    return uuid.UUID(int=_uuid7())


def new_id(prefix: str) -> str:
    """An id such as ``req_01934b2e…``: the prefix, then 32 hexadecimal digits."""
    return f"{prefix}_{_uuid7():032x}"


def _uuid7() -> int:
    global _last_ticks  # noqa: PLW0603 - what makes one id sort after the other
    ticks = (time_ns() << _TICK_BITS) // _NS_PER_MS
    if 0 <= _last_ticks - ticks < _FOLLOWED_TICKS:
        ticks = _last_ticks + 1
    _last_ticks = ticks
    stamp = ticks >> _TICK_BITS << 80 | (ticks & _TICK) << 64
    # Unique, not secret: seeded by the system at the start, and without a system call for each id.
    return stamp | _VERSION_7 | _VARIANT | random.getrandbits(_RANDOM_BITS)
