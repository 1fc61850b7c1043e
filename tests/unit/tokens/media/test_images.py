import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.tokens.families import load_facts
from jeton.tokens.media import count_image, find_image_size, image_tokens, resized_size


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
    assert find_image_size(data) == size


STANDARD, HIGH = load_facts().tiers["standard"], load_facts().tiers["high"]


def png(width: int, height: int) -> str:
    return b64(PNG[:16] + struct.pack(">II", width, height) + b"\x00\x00")


@pytest.mark.parametrize(
    ("size", "standard", "high"),
    [
        # The documentation's table of sizes, 2026-08-22: all twelve token values.
        pytest.param((200, 200), 64, 64, id="200x200"),
        pytest.param((1000, 1000), 1296, 1296, id="1000x1000"),
        pytest.param((1092, 1092), 1521, 1521, id="1092x1092"),
        pytest.param((1920, 1080), 1560, 2691, id="1920x1080"),
        pytest.param((2000, 1500), 1564, 3888, id="2000x1500"),
        pytest.param((3840, 2160), 1560, 4784, id="3840x2160"),
        # The page of its worked example, and that page lying on its side.
        pytest.param((1075, 1520), 1551, 2145, id="a4-at-130-dpi"),
        pytest.param((1520, 1075), 1551, 2145, id="a4-on-its-side"),
        # What no camera makes.
        pytest.param((1, 1), 1, 1, id="one-pixel"),
        pytest.param((1, 2**32 - 1), 56, 92, id="a-line"),
    ],
)
def test_published_sizes_have_the_published_tokens(size: tuple[int, int], standard: int, high: int) -> None:
    assert (count_image(size, STANDARD), count_image(size, HIGH)) == (standard, high)
    assert image_tokens(png(*size), STANDARD) == standard


def test_an_image_is_downsized_as_the_documentation_does_it() -> None:
    assert resized_size((1075, 1520), STANDARD) == (924, 1307)
    assert resized_size((3840, 2160), HIGH) == (2576, 1449)
    assert resized_size((1920, 1080), STANDARD) == (1456, 819)
    assert resized_size((1092, 1092), STANDARD) == (1092, 1092)


@settings(deadline=None)
@given(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_no_image_is_more_than_its_tier(width: int, height: int) -> None:
    for tier in (STANDARD, HIGH):
        assert 1 <= count_image((width, height), tier) <= tier.tokens_max
        assert max(resized_size((width, height), tier)) <= max(tier.edge_max_px, 1)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(None, id="fetched"),
        pytest.param("", id="empty"),
        pytest.param("é" * 8, id="no base64"),
        pytest.param("A", id="a broken end"),
        pytest.param(b64(b"no image at all"), id="something else"),
        pytest.param(b64(PNG[:16] + bytes(8)), id="no pixels"),
    ],
)
def test_an_image_that_tells_no_size_has_its_tiers_maximum(data: str | None) -> None:
    assert image_tokens(data, STANDARD) == 1568
    assert image_tokens(data, HIGH) == 4784


@settings(deadline=None)
@given(st.sampled_from([b"", PNG[:12], b"GIF89a", WEBP_X[:12], b"\xff\xd8\xff"]), st.binary(max_size=80))
def test_any_bytes_have_a_size_or_none(start: bytes, rest: bytes) -> None:
    size = find_image_size(start + rest)
    assert size is None or min(size) > 0
