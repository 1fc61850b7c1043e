"""When there is anything to plan at all."""

import pytest
from tests.unit.caching.asking import MARK, SCOPE, body, text

from jeton.caching.plan import make_plan
from jeton.caching.words import Breakpoint

ESCAPED = body([text("é", MARK)]).replace(b"cache_control", rb"\u0063ache\u005fcontrol")


@pytest.mark.parametrize(
    ("data", "breakpoints"),
    [
        pytest.param(body("hello"), None, id="no mark"),
        pytest.param(body("see cache_control"), None, id="the word alone"),
        pytest.param(body(text("é")["text"]).replace("é".encode(), rb"\u00e9"), None, id="an escape alone"),
        pytest.param(body([text("a", MARK)]), (Breakpoint(0, 300),), id="a mark"),
        pytest.param(ESCAPED, (Breakpoint(0, 300),), id="a mark in escapes"),
    ],
)
def test_a_plan_is_made_for_marks_only(data: bytes, breakpoints: tuple[Breakpoint, ...] | None) -> None:
    plan = make_plan(data, SCOPE)
    assert (plan and plan.breakpoints) == breakpoints
