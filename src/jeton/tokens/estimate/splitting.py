"""Splitting: the same segments as ``segments.cut``, of a short text, with one regular expression."""

import re
from functools import cache
from itertools import groupby, pairwise

from jeton.tokens.estimate.characters import (
    DIGIT,
    GAP,
    KINDS,
    LETTER,
    PICTURE,
    SPACE_KEEPERS,
    find_class,
    list_edges,
)

_ASTRAL = 0x10000


def _list_ranges(kind: int) -> str:
    """The characters of a class, as the inside of a regular expression's brackets."""
    edges = [*list_edges(), _ASTRAL, 0x110000]
    spans = ((first, last - 1, find_class(first)) for first, last in pairwise(edges))
    ranges = []
    for found, group in groupby(spans, key=lambda span: span[2]):
        if found == kind:
            members = list(group)
            ranges.append(f"\\U{members[0][0]:08x}-\\U{members[-1][1]:08x}")
    return "".join(ranges)


def _compile_spaced() -> re.Pattern[str]:
    """A word takes one space along, but not after what keeps it."""
    words = [f"[{_list_ranges(kind)}]" for kind in range(LETTER, SPACE_KEEPERS)]
    keepers = "".join(map(_list_ranges, range(SPACE_KEEPERS, KINDS)))
    word = f"(?:(?<![{keepers}]) )?(?:{'+|'.join(words)}+)"
    gap = f"(?:(?! (?:{'|'.join(words)}))[{_list_ranges(GAP)}]|(?<=[{keepers}]) )+"
    others = [f"[{_list_ranges(kind)}]+" for kind in range(SPACE_KEEPERS, KINDS)]
    return re.compile("|".join((word, gap, *others)))


def _compile_marked() -> re.Pattern[str]:
    """A word takes white space along, or another mark that has no mark before it."""
    gap = _list_ranges(GAP)
    words = [f"[{_list_ranges(kind)}]" for kind in range(1, KINDS) if kind not in (DIGIT, PICTURE)]
    mark = f"(?:[ \\t]|(?<!(?![\\n\\r\\t])[{gap}])(?![\\n\\r])[{gap}])"
    word = f"{mark}?(?:{'+|'.join(words)}+)"
    gaps = f"(?:(?!{mark}(?:{'|'.join(words)}))[{gap}])+"
    others = [f"[{_list_ranges(kind)}]+" for kind in (DIGIT, PICTURE)]
    return re.compile("|".join((word, gaps, *others)))


@cache
def _compile(*, by_space: bool) -> re.Pattern[str]:
    return _compile_marked() if by_space else _compile_spaced()


def split_text(text: str, *, by_space: bool) -> list[str]:
    """The segments of a text, in order; they join to the text."""
    return _compile(by_space=by_space).findall(text)
