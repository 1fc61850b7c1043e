"""The sender: asks a server that speaks chat completions, and answers like one of the Messages API."""

import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Self

from jeton.errors import ConfigurationError, UpstreamError
from jeton.tokens.prompt import Prompt
from jeton.upstreams.http.address import Address
from jeton.upstreams.http.answer import Fields, HttpAnswer
from jeton.upstreams.http.pool import Limits, Pool
from jeton.upstreams.interface import Answer, Ask, CountMethod
from jeton.upstreams.openai_compatible.answer import translate_answer
from jeton.upstreams.openai_compatible.content import UntranslatableError
from jeton.upstreams.openai_compatible.events import EventTranslator
from jeton.upstreams.openai_compatible.problem import render_problem, translate_problem
from jeton.upstreams.openai_compatible.request import Asked, Dialect, translate_request

PATH = "/chat/completions"
RELAYED = frozenset({"content-type", "retry-after", "retry-after-ms", "x-should-retry"})
_OK, _BAD_REQUEST = 200, 400
_STREAM = "text/event-stream"
_JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json"}
_STREAM_HEADERS: Mapping[str, str] = {"content-type": f"{_STREAM}; charset=utf-8"}


class OpenAICompatibleUpstream:
    """One server with the operator's key for it, if it wants one."""

    # There is no common way to have a prompt counted.
    count_method: CountMethod | None = None

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        api_key: str = "",
        dialect: Dialect | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``base_url`` is what an OpenAI client is given, mostly ending in ``/v1``; connects to nobody yet.

        Raises ConfigurationError for an address or a key that cannot be one.
        """
        address = Address.parse(name, base_url)
        if not (api_key.isascii() and api_key.isprintable()):
            raise ConfigurationError([f"The key of the upstream {name} has characters that no key has."])
        self.name = name
        self._dialect = dialect or Dialect()
        self._head = _render_head(address, api_key)
        if address.is_tls and tls is None:
            tls = ssl.create_default_context()
        self._pool = Pool(name, address, limits=limits or Limits(), tls=tls if address.is_tls else None)

    async def __aenter__(self) -> Self:
        """Itself: its connections are opened when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self.close()

    async def send(self, ask: Ask) -> Answer:
        """Ask; a request that has no translation is answered with status 400. Raises UpstreamError."""
        try:
            asked = translate_request(ask.body, self._dialect)
        except UntranslatableError as error:
            return _Refusal(render_problem(_BAD_REQUEST, str(error), request_id=ask.request_id))
        connection = self._pool.find_idle() or await self._pool.take()
        head = b"%b%d\r\n\r\n" % (self._head, len(asked.body))
        answer = connection.ask(head, asked.body, select=_relayed)
        await answer.begin()
        return TranslatedAnswer(answer, asked, ask.request_id)

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """Raises UpstreamError: it has no count of its own."""
        del headers, prompt, body
        raise UpstreamError(f"The upstream {self.name} has no count of its own.")

    async def close(self) -> None:
        """Close every connection, for good."""
        self._pool.close()


class TranslatedAnswer:
    """An answer on its way, translated as it passes."""

    def __init__(self, answer: HttpAnswer, asked: Asked, request_id: str) -> None:
        """The head of ``answer`` is here."""
        self.status = answer.status
        self._answer = answer
        self._asked = asked
        self._request_id = request_id
        is_stream = answer.headers.get("content-type", "").startswith(_STREAM) and answer.status == _OK
        self.headers = {**answer.headers, **(_STREAM_HEADERS if is_stream else _JSON_HEADERS)}

    async def chunks(self) -> AsyncIterator[bytes]:
        """Events of the Messages API; raises UpstreamError when it breaks off or is no such stream."""
        translator = EventTranslator(self._asked.model, shows_thinking=self._asked.shows_thinking)
        async for chunk in self._answer.chunks():
            if events := translator.feed(chunk):
                yield events
        if events := translator.finish():
            yield events

    async def read(self) -> bytes:
        """A message, or the envelope of an error; raises UpstreamError."""
        body = await self._answer.read()
        if self.status != _OK:
            return translate_problem(self.status, body, self._request_id)
        asked = self._asked
        return translate_answer(
            body,
            model=asked.model,
            shows_thinking=asked.shows_thinking,
            is_prewarming=asked.is_prewarming,
        )

    async def close(self) -> None:
        """Let go of the connection."""
        await self._answer.close()


class _Refusal:
    """A status 400 of our own: the server was not asked."""

    status = _BAD_REQUEST
    headers = _JSON_HEADERS

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body."""
        yield self._body

    async def read(self) -> bytes:
        """The body."""
        return self._body

    async def close(self) -> None:
        """Nothing to let go of."""


def _render_head(address: Address, api_key: str) -> bytes:
    """The head of every request, up to the value of its last header, which is the length."""
    return (
        f"POST {address.path_prefix}{PATH} HTTP/1.1\r\n"
        f"host: {address.host_header}\r\n"
        "content-type: application/json\r\n"
        # Answers are translated as they pass, so they must not be compressed.
        "accept-encoding: identity\r\n"
        "user-agent: jeton\r\n"
        + (f"authorization: Bearer {api_key}\r\n" if api_key else "")
        + "content-length: "
    ).encode()


def _relayed(fields: Fields) -> Mapping[str, str]:
    named = ((name.decode("latin-1").lower(), value) for name, value in fields)
    return {name: value.decode("latin-1") for name, value in named if name in RELAYED}
