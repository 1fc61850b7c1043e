"""A file is read in pieces whose tokens add up, whatever its bytes are."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.cli.tokens.texts import Measures, read_pieces
from jeton.tokens.exact import count_text


def read(content: bytes, head: int = 100) -> tuple[list[str], Measures]:
    measures = Measures()
    seen: list[int] = []
    file = io.BytesIO(content)
    pieces = list(read_pieces(file.read(head), file, measures, note_bytes=seen.append))
    assert sum(seen) == len(content)
    return pieces, measures


@pytest.mark.parametrize(
    ("content", "text", "invalid", "first"),
    [
        pytest.param(b"", "", 0, None, id="empty"),
        pytest.param("naïve 漢字".encode(), "naïve 漢字", 0, None, id="valid"),
        pytest.param(b"ab\xffcd\x80", "ab\ufffdcd\ufffd", 2, 2, id="two wrong bytes"),
        pytest.param("é".encode() + b"\xe6\xbc", "é\ufffd\ufffd", 2, 2, id="cut off"),
        pytest.param(b"\xed\xa0\x80", "\ufffd" * 3, 3, 0, id="a lone surrogate"),
    ],
)
@pytest.mark.parametrize("head", [1, 2, 100])
def test_what_is_not_utf_8_is_counted_and_replaced(
    content: bytes, text: str, invalid: int, first: int | None, head: int
) -> None:
    pieces, measures = read(content, head)
    assert "".join(pieces) == text
    assert (measures.bytes_read, measures.chars) == (len(content), len(text))
    assert (measures.invalid_bytes, measures.first_invalid) == (invalid, first)


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \n\té漢\u3000"), max_size=200), st.integers(1, 50))
def test_words_are_those_of_the_whole(text: str, head: int) -> None:
    _, measures = read(text.encode(), head)
    assert measures.words == len(text.split())


def test_pieces_end_between_words_and_their_tokens_add_up() -> None:
    text = "It's 1,000 tokens of foo_bar, isn't it? 日本語 " * 60_000
    pieces, measures = read(text.encode())
    assert len(pieces) == 2
    assert "".join(pieces) == text
    assert sum(count_text(piece) for piece in pieces) == count_text(text)
    assert measures.rough_cuts == 0


def test_a_text_without_words_is_cut_all_the_same() -> None:
    pieces, measures = read(b"a" * 9_000_000)
    assert [len(piece) for piece in pieces] == [4_194_304, 4_194_304, 611_392]
    assert measures.rough_cuts == 2
