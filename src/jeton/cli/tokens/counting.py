"""Counting: one file after another, by what is in it: text, an image, a PDF, or nothing to count."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from jeton.cli.tokens.sources import Skipped, Source
from jeton.cli.tokens.texts import Measures, read_pieces
from jeton.tokens.count import Count, add_counts, exact_count
from jeton.tokens.families import ImageTier, Span
from jeton.tokens.kinds import find_kind
from jeton.tokens.media import count_image, count_pages, find_image_size, pdf_span

HEAD_BYTES = 98_304
# A request with a PDF may have 32 MB.
PDF_BYTES_MAX = 33_554_432
# Text has no zero byte near its beginning, nor is a third of it anything but UTF-8.
SNIFFED_BYTES = 8_192
INVALID_DIVISOR = 3
PDF_HEADER_BYTES = 1_024
# Where a text is cut inside a word its tokens change by 5 at the most, measured.
ROUGH_CUT_TOKENS = 5

_IMAGE_STARTS = (b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"\xff\xd8\xff")
_WIDE_STARTS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}

CountText = Callable[[str], Count]


@dataclass(frozen=True, slots=True)
class FileCount:
    """One file's tokens and measures; ``words`` and ``chars`` are 0 for what is no text."""

    name: str
    kind: str
    count: Count
    size: int
    chars: int = 0
    words: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Method:
    """How to count: a text's tokens, and the tier of images; without a tier media are passed over."""

    family_id: str
    count_text: CountText
    tier: ImageTier | None


def count_source(source: Source, method: Method, note_bytes: Callable[[int], None]) -> FileCount | Skipped:
    """Count one file; one that cannot be read or holds nothing to count is passed over with its reason."""
    try:
        with source.open() as file:
            head = file.read(HEAD_BYTES)
            return _count_file(source, head, file=file, method=method, note_bytes=note_bytes)
    except OSError as error:
        return Skipped(source.name, f"cannot be read: {error.strerror}", has_failed=True)


def _count_file(
    source: Source, head: bytes, *, file: BinaryIO, method: Method, note_bytes: Callable[[int], None]
) -> FileCount | Skipped:
    is_pdf = b"%PDF-" in head[:PDF_HEADER_BYTES]
    if is_pdf or head.startswith(_IMAGE_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        if method.tier is None:
            return Skipped(source.name, f"what an image or PDF is for {method.family_id} is not known")
        if is_pdf:
            return _count_pdf(source, head + file.read(PDF_BYTES_MAX), method.tier, method.family_id)
        return _count_image(source, head, method.tier, method.family_id)
    if head[:2] in _WIDE_STARTS:
        return Skipped(source.name, f"{_WIDE_STARTS[head[:2]]} text; write it as UTF-8")
    if _is_binary(head[:SNIFFED_BYTES]):
        return Skipped(source.name, "binary")
    measures = Measures()
    counts: list[Count] = []
    kind = ""
    for piece in read_pieces(head, file, measures, note_bytes=note_bytes):
        kind = kind or find_kind(piece)
        counts.append(method.count_text(piece))
    return FileCount(
        name=source.name,
        kind=kind or "empty",
        count=_widen(add_counts(counts, method.family_id), measures.rough_cuts),
        size=measures.bytes_read,
        chars=measures.chars,
        words=measures.words,
        notes=tuple(_list_notes(measures)),
    )


def _is_binary(start: bytes) -> bool:
    if b"\0" in start:
        return True
    escaped = start.decode("utf-8", "surrogateescape")
    invalid = sum("\udc80" <= char <= "\udcff" for char in escaped)
    return invalid * INVALID_DIVISOR > len(start)


def _widen(count: Count, rough_cuts: int) -> Count:
    if not rough_cuts:
        return count
    slack = rough_cuts * ROUGH_CUT_TOKENS
    method = "estimated" if count.method in {"exact", "reconstructed"} else count.method
    low = max(0, count.low - slack)
    return Count(count.value, low, count.high + slack, method, count.family, count.calibration)


def _list_notes(measures: Measures) -> Iterable[str]:
    if measures.invalid_bytes:
        are = "byte is" if measures.invalid_bytes == 1 else "bytes are"
        yield (
            f"{measures.invalid_bytes:,} {are} not UTF-8, the first at offset {measures.first_invalid:,};"
            " each is counted as U+FFFD"
        )
    if measures.rough_cuts:
        yield f"it has no words to cut between; cutting it may be off by {ROUGH_CUT_TOKENS} tokens each time"


def _count_image(source: Source, head: bytes, tier: ImageTier, family_id: str) -> FileCount:
    size = find_image_size(head)
    if size is None:
        count = _render(Span(1, tier.tokens_max, tier.tokens_max), family_id)
        notes: tuple[str, ...] = ("its width and height cannot be read; counted as the largest image",)
    else:
        count = exact_count(count_image(size, tier), family_id)
        notes = (f"{size[0]:,} x {size[1]:,} pixels",)
    return FileCount(source.name, "image", count, source.size, notes=notes)


def _count_pdf(source: Source, content: bytes, tier: ImageTier, family_id: str) -> FileCount | Skipped:
    if len(content) > PDF_BYTES_MAX:
        return Skipped(source.name, f"a PDF of more than {PDF_BYTES_MAX:,} bytes, which no request may have")
    pages = count_pages(content)
    if pages is None:
        note = "its pages cannot be seen (damaged or encrypted); counted as one page"
    else:
        note = "1 page" if pages == 1 else f"{pages} pages"
    return FileCount(
        source.name, "pdf", _render(pdf_span(content, tier), family_id), len(content), notes=(note,)
    )


def _render(span: Span, family_id: str) -> Count:
    return Count(span.value, span.low, span.high, "estimated", family_id, "")
