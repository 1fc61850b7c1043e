"""Extract: the engine of ``jeton-extract-1``, which answers by quoting the prompt. Pure.

No neural weights and no knowledge: the last user turn is the question, every other text of the
prompt is a source, and the answer quotes the sentences that share the rarest words with the
question (BM25). The same prompt always gets the same answer.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jeton.tokens.content import Text, list_parts
from jeton.tokens.prompt import Block, Prompt

SENTENCES_MAX = 40_000
LINE_CHARS_MAX = 16_384
PASSAGE_CHARS_MAX = 480
PASSAGES_MAX = 3
# A passage far below the best one is noise, not an answer.
SCORE_SHARE_MIN = 0.45
QUESTION_CHARS_MAX = 600

# BM25's usual constants: how soon a repeated word stops counting, how much length counts.
_SATURATION = 1.2
_LENGTH_WEIGHT = 0.75

_BREAK = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"'”’)])\s+|(?<=[。！？])")  # noqa: RUF001 -- full stops of Chinese and Japanese
_QUESTION_MARKS = ("?", "？")  # noqa: RUF001 -- the question mark of Chinese and Japanese
_COLONS = (":", "：")  # noqa: RUF001 -- as above
_WORD = re.compile(r"[^\W_]{1,64}")
_UNSPACED_FROM = "\u2e80"
_ENDINGS = re.compile(r"(?:ations?|ingly|ings?|edly|ie[sd]|ers?|est|e[sd]|ly|s|e)$")
_STEM_CHARS_MIN = 3
_STOP_WORDS = frozenset(
    """
    a about all also am an and any are as at be been but by can could did do does for from had has
    have how i if in into is it its let may me might more most must my no not of on one or our out
    please say says shall should so some such tell than that the their them then there these they
    this those to us was we were what when where which who whom whose why will with would you your
    """.split()  # noqa: SIM905 -- ninety lines of one word each are not easier to read
)

NOTHING_TO_QUOTE = (
    "I am jeton-extract-1, an extractive model: I answer only by quoting passages of the prompt, "
    "and this prompt has no passage to quote. Send me a text with your question about it."
)
NO_MATCH = "No passage of the text shares a word with the question. The text begins:"


@dataclass(frozen=True, slots=True)
class _Reading:
    question: str
    sentences: Sequence[str]


def answer(prompt: Prompt) -> str:
    """The answer to a prompt: a short frame around quoted passages, or a plain word that there are none."""
    reading = _read(prompt)
    if not reading.sentences:
        return NOTHING_TO_QUOTE
    found = _best(reading)
    if found:
        return _frame("The text says", found)
    return f"{NO_MATCH} {_quote(reading.sentences[0])}"


def _frame(opening: str, passages: Sequence[str]) -> str:
    first, *others = (_quote(passage) for passage in passages)
    return " ".join([f"{opening}: {first}", *(f"It also says: {other}" for other in others)])


def _quote(passage: str) -> str:
    if len(passage) > PASSAGE_CHARS_MAX:
        passage = passage[:PASSAGE_CHARS_MAX].rsplit(" ", 1)[0] + " …"
    return f"“{passage}”"


def _read(prompt: Prompt) -> _Reading:
    """Part the prompt into the question and the sentences that may answer it."""
    last = max((i for i, message in enumerate(prompt.messages) if message.role == "user"), default=-1)
    sources: list[str] = []
    if prompt.system is not None:
        sources += _prose(prompt.system)
    question = ""
    for index, message in enumerate(prompt.messages):
        if index != last:
            sources += _prose(message.content)
            continue
        question, around = _part_question(_spoken(message.content))
        sources += [*_documents(message.content), *around]
    asked = question.strip()
    sentences: dict[str, None] = {}
    for sentence in _sentences(sources):
        if sentence != asked and not sentence.endswith(_QUESTION_MARKS):
            sentences[sentence] = None
            if len(sentences) == SENTENCES_MAX:
                break
    return _Reading(question, tuple(sentences))


def _prose(content: str | list[Block]) -> list[str]:
    return [part.text for part in list_parts(content) if isinstance(part, Text) and part.is_prose]


def _spoken(content: str | list[Block]) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [block.text for block in content if block.type == "text" and block.text]


def _documents(content: str | list[Block]) -> list[str]:
    if isinstance(content, str):
        return []
    return _prose([block for block in content if block.type != "text"])


def _part_question(texts: Sequence[str]) -> tuple[str, list[str]]:
    """The question in what the user said, and what else was said.

    It is the last sentence with a question mark, else the last that announces something with a
    colon, else the last of all.
    """
    sentences = list(_sentences(texts))
    for marks in (_QUESTION_MARKS, _COLONS, ""):
        asked = [sentence for sentence in sentences if sentence.endswith(marks)]
        if asked:
            return asked[-1][:QUESTION_CHARS_MAX], [said for said in sentences if said != asked[-1]]
    return "", []


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    for line in _lines(texts):
        start = 0
        for found in _BREAK.finditer(line):
            sentence = line[start : found.start()].strip()
            start = found.end()
            if sentence:
                yield sentence
        if rest := line[start:].strip():
            yield rest


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Lines, cut where they are very long: an expression holds the interpreter while it searches."""
    for text in texts:
        for line in text.split("\n"):
            for start in range(0, len(line), LINE_CHARS_MAX):
                yield line[start : start + LINE_CHARS_MAX]


def _best(reading: _Reading) -> list[str]:
    """Up to three passages that answer the question best, in the order of the text."""
    asked = sorted(set(_stems(reading.question)))
    bags = [Counter(_stems(sentence)) for sentence in reading.sentences]
    holders = Counter(stem for bag in bags for stem in asked if stem in bag)
    lengths = [bag.total() for bag in bags]
    mean_length = max(1.0, sum(lengths) / len(lengths))
    weights = {stem: math.log1p((len(bags) - n + 0.5) / (n + 0.5)) for stem, n in holders.items()}
    scored: list[tuple[float, int]] = []
    for index, bag in enumerate(bags):
        damping = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * lengths[index] / mean_length)
        score = sum(
            weights[stem] * bag[stem] * (_SATURATION + 1) / (bag[stem] + damping)
            for stem in weights
            if stem in bag
        )
        if score > 0:
            scored.append((-score, index))
    scored.sort()
    if not scored:
        return []
    enough = scored[0][0] * SCORE_SHARE_MIN
    chosen = sorted(index for score, index in scored[:PASSAGES_MAX] if score <= enough)
    return [reading.sentences[index] for index in chosen]


def _stems(text: str) -> list[str]:
    stems: list[str] = []
    for word in _WORD.findall(text.lower()):
        if word >= _UNSPACED_FROM:
            # Chinese, Japanese and Korean: pairs of characters stand for words.
            stems += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        elif word not in _STOP_WORDS:
            stems.append(_stem(word))
    return stems


def _stem(word: str) -> str:
    """A word without its ending where three letters stay: prices, priced and pricing are one."""
    stem = _ENDINGS.sub("", word)
    return stem if len(stem) >= _STEM_CHARS_MIN else word
