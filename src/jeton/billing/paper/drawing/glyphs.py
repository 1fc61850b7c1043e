"""Glyphs: which characters a font has, and what stands on paper for those that none of ours has.

PDF/A wants every character to be in a font. What is in none becomes ``REPLACEMENT``; the XML inside the PDF
has the text as it is.
"""

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from jeton.errors import ConfigurationError

REPLACEMENT = "□"
FONTS = Path(__file__).parent / "fonts"
FONT_BYTES_MAX = 64 * 1024**2
FONTS_MAX = 100
_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
# Segments to the end of a plane; groups of the whole of Unicode.
_FORMATS = (12, 4)


def list_fonts(folder: Path | None) -> list[Path]:
    """The font files of a folder, in order of name; none without a folder."""
    if folder is None:
        return []
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if len(found) > FONTS_MAX:
        raise ConfigurationError([f"{folder} has {len(found)} fonts, more than {FONTS_MAX}."])
    return found


@lru_cache(maxsize=4)
def list_characters(folder: Path | None) -> frozenset[int]:
    """The code points of our font and of a folder's; ConfigurationError names a file that is no font."""
    have: set[int] = set()
    for path in (*list_fonts(FONTS), *list_fonts(folder)):
        if path.stat().st_size > FONT_BYTES_MAX:
            raise ConfigurationError([f"{path} has more than {FONT_BYTES_MAX} bytes."])
        try:
            have.update(_read_font(path.read_bytes()))
        except (struct.error, IndexError, ValueError) as error:
            raise ConfigurationError([f"{path} is no font that can be read: {error}."]) from error
    return frozenset(have)


def fit(text: str, have: frozenset[int]) -> str:
    """A text as one line of characters that there are; what is missing becomes ``REPLACEMENT``."""
    words = " ".join(text.split(" ")).replace("\r\n", "\n").replace("\n", " ").replace("\t", " ")
    return "".join(
        character if ord(character) in have else REPLACEMENT
        for character in words
        if character.isprintable() or ord(character) in have
    )


def _read_font(font: bytes) -> Iterator[int]:
    """The code points of a font file, of each font of a collection."""
    if font[:4] == b"ttcf":
        (count,) = struct.unpack_from(">I", font, 8)
        starts: Iterable[int] = struct.unpack_from(f">{count}I", font, 12)
    else:
        starts = (0,)
    for start in starts:
        (tables,) = struct.unpack_from(">H", font, start + 4)
        for place in range(tables):
            tag, _, offset, _ = struct.unpack_from(">4sIII", font, start + 12 + 16 * place)
            if tag == b"cmap":
                yield from _read_map(font, offset)


def _read_map(font: bytes, start: int) -> Iterator[int]:
    (count,) = struct.unpack_from(">H", font, start + 2)
    found = {}
    for place in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * place)
        # Unicode, or Windows with Unicode; a symbol font maps elsewhere.
        if platform == 0 or (platform, encoding) in ((3, 1), (3, 10)):
            (kind,) = struct.unpack_from(">H", font, start + offset)
            found[kind] = start + offset
    for kind in _FORMATS:
        if kind in found:
            yield from _read_groups(font, found[kind]) if kind == 12 else _read_segments(font, found[kind])  # noqa: PLR2004 - the number of the format
            return


def _read_groups(font: bytes, start: int) -> Iterator[int]:
    (count,) = struct.unpack_from(">I", font, start + 12)
    for place in range(count):
        first, last, glyph = struct.unpack_from(">III", font, start + 16 + 12 * place)
        yield from range(first + (glyph == 0), min(last, 0x10FFFF) + 1)


def _read_segments(font: bytes, start: int) -> Iterator[int]:
    (twice,) = struct.unpack_from(">H", font, start + 6)
    count = twice // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{count}H", font, start + 14 + twice * part + (2 if part else 0))
        for part in range(4)
    )
    for place in range(count):
        for point in range(starts[place], ends[place] + 1):
            if point == 0xFFFF:  # noqa: PLR2004 - the mark of the last segment
                continue
            glyph = (point + deltas[place]) % 0x10000
            if offsets[place]:
                at = start + 16 + 3 * twice + 2 * place + offsets[place] + 2 * (point - starts[place])
                (glyph,) = struct.unpack_from(">H", font, at)
            if glyph:
                yield point
