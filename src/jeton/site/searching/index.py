"""Index: sections ranked by the words of a query (BM25), with prefixes and single typing mistakes.

In memory and not in PostgreSQL, since there are a few hundred sections: a query takes three
milliseconds, works while the database is away, and forgives a mistake without an extension of it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log

from jeton.site.documents.sections import Section

QUERY_CHARS_MAX = 200
WORDS_MAX = 12
HITS_MAX = 20
EXPANDED_MAX = 40
SNIPPET_CHARS = 180
# A word in a heading counts as so many in the text.
_IN_TITLE = 6
_IN_PAGE_TITLE = 3
# BM25's usual constants: how soon repetition stops to help, and how much length matters.
_K1 = 1.2
_B = 0.6
# What a word that is only begun, or mistyped, is worth beside the word itself.
_PREFIX_SHARE = 0.6
_TYPO_SHARE = 0.35
_TYPO_CHARS_MIN = 4
# Words of a question that say nothing of what it is about.
_STOP_WORDS = frozenset(
    {
        "a", "an", "and", "are", "be", "can", "do", "does", "for", "from", "how", "i", "if", "in",
        "is", "it", "me", "my", "of", "on", "or", "the", "this", "to", "was", "what", "when",
        "where", "which", "who", "why", "with", "you", "your",
    }
)  # fmt: skip
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was found; ``snippet`` is its text around the words, and which parts are they."""

    section: Section
    score: float
    snippet: tuple[tuple[str, bool], ...]


class Index:
    """The sections that can be found, prepared once."""

    def __init__(self, sections: Iterable[Section]) -> None:
        """Take in every section; a few tens of milliseconds."""
        self._sections = tuple(sections)
        self._postings: dict[str, dict[int, int]] = defaultdict(dict)
        self._sizes: list[int] = []
        for number, section in enumerate(self._sections):
            counts = _weigh(section)
            self._sizes.append(sum(counts.values()))
            for word, count in counts.items():
                self._postings[word][number] = count
        self._mean_size = sum(self._sizes) / max(1, len(self._sizes))
        self._vocabulary = sorted(self._postings)
        self._shortened: dict[str, list[str]] = defaultdict(list)
        for word in self._vocabulary:
            for short in _shorten(word):
                self._shortened[short].append(word)

    def search(self, query: str, *, limit: int = HITS_MAX) -> list[Hit]:
        """The best sections first; empty where no word of the query is anywhere."""
        asked = split_words(query[:QUERY_CHARS_MAX])[:WORDS_MAX]
        words = [word for word in asked if word not in _STOP_WORDS] or asked
        scores: dict[int, float] = defaultdict(float)
        matched: dict[int, int] = defaultdict(int)
        shown: set[str] = set()
        for word in dict.fromkeys(words):
            best: dict[int, float] = {}
            for known, share in self._expand(word):
                shown.add(known)
                for number, score in self._score(known):
                    best[number] = max(best.get(number, 0.0), share * score)
            for number, score in best.items():
                scores[number] += score
                matched[number] += 1
        # A section with every word comes before one that repeats a single one.
        ranked = sorted(scores, key=lambda number: (-matched[number], -scores[number], number))
        return [
            Hit(self._sections[number], scores[number], _cut_snippet(self._sections[number].text, shown))
            for number in ranked[: min(limit, HITS_MAX)]
        ]

    def _expand(self, word: str) -> Iterator[tuple[str, float]]:
        """The known words that are meant, each with what it is worth."""
        if word in self._postings:
            yield word, 1.0
        begun = [known for known in self._find_begun(word) if known != word]
        for known in begun[:EXPANDED_MAX]:
            yield known, _PREFIX_SHARE
        if word in self._postings or begun or len(word) < _TYPO_CHARS_MIN:
            return
        near = {known for short in _shorten(word) for known in self._shortened.get(short, ())}
        found = sorted(known for known in near if is_one_mistake(word, known))
        for known in found[:EXPANDED_MAX]:
            yield known, _TYPO_SHARE

    def _find_begun(self, word: str) -> Iterator[str]:
        low, high = 0, len(self._vocabulary)
        while low < high:
            middle = (low + high) // 2
            if self._vocabulary[middle] < word:
                low = middle + 1
            else:
                high = middle
        for known in self._vocabulary[low : low + EXPANDED_MAX + 1]:
            if not known.startswith(word):
                return
            yield known

    def _score(self, word: str) -> Iterator[tuple[int, float]]:
        postings = self._postings[word]
        rarity = log(1 + (len(self._sections) - len(postings) + 0.5) / (len(postings) + 0.5))
        for number, count in postings.items():
            length = 1 - _B + _B * self._sizes[number] / self._mean_size
            yield number, rarity * count * (_K1 + 1) / (count + _K1 * length)


def split_words(text: str) -> list[str]:
    """The words of a text in small letters; ``cache_read`` is two."""
    return [word.lower() for word in _WORD.findall(text)]


def is_one_mistake(word: str, known: str) -> bool:
    """Whether a letter too many, too few, another one, or two that changed places make one of the other."""
    if len(word) != len(known):
        short, long = sorted((word, known), key=len)
        return short in {long[:place] + long[place + 1 :] for place in range(len(long))}
    places = [place for place, (one, other) in enumerate(zip(word, known, strict=True)) if one != other]
    if len(places) != 2:  # noqa: PLR2004 - two letters that changed places
        return len(places) == 1
    first, second = places
    swapped = (known[second], known[first])
    return second == first + 1 and (word[first], word[second]) == swapped


def _weigh(section: Section) -> Counter[str]:
    counts = Counter(split_words(section.text))
    for word in split_words(section.title):
        counts[word] += _IN_TITLE
    if section.title != section.page_title:
        for word in split_words(section.page_title):
            counts[word] += _IN_PAGE_TITLE
    return counts


def _shorten(word: str) -> Iterator[str]:
    """The word and each that lacks one letter of it: words that are one mistake apart share one of these."""
    yield word
    if len(word) >= _TYPO_CHARS_MIN:
        for place in range(len(word)):
            yield word[:place] + word[place + 1 :]


def _cut_snippet(text: str, words: set[str]) -> tuple[tuple[str, bool], ...]:
    """The text around the first word that was found, with the parts that are such words marked."""
    line = " ".join(text.split())
    places = [found for found in _WORD.finditer(line) if found[0].lower() in words]
    start = max(0, places[0].start() - SNIPPET_CHARS // 3) if places else 0
    if start:
        start = line.find(" ", start) + 1
    end = min(len(line), start + SNIPPET_CHARS)
    parts: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = start
    for found in places:
        if start <= found.start() and found.end() <= end:
            parts += [(line[at : found.start()], False), (found[0], True)]
            at = found.end()
    parts.append((line[at:end] + (" …" if end < len(line) else ""), False))
    return tuple(part for part in parts if part[0])
