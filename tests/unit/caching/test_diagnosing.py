"""What is said to have broken a hit (claude-api section 3, item 14)."""

from typing import Any

import pytest
from tests.unit.caching.asking import SCOPE, body, chain_of, text, tool

from jeton.caching.diagnosing import find_miss
from jeton.caching.words import Miss, Scope

BASE: dict[str, Any] = {"tools": [tool("a")], "system": [text("s")]}
EARLIER = chain_of(body("q", **BASE)).trace(SCOPE, cached_tokens=9000)
OTHER_MODEL = Scope(SCOPE.organization_id, SCOPE.workspace_id, "claude-opus-5")


@pytest.mark.parametrize(
    ("data", "scope", "reason"),
    [
        pytest.param(body("q", "a", "q2", **BASE), SCOPE, "unavailable", id="nothing: it has expired"),
        pytest.param(body("q", "a", "q2", **BASE), OTHER_MODEL, "model_changed", id="model"),
        pytest.param(body("q", system=[text("s")]), SCOPE, "tools_changed", id="tools"),
        pytest.param(body("q", **{**BASE, "system": [text("t")]}), SCOPE, "system_changed", id="system"),
        pytest.param(body("q", **BASE, speed="fast"), SCOPE, "system_changed", id="a setting of the system"),
        pytest.param(body("p", "a", "q2", **BASE), SCOPE, "messages_changed", id="an earlier message"),
        pytest.param(body("q", **BASE, tool_choice={"type": "any"}), SCOPE, "messages_changed", id="choice"),
    ],
)
def test_the_first_part_that_has_changed_is_named(data: bytes, scope: Scope, reason: str) -> None:
    miss = find_miss(EARLIER, chain_of(data, scope), scope, read_tokens=2000, total=10_000)
    assert miss == Miss(reason, 7000)  # type: ignore[arg-type]  # a literal of the table


def test_who_read_all_that_was_cached_missed_nothing() -> None:
    chain = chain_of(body("q", "a", "q2", **BASE))
    assert find_miss(EARLIER, chain, SCOPE, read_tokens=9000, total=10_000) is None


def test_no_more_is_missed_than_the_prompt_has() -> None:
    chain = chain_of(body("p", **BASE))
    assert find_miss(EARLIER, chain, SCOPE, read_tokens=0, total=800) == Miss("messages_changed", 800)


def test_of_an_unknown_message_nobody_knows_how_many() -> None:
    chain = chain_of(body("q", **BASE))
    expected = Miss("previous_message_not_found")
    assert find_miss(None, chain, SCOPE, read_tokens=0, total=10) == expected
