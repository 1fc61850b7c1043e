"""Only usage changes; every other byte of an answer passes as it came."""

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from jeton.upstreams.caching.rewriting import EventCutter, find_event, find_message

START = (
    b"event: message_start\n"
    b'data: {"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":5}}}\n\n'
)
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
TEXT = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","delta":{"text":"message_ \\u00e9"}}\r\n\r\n'
)
DELTA = b'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens": 7}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
STREAM = START + PING + TEXT + TEXT + DELTA + STOP


@given(st.lists(st.integers(0, len(STREAM)), max_size=30).map(sorted))
def test_a_stream_cut_anywhere_comes_out_whole(cuts: list[int]) -> None:
    cutter = EventCutter()
    edges = [0, *cuts, len(STREAM)]
    pieces = [piece for start, end in pairwise(edges) for piece in cutter.feed(STREAM[start:end])]
    assert b"".join(pieces) == STREAM
    assert [piece for piece in pieces if find_event(piece)] == [START, DELTA]
    assert cutter.rest == b""


def test_what_broke_off_inside_an_event_is_not_lost() -> None:
    cutter = EventCutter()
    assert cutter.feed(PING + DELTA[:20]) == [PING]
    assert cutter.rest == DELTA[:20]


def test_an_event_keeps_everything_but_its_usage() -> None:
    carrier = find_event(START)
    assert carrier is not None
    assert carrier.message_id == "msg_1"
    carrier.usage["input_tokens"] = msgspec.Raw(b"3")
    assert carrier.render() == START.replace(b'"input_tokens":5', b'"input_tokens":3')


def test_a_message_keeps_everything_but_its_usage() -> None:
    body = b'{"id":"msg_1","content":[{"text":  "\\u00e9", "n": 1.50}],"usage":{"input_tokens":5,"x":null}}'
    carrier = find_message(body)
    assert carrier is not None
    carrier.usage["input_tokens"] = msgspec.Raw(b"3")
    assert carrier.render() == body.replace(b'"input_tokens":5', b'"input_tokens":3')


def test_what_has_no_usage_is_nobodys_business() -> None:
    assert find_message(b'{"type":"error"}') is None
    assert find_message(b"<html>") is None
    assert find_message(b'{"usage": 5}') is None
    assert find_event(b"event: message_start\ndata: {half") is None
    assert find_event(PING) is None
