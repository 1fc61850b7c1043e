import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.tokens.estimate.chunks import get_chunk, list_keys
from jeton.tokens.estimate.segments import END, START, cut, hash_segments, read_characters

# Short texts in which classes meet: words, numbers, spaces and scripts next to each other.
meetings = st.lists(
    st.sampled_from(["ab", "Ж", "12", " ", "  ", ",", "\n", "漢", "かな", "한", "ก", "é", "😀", "\u06f1"]),
    min_size=1,
).map("".join)


def cut_text(text: str, *, by_space: bool = True) -> list[str]:
    raw = text.encode("utf-8", "surrogatepass")
    found = cut(raw, by_space=by_space)
    return [
        raw[start : start + length].decode("utf-8", "surrogatepass")
        for start, length in zip(found.starts, found.lengths, strict=True)
    ]


def test_a_space_belongs_to_the_word_after_it() -> None:
    segments = ["The", " cat", " sat", ", ", " on", " ", "2024", " mats", "."]
    assert cut_text("The cat sat,  on 2024 mats.") == segments


def test_o200k_takes_a_lone_mark_before_a_word_along() -> None:
    assert cut_text("see.it (and) a_b\tc\nd") == [
        "see", ".it", " (", "and", ")", " a", "_b", "\tc", "\n", "d",
    ]  # fmt: skip


def test_claude_joins_a_space_to_any_word_but_no_ideograph() -> None:
    assert cut_text("ก ข かな 漢 字", by_space=False) == ["ก", " ข", " かな", " ", "漢", " ", "字"]


def test_claude_keeps_the_space_after_a_number_apart() -> None:
    assert cut_text("on 2024 mats", by_space=False) == ["on", " ", "2024", " ", "mats"]


def test_scripts_are_cut_apart() -> None:
    assert cut_text("日本語のテスト12ab한국어") == ["日本語", "のテスト", "12", "ab", "한국어"]


@pytest.mark.parametrize("by_space", [True, False])
@given(text=st.text(min_size=1) | meetings)
def test_chunks_are_cut_alone_as_they_are_in_the_text(text: str, by_space: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    chunks = [get_chunk(key) for key in list_keys(text)]
    assert "".join(chunks) == text
    alone = [segment for chunk in chunks for segment in cut_text(chunk, by_space=by_space)]
    assert alone == cut_text(text, by_space=by_space)


def test_a_chunk_is_a_word_with_the_marks_around_it() -> None:
    assert list_keys("On 7 May, (he) said: no-one ask\u00e9d") == [
        " On 7 May, (he)", "said:", "no-one", "ask\u00e9d",
    ]  # fmt: skip


@given(meetings)
def test_segments_join_to_the_text(text: str) -> None:
    assert "".join(cut_text(text, by_space=False)) == text


def test_a_lone_surrogate_is_cut_like_any_character() -> None:
    assert "".join(cut_text("a\ud800b")) == "a\ud800b"


def test_hashes_are_the_same_on_every_machine() -> None:
    hashes = hash_segments(cut(b"the cat 2024", by_space=False))
    assert [hex(value) for value in hashes.tolist()] == [
        "0x366c3fe046107dc6",
        "0xff6cecb1edf183e8",
        "0x2576e40ec400de4c",
        "0x6c5d51e60152cbc4",
    ]


def test_a_number_hashes_by_its_length() -> None:
    first, second = (hash_segments(cut(text, by_space=False))[0] for text in (b"1234", b"9876"))
    assert first == second


def test_characters_stand_between_start_and_end() -> None:
    segments = cut("aé".encode(), by_space=False)
    codes = read_characters(segments, segments.starts * 0)
    assert codes.tolist() == [START, ord("a"), 0xA9C3, END]
