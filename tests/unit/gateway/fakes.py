"""Small real stand-ins for what surrounds the gateway; each writes what happens into one journal."""

import asyncio
from collections import UserList
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from starlette.types import Message

from jeton import clock
from jeton.charging.words import Charge, Hold, HoldAsk, Metered, Rule
from jeton.errors import InsufficientCreditError, NotAuthenticatedError
from jeton.gateway.catalog import Catalog, ModelRoute, rehearsal_routes
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.routes import gateway_routes
from jeton.identity.caller import Caller
from jeton.pricing.book import PriceBook
from jeton.pricing.loading import load_book
from jeton.pricing.rating import rate
from jeton.tokens.prompt import Prompt
from jeton.upstreams.embedded import EmbeddedUpstream
from jeton.upstreams.interface import Ask, CountMethod

ORGANIZATION = UUID("01890000-0000-7000-8000-000000000001")
KEYS = {
    "sk-jtn-good": Caller(ORGANIZATION, "wrkspc_1", "key_1", "api"),
    "sk-jtn-late": Caller(ORGANIZATION, "wrkspc_1", "key_3", "api", overdue_number="INV-2026-000123"),
    "sk-jtn-admin": Caller(ORGANIZATION, None, "key_2", "admin"),
}
MODEL = "claude-sonnet-5-5"
HEADERS = {"x-api-key": "sk-jtn-good", "anthropic-version": "2023-06-01"}
BODY = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":'
    b'[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","stop_sequence":null,'
    b'"usage":{"input_tokens":2000,"cache_read_input_tokens":100000,"output_tokens":1500}}'
)


@cache
def book() -> PriceBook:
    return load_book()


class Journal(UserList[str]):
    """What happened, in order; ``until`` waits for it."""

    def __init__(self, items: Iterable[str] = ()) -> None:
        super().__init__(items)
        self._changed = asyncio.Event()

    def append(self, item: str) -> None:
        """Note one thing, and wake who waits for it."""
        super().append(item)
        self._changed.set()

    async def until(self, item: str, times: int = 1) -> None:
        """Wait until it has happened."""
        while self.count(item) < times:
            self._changed.clear()
            await self._changed.wait()


class KeyRing:
    """Two keys."""

    async def authenticate(self, secret: str) -> Caller:
        """The caller of one of KEYS."""
        if secret not in KEYS:
            raise NotAuthenticatedError("The key is not known here.")
        return KEYS[secret]

    def note_model(self, caller: Caller, model: str, *, address: str) -> None:
        """Nobody looks at it."""


class Charging:
    """Credit in memory, rated for real; holds more than ``available_nano`` are refused."""

    def __init__(self, journal: Journal, available_nano: int = 10**12) -> None:
        self.journal = journal
        self.available_nano = available_nano
        self.asks: list[HoldAsk] = []
        self.metered: list[Metered] = []
        self.charges: list[Charge] = []
        self.validity_s = 600.0
        self.settle_error: Exception | None = None
        self.confirm_error: Exception | None = None

    async def hold(self, ask: HoldAsk) -> Hold:
        """Hold, or refuse more than is available."""
        self.asks.append(ask)
        await asyncio.sleep(0)
        if ask.amount_nano > self.available_nano:
            raise InsufficientCreditError(ask.amount_nano, self.available_nano, sentence="Not enough.")
        self.journal.append("hold")
        taken_at = clock.now()
        return Hold(ask, "txn_1", taken_at, taken_at + timedelta(seconds=self.validity_s))

    def expedite(self) -> None:
        """Nothing is promised here."""

    async def confirm(self, hold: Hold) -> None:
        """Every hold here was taken at once, unless it is said to have failed."""
        assert hold.transaction_id
        if self.confirm_error is not None:
            raise self.confirm_error

    async def settle(self, hold: Hold, metered: Metered) -> Charge:
        """Rate and end."""
        await asyncio.sleep(0)
        if self.settle_error is not None:
            raise self.settle_error
        self.journal.append(f"settle {metered.rule}")
        self.metered.append(metered)
        if metered.usage is None:
            return self._end(hold, Charge(hold.ask.request_id, "quarantined", metered.rule, 0, 0, "txn_2"))
        rating = rate(metered.usage, hold.ask.price_version, metered.conditions)
        charge = Charge(
            hold.ask.request_id, "settled", metered.rule, rating.list_nano, rating.net_nano, "txn_2"
        )
        return self._end(hold, charge)

    async def release(self, hold: Hold, rule: Rule) -> Charge:
        """End for nothing."""
        await asyncio.sleep(0)
        self.journal.append(f"release {rule}")
        return self._end(hold, Charge(hold.ask.request_id, "released", rule, 0, 0, "txn_2"))

    def _end(self, hold: Hold, charge: Charge) -> Charge:
        assert hold.ask.request_id not in {other.request_id for other in self.charges}
        self.charges.append(charge)
        return charge


@dataclass
class Script:
    """What the upstream does next; an exception among the chunks is raised there, an event waited for."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    chunks: list[bytes | Exception | asyncio.Event] = field(default_factory=lambda: [ANSWER])
    send_error: Exception | None = None
    send_waits: asyncio.Event | None = None
    count: int | Exception = 10
    count_method: CountMethod | None = "upstream"


class Answer:
    """One scripted answer."""

    def __init__(self, script: Script, journal: Journal) -> None:
        self.status = script.status
        self.headers: Mapping[str, str] = script.headers
        self._chunks = script.chunks
        self._journal = journal
        self.is_closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The script's chunks."""
        for chunk in self._chunks:
            if isinstance(chunk, asyncio.Event):
                await chunk.wait()
            elif isinstance(chunk, Exception):
                raise chunk
            else:
                yield chunk

    async def read(self) -> bytes:
        """All of them."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        """Note that it was let go."""
        if not self.is_closed:
            self._journal.append("close")
        self.is_closed = True


class Upstream:
    """A scripted server of the Messages API."""

    name = "scripted"

    def __init__(self, script: Script, journal: Journal) -> None:
        self.script = script
        self.journal = journal
        self.asks: list[Ask] = []
        self.counted: list[bytes] = []

    async def send(self, ask: Ask) -> Answer:
        """Answer by the script."""
        self.asks.append(ask)
        self.journal.append("send")
        if self.script.send_waits is not None:
            await self.script.send_waits.wait()
        if self.script.send_error is not None:
            raise self.script.send_error
        return Answer(self.script, self.journal)

    @property
    def count_method(self) -> CountMethod | None:
        """As the script says."""
        return self.script.count_method

    async def count_tokens(self, headers: Mapping[str, str], prompt: Prompt, body: bytes) -> int:
        """The script's count."""
        del headers, prompt
        self.counted.append(body)
        if isinstance(self.script.count, Exception):
            raise self.script.count
        return self.script.count

    async def close(self) -> None:
        """Note that it was let go."""
        return


@dataclass
class Reply:
    """What a client got."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_complete: bool = False

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class Client:
    """Speaks ASGI to one route; ``leave`` closes its connection."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.reply = Reply()
        self.gone = asyncio.Event()
        self.bytes_seen = asyncio.Event()
        self._parts: list[Message] = []

    def leave(self) -> None:
        """Close the connection."""
        self.journal.append("leave")
        self.gone.set()

    async def receive(self) -> Message:
        """The request's parts, then the disconnect."""
        if self._parts:
            return self._parts.pop(0)
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Keep what the gateway says."""
        if message["type"] == "http.response.start":
            self.journal.append(f"start {message['status']}")
            self.reply.status = message["status"]
            self.reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.reply.body += message.get("body", b"")
        if message.get("more_body"):
            self.journal.append("bytes")
            self.bytes_seen.set()
        else:
            self.journal.append("last byte")
            self.reply.is_complete = True
            self.gone.set()

    def bring(self, parts: list[bytes]) -> None:
        """Set the parts of the body."""
        self._parts = [
            {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
            for index, part in enumerate(parts)
        ]


class Gateway:
    """The gateway with everything around it."""

    def __init__(self, script: Script | None = None, *, available_nano: int = 10**12, **deps: Any) -> None:  # noqa: ANN401 - passed on to GatewayDeps
        self.journal = Journal()
        self.charging = Charging(self.journal, available_nano)
        self.upstream = Upstream(script or Script(), self.journal)
        embedded = EmbeddedUpstream(lambda _model: None)
        routes = [
            ModelRoute(MODEL, self.upstream),
            ModelRoute("claude-opus-5", self.upstream),
            ModelRoute("claude-opus-5-5", self.upstream),
            ModelRoute("jeton-extract-1", embedded),
        ]
        routes += rehearsal_routes(book(), embedded, [route.model for route in routes])
        self.deps = GatewayDeps(KeyRing(), self.charging, Catalog(book(), routes, clock.now()), **deps)
        self._routes = {getattr(route, "path", ""): route for route in gateway_routes(self.deps)}

    def client(self) -> Client:
        """A client of its own."""
        return Client(self.journal)

    async def call(
        self,
        body: object = None,
        *,
        path: str = "/v1/messages",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        client: Client | None = None,
        query: str = "",
    ) -> Reply:
        """Send one request; ``body`` is bytes, a list of parts, or a value for JSON."""
        client = client or self.client()
        match body:
            case bytes():
                client.bring([body])
            case list():
                client.bring(body)
            case _:
                client.bring([msgspec.json.encode(BODY if body is None else body)])
        template, parameters = path, {}
        if path.startswith("/v1/models/"):
            template, parameters = "/v1/models/{model}", {"model": path.removeprefix("/v1/models/")}
        given = HEADERS if headers is None else headers
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "path_params": parameters,
            "query_string": query.encode(),
            "client": ("127.0.0.1", 50_000),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        app: Callable[..., Any] = self._routes[template].app  # type: ignore[attr-defined]  # all are Route
        await app(scope, client.receive, client.send)
        return client.reply


def sse(*events: tuple[str, dict[str, Any]]) -> list[bytes]:
    """Events as an upstream sends them, each in a chunk of its own."""
    return [
        f"event: {name}\n".encode() + b"data: " + msgspec.json.encode({"type": name, **data}) + b"\n\n"
        for name, data in events
    ]


START = ("message_start", {"message": {"usage": {"input_tokens": 2000, "output_tokens": 1}}})
TEXT = ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hello world"}})
DELTA = ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1500}})
STOP: tuple[str, dict[str, Any]] = ("message_stop", {})


def stream_script(*chunks: bytes | Exception | asyncio.Event) -> Script:
    """A streamed answer."""
    return Script(headers={"content-type": "text/event-stream; charset=utf-8"}, chunks=list(chunks))
