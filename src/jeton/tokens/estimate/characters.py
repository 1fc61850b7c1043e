"""Characters: the class of each character, which decides where a text is cut into segments.

The ranges are our own and fixed, not those of the running Python's Unicode version: an estimate
must be the same integer on every machine. They are coarse on purpose (what takes three bytes in
UTF-8 is classed by blocks of 64, so that two bytes tell it); what matters is that the calibration
and the estimate read them alike.
"""

import numpy as np
import numpy.typing as npt

# What is none of the others: punctuation, symbols, white space, control characters.
GAP = 0
LETTER = 1
KANA = 2
# Scripts written without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer.
UNSPACED = 3
DIGIT = 4
HAN = 5
HANGUL = 6
PICTURE = 7
# From here on a space after a character is a token to Claude, and not part of the next word.
SPACE_KEEPERS = DIGIT

# In UTF-8, bytes from PART on are parts of longer characters, and those from LEAD on begin one.
PART = 0x80
LEAD = 0xC0
LEAD_OF_THREE = 0xE0
LEAD_OF_FOUR = 0xF0

_BLOCK = 64
_THREE_BYTES = 0x800
_ASTRAL = 0x10000

# (first, last, class), later ranges over earlier ones; all else is GAP.
_RANGES = (
    (0x0030, 0x0039, DIGIT),
    (0x0041, 0x005A, LETTER),
    (0x0061, 0x007A, LETTER),
    (0x00AA, 0x00AA, LETTER),
    (0x00B5, 0x00B5, LETTER),
    (0x00BA, 0x00BA, LETTER),
    (0x00C0, 0x02C1, LETTER),
    (0x00D7, 0x00D7, GAP),
    (0x00F7, 0x00F7, GAP),
    (0x02C6, 0x02E4, LETTER),
    (0x0300, 0x1FFF, LETTER),
    # Punctuation inside the alphabets: Greek, Armenian, Hebrew, Arabic, Syriac.
    (0x037E, 0x037E, GAP),
    (0x0387, 0x0387, GAP),
    (0x055A, 0x055F, GAP),
    (0x0589, 0x058F, GAP),
    (0x05BE, 0x05BE, GAP),
    (0x05C0, 0x05C0, GAP),
    (0x05C3, 0x05C3, GAP),
    (0x05F3, 0x05F4, GAP),
    (0x0600, 0x060F, GAP),
    (0x061B, 0x061F, GAP),
    (0x0660, 0x0669, DIGIT),
    (0x066A, 0x066D, GAP),
    (0x06D4, 0x06D4, GAP),
    (0x06F0, 0x06F9, DIGIT),
    (0x0700, 0x070F, GAP),
    (0x0E00, 0x10BF, UNSPACED),
    (0x1080, 0x10BF, LETTER),
    (0x1100, 0x11FF, HANGUL),
    (0x1780, 0x17FF, UNSPACED),
    (0x1940, 0x19FF, UNSPACED),
    (0x1A00, 0x1ABF, UNSPACED),
    (0x2C00, 0x2DFF, LETTER),
    (0x2E80, 0x2FFF, HAN),
    (0x3040, 0x30FF, KANA),
    (0x3100, 0x313F, KANA),
    (0x3140, 0x317F, HANGUL),
    (0x31C0, 0x31FF, KANA),
    (0x3400, 0x9FFF, HAN),
    (0xA000, 0xABFF, LETTER),
    (0xA9C0, 0xA9FF, UNSPACED),
    (0xAA40, 0xAABF, UNSPACED),
    (0xAC00, 0xD7FF, HANGUL),
    (0xF900, 0xFAFF, HAN),
    (0xFB00, 0xFDFF, LETTER),
    (0xFE40, 0xFEFF, LETTER),
    (0xFF80, 0xFFBF, KANA),
    (0x2600, 0x27BF, PICTURE),
    (0xFE00, 0xFE3F, PICTURE),
)


def find_class(point: int) -> int:
    """The class of a code point; from U+0800 on that of the first of its 64."""
    if point >= _ASTRAL:
        return PICTURE
    if point >= _THREE_BYTES:
        point -= point % _BLOCK
    found = GAP
    for first, last, kind in _RANGES:
        if first <= point <= last:
            found = kind
    return found


def _list_single() -> bytes:
    """The class of each byte that is a character by itself."""
    return bytes(find_class(byte) if byte < PART else GAP for byte in range(256))


def _list_pairs() -> npt.NDArray[np.uint8]:
    """The class of a character from its first two bytes, as a little-endian integer."""
    pairs = np.zeros((256, 256), dtype=np.uint8)
    pairs[:, :0x80] = np.frombuffer(SINGLE_CLASSES[:0x80], dtype=np.uint8)
    for second in range(0x80, 0xC0):
        for first in range(0xC2, 0xE0):
            pairs[second, first] = find_class((first & 0x1F) << 6 | second & 0x3F)
        for first in range(0xE0, 0xF0):
            pairs[second, first] = find_class((first & 0xF) << 12 | (second & 0x3F) * _BLOCK)
    pairs[:, 0xF0:] = PICTURE
    return pairs.reshape(-1)


SINGLE_CLASSES = _list_single()
PAIR_CLASSES = _list_pairs()


def _list_own_bytes() -> npt.NDArray[np.uint32]:
    """Which of four bytes read from a character's start are its own, by its first byte."""
    own = np.full(256, 0xFF, dtype=np.uint32)
    own[LEAD:] = 0xFFFF
    own[LEAD_OF_THREE:] = 0xFFFFFF
    own[LEAD_OF_FOUR:] = 0xFFFFFFFF
    return own


OWN_BYTES = _list_own_bytes()
