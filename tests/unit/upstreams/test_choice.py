"""Who is asked, in which order, and when nobody else is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import msgspec
import pytest

from jeton.errors import UpstreamError
from jeton.tokens.prompt import Prompt
from jeton.upstreams.choice import ATTEMPTS_MAX, Candidate, Choice
from jeton.upstreams.circuit import FAILURES_MAX
from jeton.upstreams.errors import UpstreamTimeoutError, UpstreamUnreachableError
from jeton.upstreams.interface import Ask, CountMethod, MessagesRequest

STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


@dataclass
class Said:
    """An answer that is there; an error among its pieces breaks it off."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: STREAM)
    pieces: tuple[bytes | UpstreamError, ...] = (b"one", b"two")
    is_closed: bool = False

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, UpstreamError):
                raise piece
            yield piece

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class Scripted:
    """An upstream that does what it was told, again and again."""

    name: str
    does: Callable[[], Said] | UpstreamError | None = None
    asked: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    was_left: bool = False
    count_method: CountMethod | None = None

    async def send(self, ask: Ask) -> Said:
        self.asked += 1
        self.was_asked.set()
        if isinstance(self.does, UpstreamError):
            raise self.does
        if self.does is not None:
            return self.does()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_left = True
            raise
        raise AssertionError(ask)

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        del headers, prompt
        return len(body)

    async def close(self) -> None:
        raise AssertionError(self.name)


def saying(said: Said) -> Callable[[], Said]:
    return lambda: said


def ask(*, is_stream: bool = True) -> Ask:
    body = msgspec.json.encode({"model": "m", "max_tokens": 1, "messages": [], "stream": is_stream})
    return Ask("req_1", msgspec.json.decode(body, type=MessagesRequest), body, {})


def outcomes(asked: Ask) -> list[tuple[str, str, int]]:
    return [(attempt.upstream, attempt.outcome, attempt.status) for attempt in asked.attempts]


async def test_the_first_one_answers_and_nobody_else_is_asked() -> None:
    first, second = Scripted("a", Said), Scripted("b", Said)
    asked = ask()
    answer = await Choice([Candidate(first), Candidate(second)]).send(asked)
    assert [chunk async for chunk in answer.chunks()] == [b"one", b"two"]
    assert outcomes(asked) == [("a", "answered", 200)]
    assert second.asked == 0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UpstreamUnreachableError("x"), "unreachable"),
        (UpstreamTimeoutError("x"), "timed_out"),
        (UpstreamError("x"), "failed"),
    ],
    ids=["unreachable", "late", "broken"],
)
async def test_after_a_failure_comes_the_next(error: UpstreamError, outcome: str) -> None:
    asked = ask()
    answer = await Choice([Candidate(Scripted("a", error)), Candidate(Scripted("b", Said))]).send(asked)
    assert answer.status == 200
    assert outcomes(asked) == [("a", outcome, 0), ("b", "answered", 200)]


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500, 503, 529])
async def test_what_is_about_the_upstream_is_tried_elsewhere(status: int) -> None:
    said = Said(status, JSON)
    asked = ask(is_stream=False)
    choice = Choice(
        [Candidate(Scripted("a", lambda: said)), Candidate(Scripted("b", lambda: Said(200, JSON)))]
    )
    assert (await choice.send(asked)).status == 200
    assert outcomes(asked) == [("a", "refused", status), ("b", "answered", 200)]
    assert said.is_closed


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_what_the_caller_did_is_final(status: int) -> None:
    second = Scripted("b", Said)
    choice = Choice([Candidate(Scripted("a", lambda: Said(status, JSON))), Candidate(second)])
    assert (await choice.send(ask())).status == status
    assert second.asked == 0


async def test_a_stream_without_a_first_byte_is_tried_elsewhere() -> None:
    for pieces in ((), (UpstreamError("broken off"),)):
        asked = ask()
        said = Said(pieces=pieces)
        choice = Choice([Candidate(Scripted("a", saying(said))), Candidate(Scripted("b", Said))])
        assert [chunk async for chunk in (await choice.send(asked)).chunks()] == [b"one", b"two"]
        assert outcomes(asked) == [("a", "failed", 0), ("b", "answered", 200)]
        assert said.is_closed


async def test_after_a_first_byte_a_break_is_the_answer() -> None:
    second = Scripted("b", Said)
    said = Said(pieces=(b"one", UpstreamError("broken off")))
    answer = await Choice([Candidate(Scripted("a", lambda: said)), Candidate(second)]).send(ask())
    chunks = answer.chunks()
    assert await anext(chunks) == b"one"
    with pytest.raises(UpstreamError, match="broken off"):
        await anext(chunks)
    assert second.asked == 0


async def test_a_stream_that_does_not_begin_is_left() -> None:
    first = Scripted("a")
    asked = ask()
    choice = Choice([Candidate(first, first_byte_s=0.01), Candidate(Scripted("b", Said))])
    assert (await choice.send(asked)).status == 200
    assert (first.was_left, outcomes(asked)[0]) == (True, ("a", "timed_out", 0))


async def test_the_last_failure_is_the_answer() -> None:
    choice = Choice(
        [Candidate(Scripted("a", UpstreamError("x"))), Candidate(Scripted("b", UpstreamError("y")))]
    )
    with pytest.raises(UpstreamError, match="y"):
        await choice.send(ask())
    busy = Choice(
        [Candidate(Scripted("a", UpstreamError("x"))), Candidate(Scripted("b", lambda: Said(529, JSON)))]
    )
    assert (await busy.send(ask())).status == 529


async def test_leaving_is_noted_and_ends_the_try() -> None:
    first, second = Scripted("a"), Scripted("b", Said)
    asked = ask()
    task = asyncio.create_task(_send(Choice([Candidate(first), Candidate(second)]), asked))
    await first.was_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (outcomes(asked), first.was_left, second.asked) == ([("a", "abandoned", 0)], True, 0)


async def _send(choice: Choice, asked: Ask) -> None:
    await choice.send(asked)


async def test_who_fails_again_and_again_is_asked_last_but_still_asked() -> None:
    first, second = Candidate(Scripted("a", UpstreamError("x"))), Candidate(Scripted("b", Said))
    choice = Choice([first, second])
    for _ in range(FAILURES_MAX):
        await choice.send(ask())
    asked = ask()
    await choice.send(asked)
    assert outcomes(asked) == [("b", "answered", 200)]
    alone = ask()
    with pytest.raises(UpstreamError):
        await Choice([first]).send(alone)
    assert outcomes(alone) == [("a", "failed", 0)]


async def test_who_asks_for_rest_gets_it() -> None:
    said = Said(429, {**JSON, "retry-after": "7"})
    first, second = Candidate(Scripted("a", lambda: said)), Candidate(Scripted("b", Said))
    choice = Choice([first, second])
    await choice.send(ask())
    asked = ask()
    await choice.send(asked)
    assert outcomes(asked) == [("b", "answered", 200)]


async def test_no_request_is_tried_without_end() -> None:
    upstreams = [Scripted(str(number), UpstreamError("x")) for number in range(ATTEMPTS_MAX + 3)]
    asked = ask()
    with pytest.raises(UpstreamError):
        await Choice([Candidate(upstream) for upstream in upstreams]).send(asked)
    assert len(asked.attempts) == ATTEMPTS_MAX


async def test_it_counts_as_the_first_one_does_and_closes_nobody() -> None:
    first = Scripted("a", count_method="upstream")
    choice = Choice([Candidate(first), Candidate(Scripted("b"))])
    assert (choice.name, choice.count_method) == ("a", "upstream")
    assert await choice.count_tokens({}, Prompt("m", []), b"12345") == 5
    await choice.close()
