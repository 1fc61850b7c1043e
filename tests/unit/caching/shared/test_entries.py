"""What a node remembers: never too much, never for too long."""

from hypothesis import given
from hypothesis import strategies as st

from jeton.caching.shared.entries import Entries
from jeton.caching.words import Entry

A, B = b"a" * 16, b"b" * 16


def test_an_entry_lives_until_the_second_in_which_it_ends() -> None:
    entries = Entries()
    entries.put(A, Entry(300, 1_000))
    assert entries.find(A, 999) == Entry(300, 1_000)
    assert entries.find(A, 1_000) is None
    assert entries.find(B, 999) is None


def test_the_half_that_was_used_last_is_kept() -> None:
    entries = Entries(4)
    for number in range(100):
        entries.put(number.to_bytes(16, "big"), Entry(300, 1_000))
        assert entries.find(A, 0) is None or number
        entries.put(A, Entry(3600, 2_000))
        assert len(entries) <= 4
    assert entries.find(A, 0) == Entry(3600, 2_000)
    assert entries.find((99).to_bytes(16, "big"), 0) == Entry(300, 1_000)
    assert entries.find((0).to_bytes(16, "big"), 0) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 50), st.booleans()), max_size=200))
def test_what_is_found_is_what_was_put_last(steps: list[tuple[int, int, bool]]) -> None:
    entries, truth = Entries(8), dict[bytes, Entry]()
    for number, expires_s, is_put in steps:
        name = number.to_bytes(16, "big")
        if is_put:
            truth[name] = Entry(300, expires_s)
            entries.put(name, truth[name])
        found = entries.find(name, 25)
        assert found is None or (found == truth[name] and found.expires_s > 25)
        assert len(entries) <= 8
