"""Reading: a text as a family's tokenizer reads it, before it is cut.

Claude's families compose characters (NFC), drop control characters, and take every kind of space
for the plain one; the calibration was fitted on texts like that.
"""

import re
import unicodedata

import numpy as np

# All that Claude drops but carriage returns are rare; a tab, a line feed and NUL it keeps.
_DROPPED = bytes({*range(0x01, 0x20)} - {0x09, 0x0A} | {0x7F})
_KEPT = (b"\0", b"\t", b"\n")
_FIRST_PRINTABLE = 0x20
_SPACES = ("\u00a0", "\u202f", "\u2009", "\u2003")
_SHORT_CHARS = 8_000
_SHORT_DROPPED = re.compile("[\x01-\x08\x0b-\x1f\x7f]+")


def read_text(text: str, *, is_claude: bool) -> str:
    """A text as the family reads it, but for control characters in a long one: see ``read_bytes``."""
    if not is_claude:
        return text
    if not text.isascii():
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
        for space in _SPACES:
            text = text.replace(space, " ")
    if len(text) <= _SHORT_CHARS and _SHORT_DROPPED.search(text):
        text = _SHORT_DROPPED.sub("", text)
    return text


def read_bytes(raw: bytes, *, is_claude: bool) -> bytes:
    """The bytes of a long text without the control characters that the family drops."""
    if is_claude:
        controls = int(np.count_nonzero(np.frombuffer(raw, dtype=np.uint8) < _FIRST_PRINTABLE))
        if controls > sum(map(raw.count, _KEPT)):
            return raw.translate(None, delete=_DROPPED)
    return raw
