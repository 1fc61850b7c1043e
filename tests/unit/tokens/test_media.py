import base64
import struct

import pytest

from jeton.tokens.media import find_image_size, image_tokens, pdf_tokens


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 1092, 1092) + b"\x08\x02\x00\x00\x00"
GIF = b"GIF89a" + struct.pack("<HH", 200, 100) + b"\x00\x00\x00"
WEBP_X = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\xe7\x03\x00" + b"\xf3\x01\x00"
WEBP_LOSSLESS = (
    b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f"
    + (639 | 479 << 14).to_bytes(4, "little")
    + b"\x00" * 8
)
WEBP_LOSSY = b"RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a" + struct.pack(
    "<HH", 320, 240
)
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 1080, 1920) + b"\x03\x00\x00\x00"
)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        pytest.param(PNG, (1092, 1092), id="png"),
        pytest.param(GIF, (200, 100), id="gif"),
        pytest.param(WEBP_X, (1000, 500), id="webp-extended"),
        pytest.param(WEBP_LOSSLESS, (640, 480), id="webp-lossless"),
        pytest.param(WEBP_LOSSY, (320, 240), id="webp-lossy"),
        pytest.param(JPEG, (1920, 1080), id="jpeg-progressive"),
        pytest.param(b"\xff\xd8\x00", None, id="broken-jpeg"),
        pytest.param(b"\xff\xd8" + b"\xff\xe0\x00\x04\x00\x00" * 2, None, id="jpeg-without-size"),
        pytest.param(b"RIFF\x00\x00\x00\x00WEBPVP8X", None, id="short-webp"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00", None, id="short-png"),
        pytest.param(b"no image at all", None, id="something-else"),
    ],
)
def test_the_size_stands_in_the_first_bytes(data: bytes, size: tuple[int, int] | None) -> None:
    assert find_image_size(b64(data)) == size


def test_what_is_not_base64_has_no_size() -> None:
    assert find_image_size("é" * 8) is None


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    # Documentation of vision, 2026-08-22.
    [(200, 200, 64), (1000, 1000, 1296), (1092, 1092, 1521)],
)
def test_published_examples(width: int, height: int, tokens: int) -> None:
    png = PNG[:16] + struct.pack(">II", width, height)
    assert image_tokens(b64(png + b"\x00\x00"), 1568) == tokens


def test_an_image_is_never_more_than_its_tier() -> None:
    png = PNG[:16] + struct.pack(">II", 8000, 8000) + b"\x00\x00"
    assert image_tokens(b64(png), 4784) == 4784
    assert image_tokens(None, 4784) == 4784


def test_a_pdf_counts_each_page_as_text_and_as_image() -> None:
    pdf = b"%PDF-1.7 << /Type /Pages /Kids [] >> << /Type /Page >> << /Type/Page/Parent 1 0 R >>"
    assert pdf_tokens(b64(pdf), 1568) == 2 * (3000 + 1568)


def test_a_pdf_whose_pages_cannot_be_seen_has_one() -> None:
    assert pdf_tokens(b64(b"%PDF-1.7 compressed"), 4784) == 7784
    assert pdf_tokens("a", 4784) == 7784
