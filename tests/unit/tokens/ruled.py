"""Texts made by rule out of fragments of every script and shape, the same on every machine."""

import json
from collections.abc import Iterator
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
WINDOWS = 300
CHARS_MAX = 1_500
# Every third text stays with so many fragments in a row, and so with one script or shape.
NARROW = 12


def ruled_texts() -> Iterator[str]:
    """The windows, of 1 to about ``CHARS_MAX`` characters."""
    fragments: list[str] = json.loads((GOLDEN / "tokens_fragments.json").read_text("utf-8"))
    state = 1
    for number in range(WINDOWS):
        length = 1 + number * number % CHARS_MAX
        is_narrow = number % 3 == 0
        low = number % (len(fragments) - NARROW) if is_narrow else 0
        width = NARROW if is_narrow else len(fragments)
        text = ""
        while len(text) < length:
            state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
            text += fragments[low + (state >> 33) % width]
        yield text
