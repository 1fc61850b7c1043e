"""Ids: prefixed, unique, sortable by time; made here and never by the database.

A body is a UUIDv7 (RFC 9562: 48 bits of milliseconds, then random bits) in hexadecimal, so ids
of later requests sort later and new rows go to the end of an index.
"""

import random
import time
import uuid

_NS_PER_MS = 1_000_000
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = 76
_RANDOM_A = 0xFFF << 64
_RANDOM_B = (1 << 62) - 1


def new_uuid() -> uuid.UUID:
    """A UUIDv7 of now."""
    return uuid.UUID(int=_uuid7())


def new_id(prefix: str) -> str:
    """An id such as ``req_01934b2e…``: the prefix, then 32 hexadecimal digits."""
    return f"{prefix}_{_uuid7():032x}"


def _uuid7() -> int:
    milliseconds = time.time_ns() // _NS_PER_MS
    # Unique, not secret: seeded by the system at the start, and without a system call for each id.
    bits = random.getrandbits(_RANDOM_BITS)
    return milliseconds << 80 | _VERSION_7 | bits & _RANDOM_A | _VARIANT | bits & _RANDOM_B
