"""Finding: the sections that may answer a question, and how much of the question they speak of. Pure.

Not the index of the search box: that one takes words as they are typed, half and mistyped ones too,
and is right to show something. A question is whole sentences, needs its words by their stems, and
nothing at all is the right thing to find for one that the documentation does not answer.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jeton.site.asking.words import list_stems
from jeton.site.documents.sections import Section

SOURCES_MAX = 6
STEMS_MAX = 40
# A section far below the best one only makes the prompt longer.
SCORE_SHARE_MIN = 0.3
# Below this the documentation is not about it. Chosen with the questions of tests/golden/questions.toml:
# tests/unit/site/asking/test_threshold.py has the figures.
COVERAGE_MIN = 0.55
_IN_TITLE = 4
_IN_PAGE_TITLE = 2
# BM25's usual constants: how soon repetition stops to help, and how much length matters.
_K1 = 1.2
_B = 0.6


@dataclass(frozen=True, slots=True)
class Found:
    """The best sections first, and ``coverage``: the share of what was asked that one of them names.

    Rare words weigh more, and a word that stands nowhere weighs most: 1 is a question all of whose words
    one section has, 0 one that has none in common with the documentation.
    """

    sections: tuple[Section, ...]
    coverage: float

    @property
    def is_enough(self) -> bool:
        """Whether the documentation seems to say something of it."""
        return bool(self.sections) and self.coverage >= COVERAGE_MIN


class Finder:
    """The sections, prepared once."""

    def __init__(self, sections: Iterable[Section]) -> None:
        """Take in every section; some tens of milliseconds."""
        self._sections: Sequence[Section] = tuple(section for section in sections if section.text)
        self._bags = [_weigh(section) for section in self._sections]
        self._sizes = [bag.total() for bag in self._bags]
        self._mean_size = sum(self._sizes) / max(1, len(self._sizes))
        self._holders = Counter(stem for bag in self._bags for stem in bag)

    def find(self, question: str) -> Found:
        """The sections for a question; none where no word of it is anywhere."""
        asked = tuple(dict.fromkeys(list_stems(question)))[:STEMS_MAX]
        scored = sorted(
            ((self._score(number, asked), -number) for number in range(len(self._sections))), reverse=True
        )
        best = [(score, -number) for score, number in scored[:SOURCES_MAX] if score > 0]
        if not best:
            return Found((), 0.0)
        enough = best[0][0] * SCORE_SHARE_MIN
        chosen = [number for score, number in best if score >= enough]
        return Found(
            tuple(self._sections[number] for number in chosen),
            max(self._cover(number, asked) for number in chosen),
        )

    def _score(self, number: int, asked: Sequence[str]) -> float:
        bag = self._bags[number]
        length = _K1 * (1 - _B + _B * self._sizes[number] / self._mean_size)
        return sum(
            self._weight(stem) * bag[stem] * (_K1 + 1) / (bag[stem] + length) for stem in asked if stem in bag
        )

    def _cover(self, number: int, asked: Sequence[str]) -> float:
        all_of_it = sum(self._weight(stem) for stem in asked)
        return sum(self._weight(stem) for stem in asked if stem in self._bags[number]) / all_of_it

    def _weight(self, stem: str) -> float:
        """How much a word tells; most where no section has it."""
        holders = self._holders[stem]
        return math.log1p((len(self._sections) - holders + 0.5) / (holders + 0.5))


def _weigh(section: Section) -> Counter[str]:
    bag = Counter(list_stems(section.text))
    for stem in list_stems(section.title):
        bag[stem] += _IN_TITLE
    if section.title != section.page_title:
        for stem in list_stems(section.page_title):
            bag[stem] += _IN_PAGE_TITLE
    return bag
