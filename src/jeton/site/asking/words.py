"""Words: a text as the stems that count when a question is compared with a section. Pure."""

import re

_WORD = re.compile(r"[^\W_]{1,64}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_STEM_CHARS_MIN = 3
_STEPS = (
    (re.compile(r"(?:ies|ied)$"), "y"),
    (re.compile(r"(?:sses)$"), "ss"),
    (re.compile(r"(?:ations?|ments?|ings?|edly|ers?|ed|es|ly)$"), ""),
    (re.compile(r"(?<!s)s$"), ""),
    (re.compile(r"e$"), ""),
    (re.compile(r"([b-df-hj-np-tv-z])\1$"), r"\1"),
)
# What is asked with and not about.
_STOP_WORDS = frozenset(
    """
    a about after all also am an and any are as at be been before but by can could did do does doing
    done find for from get gets give given had happen happens has have how i if in into is it its kind
    let long make makes many may me mean means might more most much must my need needs no not of often
    on one or other our out please say says shall should so some such tell than that the their them then
    there these they this those to too us use used using want was way we were what when where whether
    which who whom whose why will with without would you your
    """.split()  # noqa: SIM905 -- a hundred lines of one word each are not easier to read
)


def list_stems(text: str) -> list[str]:
    """The stems of a text in its order, without what is only asked with."""
    words = (word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS)
    return [stem_of(word) for word in words]


def stem_of(word: str) -> str:
    """A word without its endings where three letters stay: caching, cached and caches are one."""
    stem = word
    for pattern, replacement in _STEPS:
        shorter = pattern.sub(replacement, stem)
        if len(shorter) >= _STEM_CHARS_MIN:
            stem = shorter
    return stem


def list_numbers(text: str) -> set[str]:
    """The numbers of a text, without thousands: ``$1,000.50`` is 1000.50."""
    return {number.replace(",", "") for number in _NUMBER.findall(text)}
