"""An upstream whose own cache is not passed on."""

from collections.abc import Mapping

import msgspec
import pytest

from jeton.tokens.prompt import Message, Prompt
from jeton.upstreams.caching.off import UncachedUpstream
from jeton.upstreams.embedded import EmbeddedAnswer
from jeton.upstreams.interface import Ask, CountMethod, MessagesRequest

USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 20,
    "cache_read_input_tokens": 70,
    "output_tokens": 5,
}
ALIKE = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 5,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "jeton_prompt_cache": {
        "reported": {"input_tokens": 10, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 70}
    },
}


class Caching:
    """A server that reports a cache of its own."""

    name = "caching"
    count_method: CountMethod | None = None

    def __init__(self, status: int = 200) -> None:
        self.status = status

    async def send(self, ask: Ask) -> EmbeddedAnswer:
        message = msgspec.json.encode({"id": "msg_1", "usage": USAGE})
        if not ask.request.stream:
            return EmbeddedAnswer(self.status, "application/json", pieces=[message])
        events = (
            b'event: message_start\ndata: {"type":"message_start","message":%b}\n\n' % message,
            b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
        )
        return EmbeddedAnswer(self.status, "text/event-stream", pieces=list(events))

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        del headers, prompt, body
        return 100

    async def close(self) -> None:
        """Nothing to close."""


def ask(*, stream: bool = False) -> Ask:
    return Ask("req_1", MessagesRequest("m", 1, [Message("user", "q")], stream=stream), b"{}", {})


async def test_every_input_token_counts_alike() -> None:
    answer = await UncachedUpstream(Caching()).send(ask())
    assert msgspec.json.decode(await answer.read())["usage"] == ALIKE


async def test_every_input_token_of_a_stream_counts_alike() -> None:
    answer = await UncachedUpstream(Caching()).send(ask(stream=True))
    start, stop = [chunk async for chunk in answer.chunks()]
    assert msgspec.json.decode(start.partition(b"data: ")[2])["message"]["usage"] == ALIKE
    assert stop.startswith(b"event: message_stop")


@pytest.mark.parametrize("status", [400, 529])
async def test_an_error_passes_as_it_came(status: int) -> None:
    answer = await UncachedUpstream(Caching(status)).send(ask())
    assert (answer.status, msgspec.json.decode(await answer.read())["usage"]) == (status, USAGE)
