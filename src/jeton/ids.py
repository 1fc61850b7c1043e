"""Ids: prefixed, unique, sortable by time; made here and never by the database.

A body is a UUIDv7 (RFC 9562: 48 bits of milliseconds, then random bits) in Crockford's
base 32, so ids of later requests sort later and new rows go to the end of an index.
"""

import os
import time
import uuid

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_NS_PER_MS = 1_000_000
_BODY_BITS = 130


def new_uuid() -> uuid.UUID:
    """A UUIDv7 of now."""
    return uuid.UUID(int=_uuid7_int())


def new_id(prefix: str) -> str:
    """An id such as ``req_01k…``: the prefix, then 26 characters of base 32."""
    bits = _uuid7_int()
    pairs = [_PAIRS[(bits >> shift) & 1023] for shift in range(_BODY_BITS - 10, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def _uuid7_int() -> int:
    milliseconds = time.time_ns() // _NS_PER_MS
    random = int.from_bytes(os.urandom(10), "big")
    return (
        (milliseconds & (2**48 - 1)) << 80
        | 0x7 << 76
        | (random >> 68) << 64
        | 0b10 << 62
        | random & (2**62 - 1)
    )
