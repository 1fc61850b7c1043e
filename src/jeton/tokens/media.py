"""Media: what an image or a PDF costs in tokens, from its first bytes and without decoding it."""

import base64
import binascii
import re
import struct

# One token covers a square of 28 by 28 pixels (vision documentation, 2026-08-22).
PIXELS_PER_TOKEN_EDGE = 28
# A JPEG may carry a thumbnail and a colour profile before its size.
HEADER_CHARS_MAX = 131_072
# "1,500-3,000 text tokens per page" plus the page as an image (PDF documentation, 2026-08-22).
PDF_PAGE_TEXT_TOKENS = 3000
PDF_PAGES_MAX = 600

_PDF_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_JPEG_SIZE_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_MARKER = 0xFF
_WEBP_BYTES_MIN = 30


def image_tokens(data: str | None, tokens_max: int) -> int:
    """Tokens of a base64 image: ceil(w/28) x ceil(h/28), at most ``tokens_max``.

    200 x 200 is 64, 1000 x 1000 is 1,296. An unreadable or fetched image is ``tokens_max``.
    """
    size = find_image_size(data) if data else None
    if size is None:
        return tokens_max
    width, height = size
    edge = PIXELS_PER_TOKEN_EDGE
    return min(tokens_max, max(1, -(-width // edge) * -(-height // edge)))


def pdf_tokens(data: str, page_image_tokens: int) -> int:
    """Tokens of a base64 PDF: its page objects (at least one), each as text and as an image."""
    try:
        pages = len(_PDF_PAGE.findall(base64.b64decode(data)))
    except binascii.Error:
        pages = 1
    return min(PDF_PAGES_MAX, max(1, pages)) * (PDF_PAGE_TEXT_TOKENS + page_image_tokens)


def find_image_size(data: str) -> tuple[int, int] | None:
    """Width and height of a base64 PNG, GIF, WebP or JPEG, or None when they are not to be found."""
    head = data[:HEADER_CHARS_MAX]
    try:
        header = base64.b64decode(head[: len(head) // 4 * 4])
        return _size(header)
    except (binascii.Error, ValueError, struct.error):
        return None


def _size(header: bytes) -> tuple[int, int] | None:
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
