"""PDFs: how many pages the bytes hold, and what a page costs; nothing is drawn, no text extracted.

Pages are found as objects, in the file and inside its compressed object streams. Work and memory
are bounded for any bytes: the file is walked once and a limited amount is inflated. What cannot
be read so (an encrypted file, say) has an unknown number of pages, which is not zero.
"""

import base64
import binascii
import re
import zlib

from jeton.tokens.families import ImageTier, Span

PDF_PAGES_MAX = 600
# A reader accepts some bytes before the header.
HEADER_BYTES_MAX = 1024
INFLATED_BYTES_MAX = 67_108_864
# An incremental update repeats a page's object; past so many repetitions somebody plays with us.
PAGE_OBJECTS_MAX = 20_000
OBJECT_BYTES_MAX = 4096
DICTIONARY_BYTES_MAX = 1024

_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_NUMBER = re.compile(rb"(\d{1,10})\s{1,4}\d{1,5}\s{1,4}$")
_NUMBER_BYTES_MAX = 24


def pdf_tokens(data: str, tier: ImageTier) -> int:
    """Tokens of a base64 PDF by which our own engine counts: each page at the most it is likely to be.

    A PDF whose pages cannot be seen has one.
    """
    try:
        pages = count_pages(base64.b64decode(data))
    except (binascii.Error, ValueError):
        pages = None
    return (pages or 1) * tier.page.high


def pdf_span(content: bytes, tier: ImageTier) -> Span:
    """Tokens of a PDF, within limits: text and picture of each page, of one to 600 where that is unknown."""
    pages = count_pages(content)
    if pages is not None:
        return tier.page * pages
    return Span(tier.page.low, tier.page.value, tier.page.high * PDF_PAGES_MAX)


def count_pages(content: bytes) -> int | None:
    """Pages of a PDF, at most PDF_PAGES_MAX; None for what is no PDF or does not show its pages."""
    if b"%PDF-" not in content[:HEADER_BYTES_MAX]:
        return None
    pages = _count_plain(content) + _count_compressed(content)
    return min(pages, PDF_PAGES_MAX) or None


def _count_plain(content: bytes) -> int:
    """Page objects in the open; the same object, written again by an update, is one page."""
    numbers = set[bytes]()
    nameless = 0
    for found, match in enumerate(_PAGE.finditer(content)):
        if found >= PAGE_OBJECTS_MAX or len(numbers) + nameless >= PDF_PAGES_MAX:
            break
        number = _find_number(content, match.start())
        if number is None:
            nameless += 1
        else:
            numbers.add(number)
    return len(numbers) + nameless


def _find_number(content: bytes, position: int) -> bytes | None:
    """The number of the object that a position lies in."""
    start = content.rfind(b"obj", max(0, position - OBJECT_BYTES_MAX), position)
    if start < 0:
        return None
    match = _NUMBER.search(content[max(0, start - _NUMBER_BYTES_MAX) : start])
    return match[1] if match else None


def _count_compressed(content: bytes) -> int:
    pages = position = 0
    left = INFLATED_BYTES_MAX
    while left > 0 and pages < PDF_PAGES_MAX:
        position = content.find(b"/ObjStm", position)
        if position < 0:
            break
        start = content.find(b"stream", position)
        if start < 0:
            break
        if start - position > DICTIONARY_BYTES_MAX:
            position = start - DICTIONARY_BYTES_MAX
            continue
        start += len(b"stream")
        end = content.find(b"endstream", start)
        end = len(content) if end < 0 else end
        inflated = _inflate(content[start:end].lstrip(b"\r\n"), left)
        left -= len(inflated)
        pages += len(_PAGE.findall(inflated))
        # On from here: no byte is read twice, whatever the file says.
        position = end
    return pages


def _inflate(deflated: bytes, length_max: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(deflated, length_max)
    except zlib.error:
        return b""
