"""Wire: the way back to a client of OpenAI's dialect, over the way back that there is.

What the relay sends is the Messages API's; here it becomes what the client expects, piece by
piece, so that nothing leaves earlier or later than it would have.
"""

from collections.abc import Callable, Coroutine

from jeton import clock
from jeton.gateway.asgi import Call
from jeton.gateway.deps import GatewayDeps, Wire
from jeton.gateway.envelope import Headers
from jeton.gateway.openai.answer import translate_message
from jeton.gateway.openai.events import ChunkTranslator
from jeton.gateway.openai.problem import translate_envelope, translate_status
from jeton.gateway.openai.request import Chat

_OK = 200
_STREAM = b"text/event-stream"
_LIMITS = {
    b"anthropic-ratelimit-%b-%b" % (kind, word): b"x-ratelimit-%b-%b" % (word, kind)
    for kind in (b"requests", b"tokens")
    for word in (b"limit", b"remaining")
}


class ChatWire:
    """The way back to one client."""

    __slots__ = ("_chat", "_head", "_translator", "_wire", "has_started")

    def __init__(self, wire: Wire) -> None:
        """Nothing has been sent; until ``expect``, only errors may be."""
        self.has_started = False
        self._wire = wire
        self._chat: Chat | None = None
        self._head: tuple[int, Headers] = (_OK, [])
        self._translator: ChunkTranslator | None = None

    @property
    def has_left(self) -> bool:
        """Whether the client is known to be gone."""
        return self._wire.has_left

    def leave(self) -> None:
        """Note that the client is gone."""
        self._wire.leave()

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """Have ``callback`` called when the client leaves; None takes that back."""
        self._wire.on_leave(callback)

    def expect(self, chat: Chat) -> None:
        """Note what was asked for."""
        self._chat = chat

    async def start(self, status: int, headers: Headers) -> None:
        """Begin the answer; one in one piece waits until it is there, for its length is another."""
        self.has_started = True
        fields = dict(headers)
        chat = self._chat
        if status == _OK and chat is not None and fields.get(b"content-type", b"").startswith(_STREAM):
            self._translator = ChunkTranslator(chat.model, clock.now(), includes_usage=chat.includes_usage)
            await self._wire.start(status, _translate_headers(headers))
        else:
            self._head = (status, headers)

    async def send(self, data: bytes) -> None:
        """Send a part of a stream; waits while the client is slow."""
        await self._wire.send(data if self._translator is None else self._translator.feed(data))

    async def finish(self, data: bytes) -> None:
        """Send the last part and end the answer."""
        if self._translator is not None:
            await self._wire.finish(self._translator.feed(data))
            return
        status, headers = self._head
        body = translate_message(data, clock.now()) if status == _OK else translate_envelope(data)
        kept = [(name, value) for name, value in headers if name != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await self._wire.start(translate_status(status), [*_translate_headers(kept), length])
        await self._wire.finish(body)


class ChatCall:
    """One call, answered in OpenAI's dialect."""

    __slots__ = ("_call", "wire")

    def __init__(self, call: Call) -> None:
        """The same call, but for its wire."""
        self._call = call
        self.wire = ChatWire(call.wire)

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self._call.path

    @property
    def headers(self) -> Headers:
        """The headers, names in lower case."""
        return self._call.headers

    @property
    def peer(self) -> str:
        """The address of the connection."""
        return self._call.peer

    @property
    def request_id(self) -> str:
        """The id that the answer will carry."""
        return self._call.request_id

    @property
    def deps(self) -> GatewayDeps:
        """What the gateway works with."""
        return self._call.deps

    @property
    def plain(self) -> Wire:
        """The way back for what is in this dialect already."""
        return self._call.wire

    async def receive_body(self) -> bytes:
        """The whole body; RequestTooLargeError, BodyTimeoutError or ClientLeftError."""
        return await self._call.receive_body()

    async def run(self, exchange: Coroutine[None, None, None], *, is_stream: bool) -> None:
        """Run an exchange to its end; while a stream runs, the client's leaving is noticed."""
        await self._call.run(exchange, is_stream=is_stream)


def _translate_headers(headers: Headers) -> Headers:
    """The same, and once more under the names that clients of this dialect look for."""
    more = [(b"x-request-id", value) for name, value in headers if name == b"request-id"]
    more += [(_LIMITS[name], value) for name, value in headers if name in _LIMITS]
    return [*headers, *more]
