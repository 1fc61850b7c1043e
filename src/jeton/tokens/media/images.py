"""Images: their size from the first bytes, and the tokens of that size in a tier.

An image is downsized to what its tier allows, its shape kept, and then every square of 28 by 28
pixels that it touches is a token (vision documentation, 2026-08-22).
"""

import base64
import binascii
import struct

from jeton.tokens.families import ImageTier

PIXELS_PER_TOKEN_EDGE = 28
# A JPEG may carry a thumbnail and a colour profile before its size.
HEADER_BYTES_MAX = 98_304
HEADER_CHARS_MAX = HEADER_BYTES_MAX * 4 // 3

_JPEG_SIZE_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_MARKER = 0xFF
_WEBP_BYTES_MIN = 30


def image_tokens(data: str | None, tier: ImageTier) -> int:
    """Tokens of an image given as base64; the tier's maximum for one that is unreadable or fetched."""
    if not data:
        return tier.tokens_max
    head = data[:HEADER_CHARS_MAX]
    try:
        header = base64.b64decode(head[: len(head) // 4 * 4])
    except (binascii.Error, ValueError):
        return tier.tokens_max
    size = find_image_size(header)
    return tier.tokens_max if size is None else count_image(size, tier)


def count_image(size: tuple[int, int], tier: ImageTier) -> int:
    """Tokens of a width and height: 1,920 x 1,080 are 1,560 in the standard tier, 2,691 in the high."""
    if not _fits(size, tier):
        size = resized_size(size, tier)
    return max(1, _squares(size[0]) * _squares(size[1]))


def resized_size(size: tuple[int, int], tier: ImageTier) -> tuple[int, int]:
    """The size to which a tier takes an image: the largest of its shape that fits, itself if it does.

    1,075 x 1,520 becomes 924 x 1,307 in the standard tier, whose edge it kept within. The search
    and its rounding (half to even) are those of the published reference.
    """
    width, height = size
    if _fits(size, tier):
        return size
    if height > width:
        height, width = resized_size((height, width), tier)
        return width, height
    shape = width / height
    fitting, too_wide = 1, width
    while fitting + 1 < too_wide:
        middle = (fitting + too_wide) // 2
        if _fits((middle, max(round(middle / shape), 1)), tier):
            fitting = middle
        else:
            too_wide = middle
    return fitting, max(round(fitting / shape), 1)


def find_image_size(header: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, GIF, WebP or JPEG from its first bytes; None when they do not tell."""
    try:
        size = _read_size(header)
    except struct.error:
        return None
    # No image has no pixels: whoever writes so has not written an image.
    return size if size is not None and min(size) > 0 else None


def _squares(pixels: int) -> int:
    return -(-pixels // PIXELS_PER_TOKEN_EDGE)


def _fits(size: tuple[int, int], tier: ImageTier) -> bool:
    """Whether a size stays as it is; both edges count with their padding to whole squares."""
    across, down = _squares(size[0]), _squares(size[1])
    edge_max = tier.edge_max_px // PIXELS_PER_TOKEN_EDGE
    return across <= edge_max and down <= edge_max and across * down <= tier.tokens_max


def _read_size(header: bytes) -> tuple[int, int] | None:
    if header.startswith(b"\x89PNG\r\n\x1a\n") and header[12:16] == b"IHDR":
        width, height = struct.unpack(">II", header[16:24])
        return width, height
    if header.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack("<HH", header[6:10])
        return width, height
    if header.startswith(b"RIFF") and header[8:12] == b"WEBP":
        return _webp_size(header)
    if header.startswith(b"\xff\xd8"):
        return _jpeg_size(header)
    return None


def _webp_size(header: bytes) -> tuple[int, int] | None:
    if len(header) < _WEBP_BYTES_MIN:
        return None
    kind = header[12:16]
    if kind == b"VP8X":
        return (
            int.from_bytes(header[24:27], "little") + 1,
            int.from_bytes(header[27:30], "little") + 1,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(header[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", header[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(header: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(header):
        if header[position] != _JPEG_MARKER:
            return None
        marker = header[position + 1]
        if marker in _JPEG_SIZE_MARKERS:
            height, width = struct.unpack(">HH", header[position + 5 : position + 9])
            return width, height
        if marker == _JPEG_MARKER:
            position += 1
            continue
        (length,) = struct.unpack(">H", header[position + 2 : position + 4])
        position += 2 + length
    return None
