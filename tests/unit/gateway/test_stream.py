"""The stream observer: the same usage and the same bytes, however the stream is cut."""

from dataclasses import astuple
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.gateway import stream
from jeton.gateway.errors import UpstreamAnswerError
from jeton.gateway.stream import StreamObserver
from jeton.metering.reported import read_reported

GOLDEN = Path(__file__).parents[2] / "golden" / "streams"
NAMES = sorted(file.stem for file in GOLDEN.glob("*.sse"))
TERMINALS = {
    "message_stop": (b"event: message_stop", b'data: {"type":"message_stop"}'),
    "error": (b"event: error",),
}


class Expected(msgspec.Struct):
    """One golden file: ``usage`` as input, write 5m, write 1h, read, output, searches, thought."""

    why: str
    usage: tuple[int, int, int, int, int, int, int]
    text: str
    stop_reason: str | None
    terminal: str
    inference_geo: str = "global"
    speed: str = "standard"


def load(name: str) -> tuple[bytes, Expected]:
    expected = msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes(), type=Expected)
    return (GOLDEN / f"{name}.sse").read_bytes(), expected


def feed_all(observer: StreamObserver, chunks: list[bytes]) -> bytes:
    return b"".join(observer.feed(chunk) for chunk in chunks)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def check(observer: StreamObserver, sent: bytes, name: str) -> None:
    data, expected = load(name)
    reported = read_reported(observer.usage)
    assert reported.usage is not None
    assert astuple(reported.usage) == expected.usage
    assert (reported.inference_geo or "global", reported.speed or "standard") == (
        expected.inference_geo,
        expected.speed,
    )
    assert observer.emitted_text == expected.text
    assert observer.stop_reason == expected.stop_reason
    assert observer.is_over
    assert sent + observer.held_back == data
    assert observer.held_back.startswith(TERMINALS[expected.terminal])
    assert bool(observer.error) == (expected.terminal == "error")


def test_there_are_golden_streams() -> None:
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_in_one_chunk(name: str) -> None:
    data, _ = load(name)
    observer = StreamObserver()
    check(observer, feed_all(observer, [data]), name)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_byte_by_byte(name: str) -> None:
    data, _ = load(name)
    observer = StreamObserver()
    check(observer, feed_all(observer, [data[i : i + 1] for i in range(len(data))]), name)


@given(name=st.sampled_from(NAMES), places=st.lists(st.integers(0, 10_000), max_size=30))
def test_no_cut_changes_usage_or_bytes(name: str, places: list[int]) -> None:
    data, _ = load(name)
    observer = StreamObserver()
    check(observer, feed_all(observer, cut(data, places)), name)


@given(data=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=10))
def test_any_bytes_pass_unchanged_or_wait(data: bytes, places: list[int]) -> None:
    observer = StreamObserver()
    sent = feed_all(observer, cut(data, places))
    assert data.startswith(sent)
    assert (sent + observer.held_back == data) or not observer.is_over


@given(
    lines=st.lists(st.sampled_from([b"data: 1", b"event: ping", b"", b"x", b":"]), max_size=12),
    endings=st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=12, max_size=12),
    places=st.lists(st.integers(0, 200), max_size=10),
)
def test_whole_events_never_wait(lines: list[bytes], endings: list[bytes], places: list[int]) -> None:
    data = b"".join(line + end for line, end in zip(lines, endings, strict=False)) + b"data: 1\n\n"
    observer = StreamObserver()
    assert feed_all(observer, cut(data, places)) == data


def test_what_follows_the_end_is_held_back_too() -> None:
    observer = StreamObserver()
    assert observer.feed(b"event: message_stop\ndata: {}\n\n: late") == b""
    assert observer.feed(b" bytes\n\n") == b""
    assert observer.held_back == b"event: message_stop\ndata: {}\n\n: late bytes\n\n"


def test_an_incomplete_event_is_not_sent() -> None:
    observer = StreamObserver()
    assert observer.feed(b"event: ping\ndata: {}\n\nevent: mess") == b"event: ping\ndata: {}\n\n"
    assert observer.feed(b"age_stop\ndata: {}\n") == b""
    assert not observer.is_over
    assert observer.feed(b"\n") == b""
    assert observer.held_back == b"event: message_stop\ndata: {}\n\n"


def test_an_event_over_the_limit_is_refused() -> None:
    observer = StreamObserver()
    part = b"x" * (stream.EVENT_BYTES_MAX // 4)
    for _ in range(4):
        observer.feed(part)
    with pytest.raises(UpstreamAnswerError, match="33554432 bytes"):
        observer.feed(part)


def test_text_is_kept_without_its_events() -> None:
    observer = StreamObserver()
    event = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"ab"}}\n\n'
    )
    for _ in range(2000):
        assert observer.feed(event) == event
    assert observer._undigested_bytes <= stream.UNDIGESTED_BYTES_MAX + len(event)
    assert observer.emitted_text == "ab" * 2000


def test_a_message_start_without_usage_leaves_it_unknown() -> None:
    observer = StreamObserver()
    observer.feed(b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n')
    assert observer.has_started
    assert read_reported(observer.usage).is_missing


def delta(**fields: str) -> bytes:
    data = msgspec.json.encode({"type": "content_block_delta", "index": 0, "delta": fields})
    return b"event: content_block_delta\ndata: %b\n\n" % data


@given(texts=st.lists(st.text(), min_size=1, max_size=8), places=st.lists(st.integers(0, 2_000), max_size=10))
def test_what_a_model_wrote_is_read_whatever_it_wrote(texts: list[str], places: list[int]) -> None:
    """Text is looked for in bulk, so none may look like the place where it stands."""
    tricky = [*texts, '","text":"no', 'event: message_stop\n\n"thinking": "no"', "\\"]
    written = [
        {"type": "text_delta", "text": text} if number % 2 else {"text": text, "type": "text_delta"}
        for number, text in enumerate(tricky)
    ]
    data = b"".join(delta(**fields) for fields in written)
    observer = StreamObserver()
    assert feed_all(observer, cut(data, places)) == data
    assert observer.emitted_text == "".join(tricky)
    assert not observer.is_over


def test_an_end_behind_deltas_is_seen() -> None:
    """However events are counted in bulk, the one that ends the stream is never passed on early."""
    for end in (b"event: message_stop\ndata: {}\n\n", b'data: {"type":"message_stop"}\n\n'):
        observer = StreamObserver()
        deltas = delta(type="text_delta", text="x") * 3
        assert observer.feed(deltas + end) == deltas
        assert observer.is_over
