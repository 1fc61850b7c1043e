"""Plain: names and words of others as Markdown that is nothing but them."""

import re

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def as_text(words: str) -> str:
    """Words of which nothing is obeyed: a star in them is a star."""
    return _PUNCTUATION.sub(r"\\\1", words)
