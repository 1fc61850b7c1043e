from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.tokens.estimate.pairs import build_tables, find_bounds, hash_segments, mix_units
from jeton.tokens.estimate.weighing import read_text

TABLES = {by_space: build_tables(by_space=by_space) for by_space in (True, False)}
# Short texts in which classes meet: words, numbers, spaces and scripts next to each other.
meetings = st.lists(
    st.sampled_from(
        ["ab", "Ж", "12", " ", "  ", ",", "(", "\n", "\t", "漢", "かな", "한", "ก", "é", "😀", "\u06f1"]
    ),
    min_size=1,
).map("".join)


def cut_text(text: str, *, by_space: bool = True) -> list[str]:
    pairs = read_text(text, TABLES[by_space]).pairs
    bounds = find_bounds(pairs, by_space=by_space).tolist()
    raw = text.encode("utf-16-le", "surrogatepass")
    return [raw[2 * start : 2 * end].decode("utf-16-le", "surrogatepass") for start, end in pairwise(bounds)]


def hash_text(text: str, *, by_space: bool = False) -> list[int]:
    pairs = read_text(text, TABLES[by_space]).pairs
    hashes: list[int] = hash_segments(pairs, find_bounds(pairs, by_space=by_space)).tolist()
    return hashes


def test_a_space_belongs_to_the_word_after_it() -> None:
    segments = ["The", " cat", " sat", ", ", " on", " ", "2024", " mats", "."]
    assert cut_text("The cat sat,  on 2024 mats.") == segments
    assert cut_text("The cat sat,  on 2024 mats.", by_space=False) == segments


def test_o200k_takes_a_lone_mark_before_a_word_along() -> None:
    assert cut_text("see.it (and) a_b\tc\nd") == [
        "see", ".it", " (", "and", ")", " a", "_b", "\tc", "\n", "d",
    ]  # fmt: skip


def test_claude_joins_a_space_to_any_word_but_no_ideograph() -> None:
    assert cut_text("ก ข かな 漢 字", by_space=False) == ["ก", " ข", " かな", " ", "漢", " ", "字"]


def test_to_claude_a_word_is_the_same_with_a_space_before_it() -> None:
    assert len(set(hash_text("word word\u00a0word"))) == 1
    assert len(set(hash_text("word word", by_space=True))) == 2


def test_to_claude_what_keeps_the_space_after_it_is_told_from_what_has_none() -> None:
    spaced, alone = hash_text("2024 on")[0], hash_text("2024,on")[0]
    assert spaced != alone


def test_scripts_are_cut_apart() -> None:
    assert cut_text("日本語のテスト12ab한국어") == ["日本語", "のテスト", "12", "ab", "한국어"]


@pytest.mark.parametrize("by_space", [True, False])
@given(text=st.text(min_size=1) | meetings)
def test_segments_join_to_the_text(by_space: bool, text: str) -> None:  # noqa: FBT001 (a parameter of the test)
    assert "".join(cut_text(text, by_space=by_space)) == text


@pytest.mark.parametrize("by_space", [True, False])
@given(text=st.text(st.characters(max_codepoint=255), min_size=1))
def test_latin_texts_are_read_as_all_others_are(by_space: bool, text: str) -> None:  # noqa: FBT001 (a parameter of the test)
    tables = TABLES[by_space]
    units = np.frombuffer((text + "\0\0").encode("utf-16-le"), dtype="<u2")
    found = read_text(text, tables)
    assert found.is_latin
    assert found.pairs[:-1].tolist() == mix_units(units, tables)[:-1].tolist()


def test_a_lone_surrogate_is_cut_like_any_character() -> None:
    assert "".join(cut_text("a\ud800b")) == "a\ud800b"


def test_hashes_are_the_same_on_every_machine() -> None:
    assert [hex(value) for value in hash_text("the cat 2024 кот")] == [
        "0x5e10bc41",
        "0x4f53c815",
        "0xe48ffa9",
        "0x929e5dd1",
        "0xbe4b9535",
    ]


def test_a_number_hashes_by_its_length_and_script() -> None:
    assert hash_text("1234") == hash_text("9876")
    assert len({*hash_text("12"), *hash_text("123"), *hash_text("١٢")}) == 3
