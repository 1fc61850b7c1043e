"""Reading: a text as Claude's families read it, before it is cut.

They compose characters (NFC) and drop control characters; the calibration was fitted on texts like
that. What is looked for is looked for by single bytes, since nearly every text has none of it. That
every kind of space is one is the business of ``characters``.
"""

import re
import unicodedata

import numpy as np

# Beginnings of what may be composed or taken apart: combining marks of the European alphabets, the
# scripts of India to Tibet, parts of Hangul.
_LEADS = (b"\xcc", b"\xcd", b"\xe0")
_HANGUL_LEAD, _HANGUL = b"\xe1", (b"\xe1\x84", b"\xe1\x85", b"\xe1\x86")
# What may be composed with the character before it, or is always taken apart, in those scripts. Only
# that is composed: to do it to a long text takes a hundred times as long as to weigh it.
_COMPOSED = re.compile(
    "[\u0300-\u036f\u0929\u0931\u0934\u093c\u0958-\u095f\u09bc-\u09be\u09cb-\u09df\u0a33-\u0a3c\u0a59-\u0a5e"
    "\u0b3c-\u0b3e\u0b48-\u0b5d\u0b94\u0bbe\u0bca-\u0bd7\u0c48-\u0c56\u0cc0-\u0cd6\u0d3e\u0d4a-\u0d57\u0dca-\u0ddf"
    "\u0f43-\u0f84\u0f90-\u0fb9\u1100-\u11ff]+"
)
_NUL, _TAB, _LINE_FEED, _SPACE, _DELETE = 0x00, 0x09, 0x0A, 0x20, 0x7F
# Of the controls Claude keeps a tab, a line feed and NUL.
_DROPPED = bytes({*range(1, _SPACE), _DELETE} - {_TAB, _LINE_FEED})
# To copy a text of so many bytes is quicker than to count its controls.
_SHORT_BYTES = 8_192


def read_as_claude(raw: bytes) -> bytes:
    """UTF-8 (valid but for lone surrogates) as Claude's families read it; itself if that is the same."""
    if len(raw) <= _SHORT_BYTES or _has_dropped(raw):
        kept = raw.translate(None, delete=_DROPPED)
        raw = raw if len(kept) == len(raw) else kept
    if raw.isascii():
        return raw
    has_hangul = _HANGUL_LEAD in raw and any(pair in raw for pair in _HANGUL)
    if has_hangul or any(lead in raw for lead in _LEADS):
        text = raw.decode("utf-8", "surrogatepass")
        composed = _compose(text)
        if composed != text:
            return composed.encode("utf-8", "surrogatepass")
    return raw


def _has_dropped(raw: bytes) -> bool:
    """Whether a text has a control character that is dropped: counted, since that is quickest."""
    data = np.frombuffer(raw, dtype=np.uint8)
    # A comparison of bytes is the quickest that there is.
    kept = sum(int(np.count_nonzero(data == control)) for control in (_LINE_FEED, _TAB, _NUL))
    return int(np.count_nonzero(data < _SPACE)) != kept or _DELETE in raw


def _compose(text: str) -> str:
    parts: list[str] = []
    at = 0
    for found in _COMPOSED.finditer(text):
        start = max(at, found.start() - 1)
        parts += (text[at:start], unicodedata.normalize("NFC", text[start : found.end()]))
        at = found.end()
    return "".join(parts) + text[at:] if parts else text
