"""Plan: what a request asks of the prompt cache, known before it is held. Pure."""

import msgspec

from jeton.caching.layout import Layout, may_be_marked, read_layout
from jeton.caching.marks import list_breakpoints
from jeton.caching.words import Breakpoint, Scope


class Plan(msgspec.Struct, frozen=True):
    """A request's layout and breakpoints (at least one), and whose cache it uses."""

    scope: Scope
    layout: Layout
    breakpoints: tuple[Breakpoint, ...]
    body_bytes: int


def make_plan(body: bytes, scope: Scope) -> Plan | None:
    """The plan of a request's body; None when nothing of it is marked, which costs a look at its bytes.

    Raises CacheControlError for marks that contradict a rule.
    """
    if not may_be_marked(body):
        return None
    layout = read_layout(body)
    breakpoints = list_breakpoints(layout)
    return Plan(scope, layout, breakpoints, len(body)) if breakpoints else None
