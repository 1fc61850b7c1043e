"""What an upstream is: something that answers a Messages request with a status and bytes.

The gateway relays what comes back without knowing which upstream made it; an upstream knows
nothing of keys, holds or money.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Literal, Protocol

import msgspec

from jeton.caching.plan import Plan
from jeton.tokens.prompt import ABSENT, Block, Message, Prompt
from jeton.upstreams.attempts import Attempt


class MessagesRequest(msgspec.Struct):
    """A validated ``POST /v1/messages`` body (claude-api: request parameters).

    A Raw field that is absent is empty, thus false in a condition.
    """

    model: str
    max_tokens: int
    messages: list[Message]
    system: str | list[Block] | None = None
    stream: bool = False
    stop_sequences: list[str] | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: msgspec.Raw = ABSENT
    thinking: msgspec.Raw = ABSENT
    cache_control: msgspec.Raw = ABSENT
    inference_geo: Literal["global", "us"] | None = None
    speed: Literal["standard", "fast"] | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    metadata: msgspec.Raw = ABSENT

    @property
    def prompt(self) -> Prompt:
        """The part that is counted."""
        return Prompt(self.model, self.messages, self.system, self.tools or [], self.tool_choice)


CountMethod = Literal["upstream", "exact"]


class Ask(msgspec.Struct, frozen=True):
    """One call: the parsed request, its untouched bytes, and the headers that travel on.

    ``headers`` has lower-case names and only what may be forwarded (anthropic-version,
    anthropic-beta, ...), never the caller's key. ``attempts`` is filled where several upstreams
    may answer, or where what an answer costs the operator is kept. ``cache`` is what is asked of a
    prompt cache, for upstreams that have none of their own.
    """

    request_id: str
    request: MessagesRequest
    body: bytes
    headers: Mapping[str, str]
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    cache: Plan | None = None


class Answer(Protocol):
    """A status and headers, then bytes until the end; closing it early cancels the upstream.

    Read it once: either ``chunks`` as they arrive or ``read`` for the whole body, never both.
    """

    @property
    def status(self) -> int:
        """The upstream's HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """What of the upstream's headers may be relayed; lower-case names."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises UpstreamError when it breaks off."""
        ...

    async def read(self) -> bytes:
        """The whole body at once, the cheaper way for JSON; raises UpstreamError when it breaks off."""
        ...

    async def close(self) -> None:
        """Let go of the connection; safe at any time, any number of times."""
        ...


class Upstream(Protocol):
    """A server (or an engine in this process) that speaks the Messages API."""

    @property
    def name(self) -> str:
        """The name it has in settings and on charges."""
        ...

    @property
    def count_method(self) -> CountMethod | None:
        """How it counts: ``exact`` if its count is what it reports and bills; None if it has no count."""
        ...

    async def send(self, ask: Ask) -> Answer:
        """Send ``POST /v1/messages``; raise UpstreamError if no answer begins."""
        ...

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """The prompt's input tokens, by this upstream's own count; raises UpstreamError."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
