"""Verifying: an answer cut into sentences, of which those stay whose citation holds. Pure.

Whatever wrote the answer is not believed. A sentence stays where it names a section that it was given
(``[2]``) and that section has its words and all of its numbers, or where it quotes a section word for
word. So a question that gives orders can bring about a shorter answer, but never one from elsewhere.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jeton.site.asking.words import list_numbers, list_stems
from jeton.site.documents.sections import Section

# So much of a sentence's words must be the section's own.
OVERLAP_MIN = 0.6
STEMS_MIN = 2
QUOTE_CHARS_MIN = 20
SENTENCE_CHARS_MAX = 1_000
SENTENCES_MAX = 12
# What is asked for where the sections do not say.
UNANSWERED = "UNANSWERED"

_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)[.!?][\"”’)*_`]*(?:\s*\[\d{1,2}\])*(?=\s+[^\s\[])|(?<=\])\n|\n{2,}")
_CITATION = re.compile(r"\s*\[(\d{1,2})\]")
_QUOTE = re.compile(r"“([^“”]+)”")
_MARKS = re.compile(r"[*_`#]+|^\s*(?:[-•]|\d+\.)\s+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer with the sections that bear it."""

    text: str
    sections: tuple[Section, ...]


class Splitter:
    """Cuts a text that comes in pieces into sentences, each with the citations behind it."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._rest = ""

    def feed(self, piece: str) -> Iterator[str]:
        """The sentences that this piece makes whole; one without an end is cut where it is too long."""
        self._rest += piece
        while True:
            found = _END.search(self._rest)
            if found is None:
                break
            sentence, self._rest = self._rest[: found.end()], self._rest[found.end() :]
            yield sentence.strip()
        self._rest = self._rest[-SENTENCE_CHARS_MAX:]

    def finish(self) -> Iterator[str]:
        """What is left."""
        if self._rest.strip():
            yield self._rest.strip()
        self._rest = ""


def verify(sentence: str, sources: Sequence[Section]) -> Sentence | None:
    """The sentence with the sources that bear it, as it is shown; None where none does."""
    named = [int(number) for number in _CITATION.findall(sentence)]
    text = " ".join(_MARKS.sub("", _CITATION.sub("", sentence)).split())
    if not text or UNANSWERED in text:
        return None
    if named:
        cited = [sources[number - 1] for number in dict.fromkeys(named) if 0 < number <= len(sources)]
        borne_by = tuple(section for section in cited if is_borne(text, section))
        return Sentence(text, borne_by) if borne_by else None
    return _find_quoted(sentence, sources)


def is_borne(text: str, section: Section) -> bool:
    """Whether the section has the sentence's words, as OVERLAP_MIN says, and every number of it."""
    stems = list_stems(text)
    said = f"{section.page_title} {section.title} {section.text}"
    if len(stems) < STEMS_MIN or list_numbers(text) - list_numbers(said):
        return False
    known = set(list_stems(said))
    return sum(stem in known for stem in stems) / len(stems) >= OVERLAP_MIN


def _find_quoted(sentence: str, sources: Sequence[Section]) -> Sentence | None:
    """A sentence that cites nothing, as the quotation in it, where that stands in a source."""
    for quoted in _QUOTE.findall(sentence):
        passage = " ".join(quoted.removesuffix("…").split())
        for section in sources:
            if len(passage) >= QUOTE_CHARS_MIN and passage in " ".join(section.text.split()):
                return Sentence(f"“{quoted.strip()}”", (section,))
    return None
