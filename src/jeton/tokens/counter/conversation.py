"""Conversation: counts of texts seen before, so that a turn added to a conversation costs that turn.

A client sends the whole conversation again with each turn. A text is known again by its BLAKE2b-128;
neither it nor who sent it is kept, and nobody can learn from a count whose text it was.
"""

from collections import OrderedDict
from hashlib import blake2b

from jeton.tokens.count import Count

DIGEST_BYTES = 16
# Of about 420 bytes each, key included: 14 MB.
ENTRIES_MAX = 32_768
# A shorter text is counted sooner than it is found.
TEXT_CHARS_MIN = 64

Key = tuple[str, bytes]


class Conversation:
    """Counts of texts; the ones not asked for longest are dropped first."""

    def __init__(self, entries_max: int = ENTRIES_MAX) -> None:
        """Keep ``entries_max`` counts."""
        self._entries_max = entries_max
        self._counts: OrderedDict[Key, Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def find(self, key: Key) -> Count | None:
        """The count of a text seen before."""
        count = self._counts.get(key)
        if count is not None:
            try:
                self._counts.move_to_end(key)
            except KeyError:
                # Another thread has just dropped it.
                return count
        return count

    def keep(self, key: Key, count: Count) -> None:
        """Keep a count, and drop the oldest where there are too many."""
        self._counts[key] = count
        while len(self._counts) > self._entries_max:
            self._counts.popitem(last=False)


def text_key(text: str, counted_by: str) -> Key:
    """The key of a text and of what counts it; about 1 ms for a megabyte."""
    return counted_by, blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
