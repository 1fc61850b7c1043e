"""PDFs: pages are counted in the open and inside compressed object streams, in bounded time."""

import base64
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.tokens.families import Span, load_facts
from jeton.tokens.media import PDF_PAGES_MAX, count_pages, pdf_span, pdf_tokens

STANDARD, HIGH = load_facts().tiers["standard"], load_facts().tiers["high"]
PLAIN = (
    b"%PDF-1.7\n1 0 obj << /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 >> endobj\n"
    b"2 0 obj << /Type /Page /Parent 1 0 R >> endobj\n3 0 obj <</Type/Page/Parent 1 0 R>> endobj\n"
)


def object_stream(inside: bytes) -> bytes:
    deflated = zlib.compress(inside)
    head = b"9 0 obj << /Type /ObjStm /N 3 /First 20 /Filter /FlateDecode /Length %d >>\nstream\r\n"
    return head % len(deflated) + deflated + b"\nendstream endobj\n"


@pytest.mark.parametrize(
    ("content", "pages"),
    [
        pytest.param(PLAIN, 2, id="in the open"),
        pytest.param(PLAIN + b"2 0 obj << /Type /Page /Rotate 90 >> endobj\n", 2, id="a page written again"),
        pytest.param(b"%PDF-1.5\n" + object_stream(b"<</Type/Page>>" * 3), 3, id="compressed"),
        pytest.param(
            b"%PDF-1.5\n"
            + object_stream(b"<< /Type /Page >>")
            + object_stream(b"<</Type/Page>> <</Type/Font>>"),
            2,
            id="two streams",
        ),
        pytest.param(PLAIN * 1 + object_stream(b"<</Type/Page>>"), 3, id="both"),
        pytest.param(b"%PDF-1.5\n" + b"<</Type/Page>>" * 700, PDF_PAGES_MAX, id="more than is taken"),
        pytest.param(b"%PDF-1.5\n/ObjStm stream\nnot deflated\nendstream", None, id="not deflated"),
        pytest.param(b"%PDF-1.5\n" + object_stream(b"<</Type/Page>>")[:-30], None, id="cut off"),
        pytest.param(b"%PDF-1.7 nothing in it", None, id="no pages"),
        pytest.param(b"/Type /Page", None, id="no header"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_pages_are_counted_from_the_bytes(content: bytes, pages: int | None) -> None:
    assert count_pages(content) == pages


def test_a_page_is_its_text_and_its_picture() -> None:
    assert pdf_tokens(base64.b64encode(PLAIN).decode(), STANDARD) == 2 * (3000 + 1568)
    assert pdf_span(PLAIN, STANDARD) == Span(3000, 7600, 2 * (3000 + 1568))
    assert pdf_span(PLAIN, HIGH) == Span(3000, 8790, 2 * (3000 + 4784))


def test_unknown_pages_are_counted_as_one_and_bounded_by_the_most_that_is_taken() -> None:
    broken = b"%PDF-1.7 broken"
    assert pdf_span(broken, HIGH) == Span(1500, 4395, 600 * 7784)
    assert pdf_tokens(base64.b64encode(broken).decode(), HIGH) == 7784
    assert pdf_tokens("a", HIGH) == 7784
    assert pdf_tokens("é", HIGH) == 7784


HOSTILE = [
    pytest.param(b"%PDF-" + b"1" * 8_000_000, id="digits"),
    pytest.param(b"%PDF-" + b"/Type" + b" " * 8_000_000, id="spaces"),
    pytest.param(b"%PDF-" + b"/Type /Page " * 700_000, id="pages"),
    pytest.param(b"%PDF-" + b"1 0 obj /Type /Page " * 400_000, id="one page again and again"),
    pytest.param(b"%PDF-" + b"/ObjStm stream " * 500_000, id="streams without an end"),
    pytest.param(b"%PDF-" + b"/ObjStm " * 1_000_000, id="streams that never begin"),
    pytest.param(b"%PDF-" + object_stream(b" " * 200_000_000), id="a bomb"),
]


@pytest.mark.parametrize("content", HOSTILE)
def test_hostile_files_take_bounded_time(content: bytes) -> None:
    start = time.process_time()
    count_pages(content)
    # Each takes a tenth of a second or two; a walk that goes back over its bytes takes minutes.
    assert time.process_time() - start < 5


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [b"%PDF-1.5", b"/Type", b"/Page", b"/ObjStm", b"stream", b"endstream", b"1 0 obj"]
            ),
        ),
        max_size=30,
    )
)
def test_any_bytes_have_pages_or_none(pieces: list[bytes]) -> None:
    pages = count_pages(b"%PDF-" + b" ".join(pieces))
    assert pages is None or 1 <= pages <= PDF_PAGES_MAX
