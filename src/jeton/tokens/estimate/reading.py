"""Reading: a text as a family's tokenizer reads it, before it is cut.

Claude's families compose characters (NFC), drop control characters, and take every kind of space
for the plain one; the calibration was fitted on texts like that. What is looked for is looked for
by single bytes, since nearly every text has none of it.
"""

import re
import unicodedata

import numpy as np

# Beginnings of what may be composed or taken apart: combining marks of the European alphabets, the
# scripts of India to Tibet, parts of Hangul.
_MARKS = (b"\xcc", b"\xcd", b"\xe0")
_HANGUL_LEAD, _HANGUL = b"\xe1", (b"\xe1\x84", b"\xe1\x85", b"\xe1\x86")
# Spaces: no-break is C2 A0; those of many widths are E2 80 80 to 8A, the narrow no-break is E2 80 AF.
_NO_BREAK_LEAD, _NO_BREAK = b"\xc2", b"\xc2\xa0"
_WIDTHS_LEAD = b"\xe2\x80"
_WIDTHS = re.compile(b"\xe2\x80[\x80-\x8a\xaf]")
_TAB, _LINE_FEED, _SPACE, _DELETE = 0x09, 0x0A, 0x20, 0x7F
# Of the controls Claude keeps a tab, a line feed and NUL.
_DROPPED = bytes({*range(1, _SPACE), _DELETE} - {_TAB, _LINE_FEED})


# All of that in a text: for short ones, where one search is quicker than several.
_ODD = re.compile("[\x01-\x08\x0b-\x1f\x7f\u00a0\u0300-\u036f\u0900-\u0fff\u1100-\u11ff\u2000-\u200a\u202f]")


def is_plain(text: str) -> bool:
    """Whether ``read_as_claude`` would leave a text as it is."""
    return _ODD.search(text) is None


def read_as_claude(raw: bytes) -> bytes:
    """UTF-8 (valid but for lone surrogates) as Claude's families read it."""
    data = np.frombuffer(raw, dtype=np.uint8)
    # Counted rather than looked up: a comparison of bytes is the quickest that there is.
    kept = sum(int(np.count_nonzero(data == control)) for control in (_LINE_FEED, _TAB, 0))
    if int(np.count_nonzero(data < _SPACE)) != kept:
        raw = raw.translate(None, delete=_DROPPED)
    if raw.isascii():
        return raw
    has_hangul = _HANGUL_LEAD in raw and any(pair in raw for pair in _HANGUL)
    if has_hangul or any(mark in raw for mark in _MARKS):
        text = raw.decode("utf-8", "surrogatepass")
        composed = unicodedata.normalize("NFC", text)
        if composed != text:
            raw = composed.encode("utf-8", "surrogatepass")
    if _WIDTHS_LEAD in raw:
        raw = _WIDTHS.sub(b" ", raw)
    return raw.replace(_NO_BREAK, b" ") if _NO_BREAK_LEAD in raw else raw
