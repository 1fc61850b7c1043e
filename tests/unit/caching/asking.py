"""Requests to plan with, written the way clients write them."""

from typing import Any
from uuid import UUID

import msgspec

from jeton.caching.chain import Chain, make_chain
from jeton.caching.layout import read_layout
from jeton.caching.words import Scope

SCOPE = Scope(UUID(int=1), "wrkspc_1", "claude-sonnet-5-5")
MARK = {"type": "ephemeral"}
MARK_1H = {"type": "ephemeral", "ttl": "1h"}


def body(*contents: object, **fields: Any) -> bytes:  # noqa: ANN401 - any JSON
    """A request whose messages take turns between user and assistant."""
    roles = ("user", "assistant")
    messages = [{"role": roles[turn % 2], "content": content} for turn, content in enumerate(contents)]
    return msgspec.json.encode({"model": SCOPE.model, "max_tokens": 1, "messages": messages, **fields})


def text(words: str, mark: object = None) -> dict[str, Any]:
    """A text block, marked or not."""
    return {"type": "text", "text": words} | ({} if mark is None else {"cache_control": mark})


def tool(name: str, mark: object = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """A tool, marked or not."""
    plain = {"name": name, "input_schema": {"type": "object"}, **fields}
    return plain if mark is None else {**plain, "cache_control": mark}


def chain_of(data: bytes, scope: Scope = SCOPE) -> Chain:
    """The chain of a request, with the names of all its positions."""
    layout = read_layout(data)
    return make_chain(layout, scope, range(len(layout.blocks)), default_effort="high")


def names_of(data: bytes, scope: Scope = SCOPE) -> list[bytes]:
    """The names of all prefixes of a request, in order."""
    return list(chain_of(data, scope).names.values())
