"""What a real server of somebody else's said, byte for byte, through the whole upstream.

Recorded from ``transformers serve`` 5.23 by ``python -m tests.live.chat_server --record``, which also
asks it live.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.upstreams.playing import Script, Talk, playing

from jeton.gateway.stream import StreamObserver
from jeton.metering.reported import read_reported
from jeton.upstreams.interface import Ask, MessagesRequest
from jeton.upstreams.openai_compatible.request import Dialect
from jeton.upstreams.openai_compatible.upstream import OpenAICompatibleUpstream
from jeton.usage import Usage

RECORDED = Path(__file__).parents[2] / "golden" / "chat" / "transformers_serve"
QUESTION = {"role": "user", "content": "What is a jeton?"}
# One token a byte, and three marks: the words user and assistant, the question, four ends of lines.
PROMPT_TOKENS = 35


def replay(name: str, seen: list[bytes]) -> Script:
    recorded = (RECORDED / f"{name}.answer").read_bytes()
    head, _, body = recorded.partition(b"\n")
    status, _, content_type = head.partition(b" ")

    async def script(talk: Talk) -> None:
        seen.append(await talk.take())
        await talk.say(
            b"HTTP/1.1 %b Recorded\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
            % (status, content_type, len(body))
        )
        # In pieces that have nothing to do with events.
        for start in range(0, len(body), 100):
            await talk.say(body[start : start + 100])

    return script


async def ask(name: str, **fields: Any) -> tuple[int, bytes, dict[str, Any]]:  # noqa: ANN401 - JSON of any shape
    request = {"model": "tiny-random", "max_tokens": 8, "messages": [QUESTION], **fields}
    body = msgspec.json.encode(request)
    seen: list[bytes] = []
    async with playing(replay(name, seen)) as peer:
        upstream = OpenAICompatibleUpstream(
            "theirs", f"{peer.url}/v1", api_key="sk-theirs", dialect=Dialect((("tiny-random", "org/tiny"),))
        )
        async with upstream:
            answer = await upstream.send(
                Ask("req_1", msgspec.json.decode(body, type=MessagesRequest), body, {})
            )
            is_stream = answer.headers["content-type"].startswith("text/event-stream")
            said = b"".join([chunk async for chunk in answer.chunks()]) if is_stream else await answer.read()
            await answer.close()
    head, _, asked = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"authorization: Bearer sk-theirs" in head
    return answer.status, said, msgspec.json.decode(asked)


async def test_a_completion_is_a_message_with_its_usage() -> None:
    status, said, asked = await ask("text")
    message = msgspec.json.decode(said)
    assert (status, asked["model"]) == (200, "org/tiny")
    assert message["content"][0]["text"]
    assert (message["model"], message["stop_reason"]) == ("tiny-random", "max_tokens")
    assert read_reported(msgspec.json.encode(message["usage"])).usage == Usage(PROMPT_TOKENS, output_tokens=8)


async def test_a_stream_is_a_stream_with_its_usage() -> None:
    """It ends without ``[DONE]``, and its usage comes with the last choice."""
    status, said, asked = await ask("stream", stream=True)
    observer = StreamObserver()
    observer.feed(said)
    assert (status, asked["stream_options"]) == (200, {"include_usage": True})
    assert (observer.is_over, observer.stop_reason) == (True, "max_tokens")
    assert observer.emitted_text
    assert read_reported(observer.usage).usage == Usage(PROMPT_TOKENS, output_tokens=8)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [("unknown_field", 422, "top_k"), ("no_messages", 500, "")],
)
async def test_its_errors_are_envelopes_with_its_words(name: str, status: int, words: str) -> None:
    answered, said, _ = await ask(name)
    assert answered == status
    if words:
        envelope = msgspec.json.decode(said)
        assert envelope["error"]["type"] == "invalid_request_error"
        assert words in envelope["error"]["message"]
