"""Search: every word, a word's beginning, one mistake in it; and nothing for nothing."""

import pytest

from jeton.pricing.loading import load_book
from jeton.site.documents import Documents, Section
from jeton.site.searching.gathering import gather
from jeton.site.searching.index import QUERY_CHARS_MAX, Index, is_one_mistake

SECTIONS = (
    Section("limits", "", "Rate limits", "Rate limits", "Requests and tokens a minute."),
    Section("limits", "headers", "Rate limits", "Headers", "What is left of a limit stands in a header."),
    Section("caching", "", "Prompt caching", "Prompt caching", "A cache is written once and then read."),
    Section("caching", "breaks", "Prompt caching", "What breaks a hit", "A changed tool breaks the cache."),
)
INDEX = Index(SECTIONS)


def addresses(query: str) -> list[str]:
    return [hit.section.address for hit in INDEX.search(query)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("cache break", "/docs/caching#breaks"),
        ("rate limits", "/docs/limits"),
        ("head", "/docs/limits#headers"),
        ("chache", "/docs/caching"),
        ("breks", "/docs/caching#breaks"),
        ("HEADERS", "/docs/limits#headers"),
        ("how is the cache written", "/docs/caching"),
    ],
)
def test_the_section_that_is_meant_comes_first(query: str, first: str) -> None:
    assert addresses(query)[0] == first


@pytest.mark.parametrize("query", ["", "   ", "zzzzzz", "!!", "\x00", "ab" * QUERY_CHARS_MAX])
def test_what_is_nowhere_finds_nothing(query: str) -> None:
    assert addresses(query) == []


def test_a_section_with_every_word_comes_before_one_that_repeats_one() -> None:
    assert addresses("tool cache")[0] == "/docs/caching#breaks"


def test_the_snippet_marks_the_words_and_is_the_text() -> None:
    (hit, *_) = INDEX.search("minute")
    assert hit.snippet == (("Requests and tokens a ", False), ("minute", True), (".", False))


@pytest.mark.parametrize(
    ("word", "known", "is_one"),
    [
        ("cahce", "cache", True),
        ("cach", "cache", True),
        ("caache", "cache", True),
        ("cadhe", "cache", True),
        ("brek", "bare", False),
        ("brek", "break", True),
        ("ehcac", "cache", False),
        ("abcd", "abcd", False),
    ],
)
def test_one_mistake_is_forgiven_and_no_second(word: str, known: str, is_one: bool) -> None:  # noqa: FBT001 - a value of the table
    assert is_one_mistake(word, known) is is_one


def test_the_reference_prices_and_the_faq_are_found_at_their_own_anchors() -> None:
    faq = "# Frequently asked questions\n\n### How do discounts stack?\n\nBoth together.\n"
    gathered = tuple(gather(Documents(), load_book(), lambda: faq))
    index = Index(gathered)

    def find(query: str) -> list[str]:
        return [hit.section.address for hit in index.search(query)]

    assert find("how do discounts stack")[0] == "/faq#stacking"
    assert find("BatchCost")[0] == "/docs/api/objects#BatchCost"
    opus = [section for section in gathered if "claude-opus-5-5," in section.text]
    assert [section.address for section in opus] == ["/pricing#standard"]
    assert "/pricing#standard" in find("claude-opus-5-5 price")
    assert any("[[health]]" in document.source for document in Documents().list())
    assert not [section for section in gathered if "[[health]]" in section.text]
