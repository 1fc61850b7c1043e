"""Chunks: a short text cut into few pieces that weigh the same wherever they stand.

A word with the marks around it comes again and again, so what a chunk weighed is worth remembering.
A chunk ends before a space between a character that keeps no space and a letter: a segment
begins there in every family, and nothing on one side decides how the other is cut.
"""

import re

# Begins with the space that it looks for, which the engine finds quickest. Only alphabets that are
# LETTER throughout are cut: to cut less is always right.
_EDGE = re.compile(
    " (?=[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02c1\u0388-\u052f])(?<=[\x00-/:-\u02c1\u0388-\u052f] )"
)
_SPACE = " "


def list_keys(text: str) -> list[str]:
    """The key of each chunk in order: its text without the space before it; the first's is put after one."""
    keys = _EDGE.split(text)
    keys[0] = _SPACE + keys[0]
    return keys


def get_chunk(key: str) -> str:
    """The text of a chunk as it stands; no chunk but a text's first has a key that begins with a space."""
    return key[1:] if key[0] == _SPACE else _SPACE + key
