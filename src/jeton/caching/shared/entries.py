"""Entries: what a node remembers of the shared account, so that a hit asks nobody.

An entry lives until its time is over whatever happens elsewhere, so what is remembered of it holds; it
may live longer than is remembered, so only the database says that there is none.
"""

from jeton.caching.words import Entry

# An entry takes about 170 bytes here, its name included.
ENTRIES_MAX = 1_000_000
_TTL_BITS = 16
_TTL_MASK = (1 << _TTL_BITS) - 1


class Entries:
    """Remembered entries by name, in two generations; the older one is forgotten as a whole."""

    __slots__ = ("_generation_max", "_older", "_younger")

    def __init__(self, entries_max: int = ENTRIES_MAX) -> None:
        """Remember at most ``entries_max``, and at least the half of it that was used last."""
        self._generation_max = max(1, entries_max // 2)
        # One int for both numbers takes a third of what a tuple does.
        self._younger: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._younger) + len(self._older)

    def find(self, name: bytes, at_s: int) -> Entry | None:
        """The entry, if it is known to live at ``at_s`` (seconds of the epoch)."""
        packed = self._younger.get(name)
        if packed is None:
            packed = self._older.pop(name, None)
            if packed is None:
                return None
            self._put(name, packed)
        expires_s = packed >> _TTL_BITS
        return Entry(packed & _TTL_MASK, expires_s) if expires_s > at_s else None

    def put(self, name: bytes, entry: Entry) -> None:
        """Remember an entry as it is in the database, or as it was not long ago."""
        self._older.pop(name, None)
        self._put(name, entry.expires_s << _TTL_BITS | entry.ttl_s)

    def _put(self, name: bytes, packed: int) -> None:
        if len(self._younger) >= self._generation_max and name not in self._younger:
            self._older, self._younger = self._younger, {}
        self._younger[name] = packed
