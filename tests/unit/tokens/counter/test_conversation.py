import tracemalloc

from jeton.tokens.count import Count, exact_count
from jeton.tokens.counter.conversation import DIGEST_BYTES, ENTRIES_MAX, Conversation, text_key

BYTES_MAX = 440


def test_the_count_not_asked_for_longest_is_dropped_first() -> None:
    memory = Conversation(entries_max=2)
    keys = [text_key(text, "o200k") for text in ("a", "b", "c")]
    memory.keep(keys[0], exact_count(1, "o200k"))
    memory.keep(keys[1], exact_count(2, "o200k"))
    assert memory.find(keys[0]) == exact_count(1, "o200k")
    memory.keep(keys[2], exact_count(3, "o200k"))
    assert [memory.find(key) is None for key in keys] == [False, True, False]
    assert len(memory) == 2


def test_a_text_is_known_by_what_counts_it_and_by_its_digest_alone() -> None:
    counted_by, digest = text_key("a secret", "claude-3 reconstructed")
    assert counted_by == "claude-3 reconstructed"
    assert len(digest) == DIGEST_BYTES == 16
    assert text_key("a secret", "o200k") != text_key("a secret", "cl100k")
    # A lone surrogate is no question mark, though it counts as one.
    assert text_key("\ud800", "o200k") != text_key("?", "o200k")


def test_a_full_memory_has_fourteen_megabytes() -> None:
    entries = 2_000
    tracemalloc.start()
    memory = Conversation(entries_max=entries)
    for number in range(entries * 2):
        tokens = 10_000 + number
        count = Count(tokens, tokens - 1_000, tokens + 1_000, "estimated", "claude-3", "sha")
        memory.keep(text_key(str(number), "claude-3"), count)
    used_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used_bytes / entries < BYTES_MAX
    assert BYTES_MAX * ENTRIES_MAX < 14_500_000
