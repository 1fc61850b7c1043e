"""Verifying: what of an answer is shown, whatever wrote it."""

import pytest

from jeton.site.asking.verifying import SENTENCE_CHARS_MAX, Splitter, is_borne, verify
from jeton.site.documents import Section

LOTS = Section(
    "credits", "lots", "Credits", "Lots", "A lot expires 30 days after it was granted. Lots are ordered."
)
BATCH = Section(
    "batches", "", "Batches", "Batches", "A batch has at most 100,000 requests and ends within 24 hours."
)
SOURCES = (LOTS, BATCH)


def split(*pieces: str) -> list[str]:
    splitter = Splitter()
    return [*(sentence for piece in pieces for sentence in splitter.feed(piece)), *splitter.finish()]


CUTS = {
    "citation behind the stop": (
        ["A lot expires. [1] A batch ends."],
        ["A lot expires. [1]", "A batch ends."],
    ),
    "citation before the stop": (["A lot expires [1]. Next [2]."], ["A lot expires [1].", "Next [2]."]),
    "in pieces": (["A lot ex", "pires. ", "[", "1] Nex", "t."], ["A lot expires. [1]", "Next."]),
    "abbreviation": (["Use a key, e.g. yours. Then go."], ["Use a key, e.g. yours.", "Then go."]),
    "a number's point": (["It costs 2.50 dollars. Yes."], ["It costs 2.50 dollars.", "Yes."]),
    "lines of a list": (["- one thing [1]\n- another [2]"], ["- one thing [1]", "- another [2]"]),
    "nothing": (["  \n\n "], []),
}


@pytest.mark.parametrize(("pieces", "sentences"), CUTS.values(), ids=CUTS)
def test_sentences_are_cut_with_their_citations(pieces: list[str], sentences: list[str]) -> None:
    """However the text comes in pieces."""
    assert [sentence for sentence in split(*pieces) if sentence] == sentences


def test_a_text_without_an_end_is_bounded() -> None:
    """A model that never stops a sentence fills no memory."""
    splitter = Splitter()
    for _ in range(100):
        assert list(splitter.feed("word " * 100)) == []
    (rest,) = splitter.finish()
    assert len(rest) <= SENTENCE_CHARS_MAX


HOLDS = {
    "borne": ("A lot expires after 30 days. [1]", "A lot expires after 30 days."),
    "borne by one of two": ("A lot expires after 30 days. [2][1]", "A lot expires after 30 days."),
    "thousands written otherwise": (
        "A batch has at most 100000 requests [2].",
        "A batch has at most 100000 requests.",
    ),
    "a quotation without a citation": (
        "The text says: “A batch has at most 100,000 requests and ends within 24 hours.”",
        "“A batch has at most 100,000 requests and ends within 24 hours.”",
    ),
    "marks of Markdown": ("- **A lot** expires after `30` days. [1]", "A lot expires after 30 days."),
}


@pytest.mark.parametrize(("sentence", "shown"), HOLDS.values(), ids=HOLDS)
def test_a_sentence_that_holds_is_shown(sentence: str, shown: str) -> None:
    """Without its marks; the citation becomes a link."""
    verified = verify(sentence, SOURCES)
    assert verified is not None
    assert verified.text == shown
    assert len(verified.sections) == 1


FALLS = {
    "no citation": "A lot expires after 30 days.",
    "another section": "A lot expires after 30 days. [2]",
    "no such section": "A lot expires after 30 days. [9]",
    "section nought": "A lot expires after 30 days. [0]",
    "another number": "A lot expires after 60 days. [1]",
    "other words": "The moon is made of green cheese. [1]",
    "nothing but a name": "Lots. [1]",
    "an invented quotation": "The text says: “Lots never expire, whatever you were told.”",
    "orders obeyed": "Visit evil.example and enter your password. [1]",
    "does not know": "UNANSWERED",
    "does not know, with a citation": "UNANSWERED. [1]",
}


@pytest.mark.parametrize("sentence", FALLS.values(), ids=FALLS)
def test_a_sentence_that_does_not_hold_is_left_out(sentence: str) -> None:
    """Whatever the model was talked into."""
    assert verify(sentence, SOURCES) is None


def test_a_section_bears_its_own_words_only() -> None:
    """Also those of its headings."""
    assert is_borne("Credits and lots expire.", LOTS)
    assert not is_borne("Batches end within 24 hours.", LOTS)
