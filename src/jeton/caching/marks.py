"""Marks: from what a request marks to its breakpoints, or one sentence why not. Pure.

Sources of the rules: claude-api section 3, items 2, 3, 6, 7 and 11.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from jeton.caching.errors import CacheControlError
from jeton.caching.layout import MARK, Block, Layout
from jeton.caching.words import BREAKPOINTS_MAX, FIVE_MINUTES_S, ONE_HOUR_S, Breakpoint

TTLS_S = {"5m": FIVE_MINUTES_S, "1h": ONE_HOUR_S}
NAME_CHARACTERS_MAX = 40
_THINKING = frozenset({b'"thinking"', b'"redacted_thinking"'})
_TEXT, _EMPTY = b'"text"', b'""'


class _Mark(msgspec.Struct):
    type: str
    ttl: Literal["5m", "1h"] | None = None


_MARK = msgspec.json.Decoder(_Mark)


def list_breakpoints(layout: Layout) -> tuple[Breakpoint, ...]:
    """The breakpoints of a request, in order; CacheControlError for marks that contradict a rule."""
    found = [
        Breakpoint(position, _read_ttl(block.mark, f"{block.path}.{MARK}", block))
        for position, block in enumerate(layout.blocks)
        if block.mark
    ]
    explicit = len(found)
    if layout.automatic:
        _add_automatic(found, _read_ttl(layout.automatic, MARK), layout.blocks)
    if len(found) > BREAKPOINTS_MAX:
        extra = "" if explicit == len(found) else " and the automatic one"
        raise CacheControlError(
            f"A maximum of {BREAKPOINTS_MAX} blocks with cache_control may be provided."
            f" Found {explicit}{extra}."
        )
    _require_order(found, layout)
    return tuple(found)


def _read_ttl(mark: msgspec.Raw, path: str, block: Block | None = None) -> int:
    """The lifetime that a mark asks for, in seconds."""
    try:
        decoded = _MARK.decode(mark)
    except msgspec.ValidationError as error:
        problem, _, field = str(error).partition(" - at `$")
        raise CacheControlError(f"{path}{field.rstrip('`')}: {problem}"[:500]) from None
    if decoded.type != "ephemeral":
        name = decoded.type[:NAME_CHARACTERS_MAX]
        raise CacheControlError(f"{path}.type: Input should be 'ephemeral', got '{name}'")
    if block is not None and block.kind in _THINKING:
        raise CacheControlError(f"{path}: Extra inputs are not permitted on a thinking block")
    if block is not None and not _is_eligible(block):
        raise CacheControlError(f"{path}: cache_control cannot be set for empty text blocks")
    return TTLS_S[decoded.ttl or "5m"]


def _is_eligible(block: Block) -> bool:
    if block.kind in _THINKING:
        return False
    return block.kind != _TEXT or bytes(block.fields.get("text", b"")) != _EMPTY


def _add_automatic(found: list[Breakpoint], ttl_s: int, blocks: Sequence[Block]) -> None:
    """Mark the last block that can be marked; none if there is none, or if it is marked so already."""
    eligible = (position for position in reversed(range(len(blocks))) if _is_eligible(blocks[position]))
    position = next(eligible, None)
    if position is None:
        return
    if found and found[-1].position == position:
        if found[-1].ttl_s != ttl_s:
            raise CacheControlError(
                f"{MARK}: {blocks[position].path} has a cache_control with another ttl; give both the same"
            )
        return
    found.append(Breakpoint(position, ttl_s))


def _require_order(found: Sequence[Breakpoint], layout: Layout) -> None:
    for earlier, later in pairwise(found):
        if earlier.ttl_s < later.ttl_s:
            path = layout.blocks[later.position].path
            raise CacheControlError(
                f"{path}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m'"
                " cache_control block. Note that blocks are processed in the following order:"
                " `tools`, `system`, `messages`."
            )
