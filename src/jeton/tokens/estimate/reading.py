"""Reading: a text as a family's tokenizer reads it, before it is cut.

Claude's families compose characters (NFC), drop control characters, and take every kind of space
for the plain one; the calibration was fitted on texts like that. What is looked for is looked for
by single bytes, since nearly every text has none of it.
"""

import re
import unicodedata

import numpy as np
import numpy.typing as npt

# Beginnings of what may be composed or taken apart: combining marks of the European alphabets, the
# scripts of India to Tibet, parts of Hangul.
_MARKS = (b"\xcc", b"\xcd", b"\xe0")
_HANGUL_LEAD, _HANGUL_SECONDS = 0xE1, (0x84, 0x86)
# Spaces: no-break is C2 A0; those of many widths are E2 80 80 to 8A, the narrow no-break is E2 80 AF.
_NO_BREAK_LEAD, _NO_BREAK = b"\xc2", b"\xc2\xa0"
_WIDTHS_LEAD, _WIDTHS_SECONDS = 0xE2, (0x80, 0x80)
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
    controls = data.take((data < _SPACE).nonzero()[0])
    if ((controls != _LINE_FEED) & (controls != _TAB) & (controls != 0)).any():
        raw = raw.translate(None, delete=_DROPPED)
        data = np.frombuffer(raw, dtype=np.uint8)
    if raw.isascii():
        return raw
    if any(mark in raw for mark in _MARKS) or _has_pair(data, _HANGUL_LEAD, _HANGUL_SECONDS):
        text = raw.decode("utf-8", "surrogatepass")
        raw = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
        data = np.frombuffer(raw, dtype=np.uint8)
    if _has_pair(data, _WIDTHS_LEAD, _WIDTHS_SECONDS):
        raw = _WIDTHS.sub(b" ", raw)
    return raw.replace(_NO_BREAK, b" ") if _NO_BREAK_LEAD in raw else raw


def _has_pair(data: npt.NDArray[np.uint8], lead: int, seconds: tuple[int, int]) -> bool:
    """Whether a character begins with ``lead`` and a byte from one of ``seconds`` to the other."""
    leads = (data == lead).nonzero()[0]
    if not len(leads):
        return False
    found = data.take(leads + 1, mode="clip")
    return bool(((found >= seconds[0]) & (found <= seconds[1])).any())
