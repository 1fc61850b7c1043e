import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.tokens.engines.cutting import PIECE_CHARS, list_gpt_pieces, list_word_pieces, may_cut_words
from jeton.tokens.engines.packaged import PackagedEngine, packaged_engines

cutting = st.one_of(st.characters(codec="utf-8"), st.sampled_from(" '\n.,;:1aBsS/_-\u2019\u017f"))


@pytest.mark.parametrize("engine", packaged_engines(), ids=["o200k", "cl100k"])
@settings(deadline=None)
@given(st.text(cutting))
def test_a_piece_ends_where_the_tokenizer_cuts_anyway(engine: PackagedEngine, text: str) -> None:
    count = engine.vocabulary.count
    whole = "a" * PIECE_CHARS + text + "z"
    assert sum(count(piece) for piece in list_gpt_pieces(whole)) == count(whole)


def test_a_long_text_counted_in_pieces_is_the_whole() -> None:
    text = "Prices of 1000 tokens: it's 0.5x, isn't it?\n\tfoo_bar(baz42) 日本語、テスト。 " * 3000
    assert len(list(list_gpt_pieces(text))) > 3
    assert len(list(list_word_pieces(text))) > 3
    for engine in packaged_engines():
        assert engine.count_text(text) == engine.vocabulary.count(text)
        assert sum(map(engine.vocabulary.count, list_word_pieces(text))) == engine.vocabulary.count(text)


def test_a_text_without_a_place_to_cut_is_one_piece() -> None:
    text = "漢" * (PIECE_CHARS * 3 + 5)
    assert list(list_gpt_pieces(text)) == [text]
    assert list(list_word_pieces(text)) == [text]


@given(st.text(st.sampled_from("ab 1\n"), max_size=300), st.integers(1, 200))
def test_pieces_joined_are_the_text(text: str, times: int) -> None:
    whole = text * times * 10
    assert "".join(list_gpt_pieces(whole)) == whole
    assert "".join(list_word_pieces(whole)) == whole


def test_a_tokenizer_may_be_cut_unless_a_token_spans_words_or_a_text_gets_a_space() -> None:
    assert may_cut_words(len, ["Ġword", "ing"])
    assert not may_cut_words(len, ["New York"])
    assert not may_cut_words(len, ["of▁the"])
    assert not may_cut_words(lambda text: len(text) + 1, ["▁word"])
