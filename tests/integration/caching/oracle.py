"""The prompt cache written straight from the reference, as naively as it can be: the judge of the real one.

Prefixes are kept as they are and compared whole; every entry is looked at every time.
"""

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
FIVE_MINUTES_S, ONE_HOUR_S = 300, 3600


@dataclass
class Kept:
    """An entry: its prefix, how long it lives, and until when."""

    prefix: str
    ttl_s: int
    expires_s: int


@dataclass
class Asked:
    """A request that has started: what it hit, in blocks, and which entry that was."""

    request: Json
    scope: str
    at_s: int
    read: int
    hit: Kept | None


@dataclass
class Oracle:
    """All entries of everybody."""

    minimum: int
    entries: list[Kept] = field(default_factory=list)

    def start(self, request: Json, scope: str, at_s: int) -> Asked:
        """Items 1 and 4: at each breakpoint, from the last one, 20 positions backwards."""
        for position in sorted((position for position, _ in marks_of(request)), reverse=True):
            for checked in range(position, max(-1, position - 20), -1):
                for entry in self.entries:
                    if entry.prefix == prefix_of(request, scope, checked) and entry.expires_s > at_s:
                        return Asked(request, scope, at_s, checked + 1, entry)
        return Asked(request, scope, at_s, 0, None)

    def begin(self, asked: Asked) -> tuple[int, int, int]:
        """Items 5 to 8: write at the breakpoints that are long enough, refresh what was used; A, B, C."""
        long_enough = [
            (position, ttl_s)
            for position, ttl_s in marks_of(asked.request)
            if tokens_of(asked.request, position) >= self.minimum
        ]
        read = asked.read
        hours = [position + 1 for position, ttl_s in long_enough if ttl_s == ONE_HOUR_S and position >= read]
        write_1h = max(hours, default=read)
        ends = [position + 1 for position, _ in long_enough if position >= read]
        write_5m = max([write_1h, *ends])
        if asked.hit is not None:
            self._refresh(asked.hit.prefix, asked.hit.ttl_s, asked.at_s, is_paid=False)
        for position, ttl_s in long_enough:
            if position + 1 != read:
                prefix = prefix_of(asked.request, asked.scope, position)
                self._refresh(prefix, ttl_s, asked.at_s, is_paid=position >= read)
        return read, write_1h, write_5m

    def _refresh(self, prefix: str, ttl_s: int, at_s: int, *, is_paid: bool) -> None:
        for entry in self.entries:
            if entry.prefix == prefix and entry.expires_s > at_s:
                if is_paid:
                    entry.ttl_s = max(entry.ttl_s, ttl_s)
                entry.expires_s = max(entry.expires_s, at_s + entry.ttl_s)
                return
        self.entries = [entry for entry in self.entries if entry.prefix != prefix]
        self.entries.append(Kept(prefix, ttl_s, at_s + ttl_s))


def blocks_of(request: Json) -> list[tuple[str, str, Json]]:
    """Section, speaker and block, in the order tools, system, messages."""
    found = [("tools", "", tool) for tool in request.get("tools", [])]
    found += [("system", "", block) for block in request.get("system", [])]
    for message in request["messages"]:
        found += [("messages", message["role"], block) for block in message["content"]]
    return found


def marks_of(request: Json) -> list[tuple[int, int]]:
    """Positions and lifetimes of all breakpoints, the automatic one included."""
    found = {}
    blocks = blocks_of(request)
    for position, (_, _, block) in enumerate(blocks):
        if "cache_control" in block:
            found[position] = _ttl(block["cache_control"])
    if "cache_control" in request:
        last = [position for position, (_, _, block) in enumerate(blocks) if block.get("type") != "thinking"]
        found[last[-1]] = _ttl(request["cache_control"])
    return sorted(found.items())


def _ttl(mark: Json) -> int:
    return ONE_HOUR_S if mark.get("ttl") == "1h" else FIVE_MINUTES_S


def tokens_of(request: Json, position: int) -> int:
    """A hundred tokens a block."""
    del request
    return 100 * (position + 1)


def prefix_of(request: Json, scope: str, position: int) -> str:
    """Everything that must be equal for a prefix to be the same, by the table of item 10."""
    blocks = blocks_of(request)
    head = blocks[: position + 1]
    section = head[-1][0]
    same: list[object] = [scope, request["model"]]
    is_search = [block.get("type", "").startswith("web_search") for _, _, block in blocks]
    searches = [block for (_, _, block), found in zip(blocks, is_search, strict=True) if found]
    same.append(
        [
            (part, speaker, {name: value for name, value in block.items() if name != "cache_control"})
            for (part, speaker, block), found in zip(head, is_search, strict=False)
            if not found
        ]
    )
    if section in {"system", "messages"}:
        same += [searches, request.get("speed", "standard")]
    if section == "messages":
        same += [request.get("tool_choice", {"type": "auto"}), request.get("thinking", {"type": "disabled"})]
        same.append(any(block.get("type") == "image" for _, _, block in blocks))
    return json.dumps(same, sort_keys=True)
