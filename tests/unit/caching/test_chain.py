"""What keeps a prefix and what loses it (claude-api section 3, items 1, 10 and 12)."""

from typing import Any
from uuid import UUID

import pytest
from tests.unit.caching.asking import MARK, SCOPE, body, chain_of, names_of, text, tool

from jeton.caching.words import Scope

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
CITED = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}
BASE: dict[str, Any] = {"tools": [tool("a"), tool("b")], "system": [text("s")]}


def kept(before: bytes, after: bytes) -> tuple[bool, bool, bool]:
    """Whether the caches of tools, system and of the first message survive a change."""
    old, new = chain_of(before), chain_of(after)
    return old.tools == new.tools, old.system == new.system, bool({*old.names.values()} & _first_message(new))


def _first_message(chain: Any) -> set[bytes]:  # noqa: ANN401 - of one Chain
    return set(list(chain.names.values())[3:])


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(body("q", **BASE), (True, True, True), id="nothing"),
        pytest.param(body("q", "a", "q2", **BASE), (True, True, True), id="a turn more"),
        pytest.param(
            body("q", **{**BASE, "tools": [tool("a"), tool("c")]}), (False, False, False), id="tools"
        ),
        pytest.param(
            body("q", **{**BASE, "tools": [tool("b"), tool("a")]}), (False, False, False), id="order"
        ),
        pytest.param(
            body("q", **{**BASE, "tools": [*BASE["tools"], SEARCH]}), (True, False, False), id="web search"
        ),
        pytest.param(body("q", **BASE, speed="fast"), (True, False, False), id="speed"),
        pytest.param(body("q", **{**BASE, "system": [text("other")]}), (True, False, False), id="system"),
        pytest.param(
            body("q", "a", [{**CITED, "citations": {"enabled": True}}], **BASE),
            (True, False, False),
            id="citations",
        ),
        pytest.param(body("q", **BASE, tool_choice={"type": "any"}), (True, True, False), id="tool_choice"),
        pytest.param(
            body("q", **BASE, tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
            (True, True, False),
            id="disable_parallel_tool_use",
        ),
        pytest.param(body("q", "a", [IMAGE], **BASE), (True, True, False), id="an image added"),
        pytest.param(
            body("q", "a", [{"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}], **BASE),
            (True, True, False),
            id="an image added in a result",
        ),
        pytest.param(
            body("q", **BASE, thinking={"type": "enabled", "budget_tokens": 2048}),
            (True, True, False),
            id="thinking",
        ),
        pytest.param(body("q", **BASE, output_config={"effort": "low"}), (True, True, False), id="effort"),
        pytest.param(
            body("q", **BASE, output_config={"effort": "high"}), (True, True, True), id="the default effort"
        ),
        pytest.param(
            body("q", **BASE, tool_choice={"type": "auto"}), (True, True, True), id="default choice"
        ),
        pytest.param(body("q", **BASE, thinking={"type": "disabled"}), (True, True, True), id="no thinking"),
        pytest.param(body("q", **BASE, temperature=0.5), (True, True, True), id="what is no part of it"),
    ],
)
def test_a_change_loses_its_section_and_those_after_it(
    after: bytes, expected: tuple[bool, bool, bool]
) -> None:
    assert kept(body("q", **BASE), after) == expected


def test_a_mark_is_no_part_of_the_prefix() -> None:
    marked = body([text("a", MARK)], [text("b", MARK)], system=[text("s", MARK)], tools=[tool("t", MARK)])
    plain = body([text("a")], [text("b")], system=[text("s")], tools=[tool("t")])
    assert names_of(marked) == names_of(plain)


def test_a_mark_inside_a_result_is_no_part_of_the_prefix() -> None:
    def result(mark: object) -> bytes:
        return body("q", [{"type": "tool_result", "tool_use_id": "t", "content": [text("r", mark)]}])

    assert names_of(result(MARK)) == names_of(result(None))


def test_a_string_is_the_text_block_for_which_it_stands() -> None:
    assert names_of(body("a", system="s")) == names_of(body([text("a")], system=[text("s")]))


def test_who_speaks_is_part_of_the_prefix() -> None:
    assert names_of(body("a", "b"))[1] != names_of(body([text("a"), text("b")]))[1]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Scope(UUID(int=2), SCOPE.workspace_id, SCOPE.model), id="organization"),
        pytest.param(Scope(SCOPE.organization_id, "wrkspc_2", SCOPE.model), id="workspace"),
        pytest.param(Scope(SCOPE.organization_id, SCOPE.workspace_id, "claude-opus-5"), id="model"),
    ],
)
def test_nothing_is_shared_between_two_of_them(other: Scope) -> None:
    data = body("q", "a", **BASE)
    assert not {*names_of(data)} & {*names_of(data, other)}


def test_fields_cannot_run_into_each_other() -> None:
    one = [{"type": "text", "text": "a", "title": "b"}]
    other = [{"type": "text", "text": "a\x00title 3 b"}]
    assert names_of(body(one)) != names_of(body(other))


def test_every_prefix_has_a_name_of_its_own() -> None:
    names = names_of(body("a", "a", "a", "a", **BASE))
    assert len({*names}) == len(names) == 7
