"""What may be marked, and the documented sentences for what may not (claude-api section 3)."""

from typing import Any

import pytest
from tests.unit.caching.asking import MARK, MARK_1H, body, text, tool

from jeton.caching.errors import CacheControlError
from jeton.caching.layout import read_layout
from jeton.caching.marks import list_breakpoints

THINKING = {"type": "thinking", "thinking": "hm", "signature": "s"}


def breakpoints(data: bytes) -> list[tuple[int, int]]:
    return [(mark.position, mark.ttl_s) for mark in list_breakpoints(read_layout(data))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(body("hello"), [], id="no mark"),
        pytest.param(body([text("a", MARK)]), [(0, 300)], id="five minutes are the default"),
        pytest.param(body([text("a", {"type": "ephemeral", "ttl": "5m"})]), [(0, 300)], id="5m"),
        pytest.param(body([text("a", MARK_1H)]), [(0, 3600)], id="1h"),
        pytest.param(body([text("a", {**MARK, "scope": "later"})]), [(0, 300)], id="a field of later"),
        pytest.param(
            body([text("a"), text("b", MARK)], tools=[tool("t", MARK_1H)], system=[text("s", MARK)]),
            [(0, 3600), (1, 300), (3, 300)],
            id="tools, then system, then messages",
        ),
        pytest.param(body("a", system="s", cache_control=MARK), [(1, 300)], id="automatic: the last block"),
        pytest.param(body("a", cache_control=MARK_1H), [(0, 3600)], id="automatic for an hour"),
        pytest.param(body([text("a", MARK)], cache_control=MARK), [(0, 300)], id="marked already"),
        pytest.param(
            body("a", [text("b"), THINKING], cache_control=MARK), [(1, 300)], id="thinking is passed over"
        ),
        pytest.param(body([THINKING], cache_control=MARK), [], id="nothing can be marked"),
        pytest.param(
            body(
                [text("a", MARK), text("b", MARK), text("c", MARK)],
                cache_control=MARK,
                system=[text("s", MARK)],
            ),
            [(0, 300), (1, 300), (2, 300), (3, 300)],
            id="four marks, the last of them on the last block",
        ),
        pytest.param(
            body("q", "a", [{"type": "tool_result", "tool_use_id": "t", "content": [text("r", MARK)]}]),
            [(2, 300)],
            id="a mark inside a result is the result's",
        ),
        pytest.param(body("a", cache_control=None), [], id="null is no mark"),
        pytest.param(body([{**text("a"), "cache_control": None}]), [], id="null on a block is no mark"),
    ],
)
def test_marks_become_breakpoints(data: bytes, expected: list[tuple[int, int]]) -> None:
    assert breakpoints(data) == expected


FIVE = [text(letter, MARK) for letter in "abcde"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(
            body(FIVE), "A maximum of 4 blocks with cache_control may be provided. Found 5.", id="five"
        ),
        pytest.param(
            body([*FIVE[:4], text("f")], cache_control=MARK),
            "A maximum of 4 blocks with cache_control may be provided. Found 4 and the automatic one.",
            id="four and the automatic one",
        ),
        pytest.param(
            body([text("a", MARK), text("b", MARK_1H)]),
            "messages.0.content.1.cache_control.ttl: a ttl='1h' cache_control block must not come after a"
            " ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`,"
            " `system`, `messages`.",
            id="an hour after five minutes",
        ),
        pytest.param(
            body("a", system=[text("s", MARK)], cache_control=MARK_1H),
            "messages.0.content.0.cache_control.ttl: a ttl='1h'",
            id="an automatic hour after five minutes",
        ),
        pytest.param(
            body([text("a", {"type": "persistent"})]),
            "messages.0.content.0.cache_control.type: Input should be 'ephemeral', got 'persistent'",
            id="an unknown type",
        ),
        pytest.param(
            body("a", tools=[tool("t", {"ttl": "5m"})]),
            "tools.0.cache_control: Object missing required field `type`",
            id="no type",
        ),
        pytest.param(
            body("a", system=[text("s", {"type": "ephemeral", "ttl": "1d"})]),
            "system.0.cache_control.ttl: Invalid enum value '1d'",
            id="an unknown ttl",
        ),
        pytest.param(
            body("a", cache_control={"type": "none"}),
            "cache_control.type: Input should be 'ephemeral', got 'none'",
            id="automatic of an unknown type",
        ),
        pytest.param(
            body([text("a", MARK)], cache_control=MARK_1H),
            "cache_control: messages.0.content.0 has a cache_control with another ttl",
            id="automatic with another ttl than the last block",
        ),
        pytest.param(
            body("a", [{**THINKING, "cache_control": MARK}]),
            "messages.1.content.0.cache_control: Extra inputs are not permitted on a thinking block",
            id="thinking",
        ),
        pytest.param(
            body([text("", MARK)]),
            "messages.0.content.0.cache_control: cache_control cannot be set for empty text blocks",
            id="empty text",
        ),
        pytest.param(body("a", tools=[1]), "tools.0: Expected `object`, got `int`", id="a tool that is none"),
    ],
)
def test_marks_that_contradict_a_rule_are_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(CacheControlError) as refusal:
        breakpoints(data)
    assert str(refusal.value).startswith(sentence)


def test_no_blocks_leave_nothing_to_mark() -> None:
    fields: dict[str, Any] = {"cache_control": MARK}
    assert breakpoints(body([], **fields)) == []
