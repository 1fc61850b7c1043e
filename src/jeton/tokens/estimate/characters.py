"""Characters: the class of each UTF-16 unit, which decides where a text is cut into segments.

Texts are read in UTF-16, where nearly every character is one unit and the rest, pictures, are two.
The ranges are our own and fixed, not those of the running Python's Unicode version: an estimate must
be the same integer on every machine. They are coarse on purpose; what matters is that the
calibration and the estimate read them alike.
"""

import numpy as np
import numpy.typing as npt

# White space and what is none of the others: punctuation, symbols, control characters.
MARK = 0
SPACE = 1
TAB = 2
BREAK = 3
# From here on no gap.
LETTER = 4
KANA = 5
# Scripts written without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer.
UNSPACED = 6
DIGIT = 7
HAN = 8
HANGUL = 9
PICTURE = 10
# What follows the last unit of a text, so that something ends there; also NUL.
END = 11
CLASSES = 16

UNITS = 1 << 16
LATIN_1 = 0x100
_PLAIN_SPACE = 0x20
_LEAD, _TRAIL = 0xD800, 0xDC00
_BLOCK = 64

# (first, last, class), later ranges over earlier ones; all else is MARK.
_RANGES = (
    (0x0000, 0x0000, END),
    (0x0009, 0x0009, TAB),
    (0x000A, 0x000A, BREAK),
    (0x000D, 0x000D, BREAK),
    (0x0020, 0x0020, SPACE),
    (0x0030, 0x0039, DIGIT),
    (0x0041, 0x005A, LETTER),
    (0x0061, 0x007A, LETTER),
    (0x00AA, 0x00AA, LETTER),
    (0x00B5, 0x00B5, LETTER),
    (0x00BA, 0x00BA, LETTER),
    (0x00C0, 0x02C1, LETTER),
    (0x00D7, 0x00D7, MARK),
    (0x00F7, 0x00F7, MARK),
    (0x02C6, 0x02E4, LETTER),
    (0x0300, 0x1FFF, LETTER),
    # Punctuation and digits inside the alphabets, from Greek to Mongolian.
    (0x037E, 0x037E, MARK),
    (0x0387, 0x0387, MARK),
    (0x055A, 0x055F, MARK),
    (0x0589, 0x058F, MARK),
    (0x05BE, 0x05BE, MARK),
    (0x05C0, 0x05C0, MARK),
    (0x05C3, 0x05C3, MARK),
    (0x05F3, 0x05F4, MARK),
    (0x0600, 0x060F, MARK),
    (0x061B, 0x061F, MARK),
    (0x0660, 0x0669, DIGIT),
    (0x066A, 0x066D, MARK),
    (0x06D4, 0x06D4, MARK),
    (0x06F0, 0x06F9, DIGIT),
    (0x0700, 0x070F, MARK),
    (0x07C0, 0x07C9, DIGIT),
    (0x0964, 0x0965, MARK),
    (0x0966, 0x096F, DIGIT),
    (0x0970, 0x0970, MARK),
    (0x09E6, 0x09EF, DIGIT),
    (0x0A66, 0x0A6F, DIGIT),
    (0x0AE6, 0x0AEF, DIGIT),
    (0x0B66, 0x0B6F, DIGIT),
    (0x0BE6, 0x0BEF, DIGIT),
    (0x0C66, 0x0C6F, DIGIT),
    (0x0CE6, 0x0CEF, DIGIT),
    (0x0D66, 0x0D6F, DIGIT),
    (0x0E00, 0x109F, UNSPACED),
    (0x0E3F, 0x0E3F, MARK),
    (0x0E4F, 0x0E4F, MARK),
    (0x0E50, 0x0E59, DIGIT),
    (0x0ED0, 0x0ED9, DIGIT),
    (0x0F01, 0x0F17, MARK),
    (0x0F20, 0x0F29, DIGIT),
    (0x0F3A, 0x0F3D, MARK),
    (0x1040, 0x1049, DIGIT),
    (0x104A, 0x104F, MARK),
    (0x1100, 0x11FF, HANGUL),
    (0x1360, 0x1368, MARK),
    (0x1400, 0x1400, MARK),
    (0x166D, 0x166E, MARK),
    (0x1680, 0x1680, MARK),
    (0x1780, 0x17FF, UNSPACED),
    (0x17D4, 0x17DB, MARK),
    (0x17E0, 0x17E9, DIGIT),
    (0x1800, 0x180E, MARK),
    (0x1940, 0x19FF, UNSPACED),
    (0x1A00, 0x1ABF, UNSPACED),
    (0x2C00, 0x2DFF, LETTER),
    (0x2E80, 0x2FFF, HAN),
    (0x3005, 0x3007, HAN),
    (0x3040, 0x30FF, KANA),
    (0x30FB, 0x30FB, MARK),
    (0x3100, 0x313F, KANA),
    (0x3130, 0x318F, HANGUL),
    (0x31A0, 0x31BF, KANA),
    (0x31C0, 0x31EF, HAN),
    (0x31F0, 0x31FF, KANA),
    (0x3400, 0x9FFF, HAN),
    (0xA000, 0xABFF, LETTER),
    (0xA9C0, 0xA9FF, UNSPACED),
    (0xAA40, 0xAABF, UNSPACED),
    (0xAC00, 0xD7FF, HANGUL),
    (0xD800, 0xDFFF, PICTURE),
    (0xF900, 0xFAFF, HAN),
    (0xFB00, 0xFDFF, LETTER),
    (0xFE70, 0xFEFE, LETTER),
    (0xFF10, 0xFF19, DIGIT),
    (0xFF21, 0xFF3A, LETTER),
    (0xFF41, 0xFF5A, LETTER),
    (0xFF66, 0xFF9F, KANA),
    (0xFFA0, 0xFFDC, HANGUL),
    (0x2600, 0x27BF, PICTURE),
    (0xFE00, 0xFE0F, PICTURE),
    (0xFE20, 0xFE2F, LETTER),
)
# White space that is a plain space to Claude.
_SPACES = ((0x00A0, 0x00A0), (0x2000, 0x200A), (0x202F, 0x202F))


def list_classes(*, by_space: bool) -> npt.NDArray[np.uint8]:
    """The class of each UTF-16 unit; to Claude every kind of space is one."""
    classes = np.zeros(UNITS, dtype=np.uint8)
    for first, last, kind in _RANGES:
        classes[first : last + 1] = kind
    if not by_space:
        for first, last in _SPACES:
            classes[first : last + 1] = SPACE
    return classes


def list_folded(*, by_space: bool) -> npt.NDArray[np.uint16]:
    """Each unit as it is told from others: digits are not, and for Claude neither are kinds of space."""
    folded = np.arange(UNITS, dtype=np.uint16)
    for first, last, kind in _RANGES:
        if kind == DIGIT:
            folded[first : last + 1] = first
    if not by_space:
        for first, last in _SPACES:
            folded[first : last + 1] = _PLAIN_SPACE
    return folded


def list_blocks() -> npt.NDArray[np.uint16]:
    """The block of 64 that each unit is in; of a pair of surrogates the first is its block."""
    blocks = (np.arange(UNITS) // _BLOCK).astype(np.uint16)
    surrogates = np.arange(_LEAD, _TRAIL)
    blocks[_LEAD:_TRAIL] = UNITS // _BLOCK + surrogates - _LEAD
    return blocks
