"""Choice: several upstreams for one model, asked one after the other until one begins to answer.

One request is one hold and one charge whatever is tried: this is one upstream to the gateway, and
every try is noted in the request's attempts. Nobody is asked after a first byte has come, and a
refusal that is the caller's own fault is final (decision 14).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from jeton import clock
from jeton.errors import UpstreamError
from jeton.tokens.prompt import Prompt
from jeton.upstreams.attempts import Attempt
from jeton.upstreams.circuit import Circuit
from jeton.upstreams.errors import UpstreamTimeoutError, UpstreamUnreachableError
from jeton.upstreams.interface import Answer, Ask, CountMethod, Upstream

ATTEMPTS_MAX = 4
_OK, _SERVER_ERROR = 200, 500
_BUSY = frozenset({429, 503, 529})
# About this upstream or the operator's account there, never about what the caller asked.
_NOT_THE_CALLERS = frozenset({401, 402, 403, 404, 408, 429})
# What no other upstream's standing is measured by: it is well, and has not got the model.
_HARMLESS = frozenset({404})
_MS_PER_S = 1_000
_STREAM = "text/event-stream"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One upstream of a choice, its standing, and how long a stream's first byte may take there."""

    upstream: Upstream
    circuit: Circuit = field(default_factory=Circuit)
    first_byte_s: float | None = None


class Choice:
    """The upstreams of a model, best first; to the gateway they are one, of the first one's name."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        """``candidates`` are shared with other choices, and closed by whoever made them."""
        self._candidates = tuple(candidates)
        self._first = self._candidates[0].upstream
        self.name = self._first.name

    @property
    def count_method(self) -> CountMethod | None:
        """The first one's."""
        return self._first.count_method

    async def send(self, ask: Ask) -> Answer:
        """The first answer that begins; raises the last one's UpstreamError when none does."""
        candidates = self._ranked()
        for left, candidate in zip(range(len(candidates) - 1, -1, -1), candidates, strict=True):
            try:
                answer = await _try(candidate, ask)
            except UpstreamError as error:
                if not left:
                    raise
                _log.warning("attempt_failed", upstream=candidate.upstream.name, problem=str(error))
                continue
            if not left or not _is_anothers(answer.status):
                return answer
            _log.warning("attempt_refused", upstream=candidate.upstream.name, status=answer.status)
            await answer.close()
        raise UpstreamUnreachableError(f"The upstream {self.name} has nobody to ask.")

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """What the first one counts; raises its UpstreamError."""
        return await self._first.count_tokens(headers, prompt, body)

    async def close(self) -> None:
        """Nothing of its own to close."""

    def _ranked(self) -> list[Candidate]:
        """Those in good standing first; the others are still better than nobody."""
        now = asyncio.get_running_loop().time()
        ranked = sorted(self._candidates, key=lambda candidate: candidate.circuit.is_open(now))
        return ranked[:ATTEMPTS_MAX]


def _is_anothers(status: int) -> bool:
    """Whether another upstream may answer this better."""
    return status >= _SERVER_ERROR or status in _NOT_THE_CALLERS


async def _try(candidate: Candidate, ask: Ask) -> Answer:
    """Ask one upstream and wait for its answer to begin, which a stream does with its first byte."""
    loop = asyncio.get_running_loop()
    upstream, circuit = candidate.upstream, candidate.circuit
    attempt = Attempt(upstream.name, clock.now())
    ask.attempts.append(attempt)
    began = loop.time()
    circuit.begin(began)
    try:
        answer = await _begin(candidate, ask)
    except UpstreamError as error:
        match error:
            case UpstreamUnreachableError():
                attempt.outcome = "unreachable"
            case UpstreamTimeoutError():
                attempt.outcome = "timed_out"
            case _:
                attempt.outcome = "failed"
        circuit.note_failure(loop.time())
        raise
    except asyncio.CancelledError:
        attempt.outcome = "abandoned"
        raise
    finally:
        attempt.first_byte_ms = round((loop.time() - began) * _MS_PER_S)
    attempt.status = answer.status
    attempt.outcome = "answered" if answer.status == _OK else "refused"
    _judge(circuit, answer, loop.time())
    return answer


def _judge(circuit: Circuit, answer: Answer, now: float) -> None:
    status = answer.status
    if status in _BUSY:
        wait = answer.headers.get("retry-after", "")
        if wait.isdecimal() and len(wait) < len(str(_MS_PER_S)):
            circuit.rest(now, float(wait))
    if _is_anothers(status) and status not in _HARMLESS:
        circuit.note_failure(now)
    else:
        circuit.note_success()


async def _begin(candidate: Candidate, ask: Ask) -> Answer:
    upstream = candidate.upstream
    if not ask.request.stream:
        return await upstream.send(ask)
    try:
        async with asyncio.timeout(candidate.first_byte_s):
            answer = await upstream.send(ask)
            if answer.status != _OK or not answer.headers.get("content-type", "").startswith(_STREAM):
                return answer
            return await _peek(answer, upstream.name)
    except TimeoutError as error:
        sentence = (
            f"The upstream {upstream.name} did not begin its answer within {candidate.first_byte_s or 0:g} s."
        )
        raise UpstreamTimeoutError(sentence) from error


async def _peek(answer: Answer, name: str) -> "BegunAnswer":
    chunks = answer.chunks()
    try:
        first = await anext(chunks)
    except StopAsyncIteration:
        await answer.close()
        raise UpstreamError(f"The upstream {name} ended its answer before it had begun.") from None
    except BaseException:
        await answer.close()
        raise
    return BegunAnswer(answer, first, chunks)


class BegunAnswer:
    """An answer whose first bytes are here."""

    __slots__ = ("_answer", "_chunks", "_first", "headers", "status")

    def __init__(self, answer: Answer, first: bytes, chunks: AsyncIterator[bytes]) -> None:
        """``chunks`` are the rest."""
        self.status = answer.status
        self.headers = answer.headers
        self._answer = answer
        self._first = first
        self._chunks = chunks

    async def chunks(self) -> AsyncIterator[bytes]:
        """The first bytes, then the rest; raises UpstreamError when it breaks off."""
        try:
            yield self._first
            async for chunk in self._chunks:
                yield chunk
        finally:
            if isinstance(self._chunks, AsyncGenerator):
                await self._chunks.aclose()

    async def read(self) -> bytes:
        """All of it, where a stream was asked for and something else came."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        """Let go of it."""
        await self._answer.close()
