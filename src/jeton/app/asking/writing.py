"""Writing: answers of Ask Docs, by a model of this installation and through its own gateway."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import msgspec
import structlog

from jeton.app.asking.account import Account
from jeton.app.asking.calling import InnerWire, calling
from jeton.app.parts import Parts
from jeton.errors import ConfigurationError
from jeton.gateway.deps import GatewayDeps
from jeton.site.asking.quoting import MODEL as EXTRACTIVE
from jeton.site.writer import Prompt, WriterError

OUTPUT_TOKENS_MAX = 700
_OK = 200
_PREFIX = b"data: "

_log = structlog.get_logger(__name__)


class _Delta(msgspec.Struct):
    text: str = ""


class _Event(msgspec.Struct):
    type: str = ""
    delta: _Delta = msgspec.field(default_factory=_Delta)


_EVENT = msgspec.json.Decoder(_Event)


class GatewayWriter:
    """Asks the gateway as the organization that Ask Docs has for itself."""

    def __init__(self, gateway: GatewayDeps, account: Account, model: str) -> None:
        """Ask ``model``, which the gateway serves."""
        self._gateway = replace(gateway, authenticator=account)
        self._model = model

    @property
    def is_extractive(self) -> bool:
        """Whether the model only quotes, so that orders would be one more text to quote."""
        return self._model == EXTRACTIVE

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """The answer's text as it comes; WriterError where there is none."""
        async with calling(self._gateway, self._render(prompt)) as wire:
            async for text in _read(wire):
                yield text

    def _render(self, prompt: Prompt) -> bytes:
        texts = [{"type": "text", "text": text} for text in (*prompt.sources, prompt.question)]
        body: dict[str, object] = {
            "model": self._model,
            "max_tokens": OUTPUT_TOKENS_MAX,
            "stream": True,
            "messages": [{"role": "user", "content": texts}],
        }
        if prompt.orders:
            body["system"] = prompt.orders
        return msgspec.json.encode(body)


def make_writer(parts: Parts, gateway: GatewayDeps) -> GatewayWriter:
    """The writer that the settings name; ConfigurationError where nobody serves its model."""
    settings = parts.settings
    if settings.ask_docs_model not in gateway.catalog.models:
        raise ConfigurationError([f"ask_docs_model is {settings.ask_docs_model}, which nobody serves here."])
    account = Account(parts.pool, settings.ask_docs_budget_nano)
    return GatewayWriter(gateway, account, settings.ask_docs_model)


async def _read(wire: InnerWire) -> AsyncGenerator[str]:
    """The text of an event stream; WriterError for an answer that is none, or that breaks off."""
    rest = b""
    async for piece in wire.pieces():
        if wire.status != _OK:
            _log.warning("ask_docs_refused", status=wire.status, answer=piece[:500].decode(errors="replace"))
            raise WriterError(f"The gateway answered Ask Docs with status {wire.status}.")
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if not line.startswith(_PREFIX):
                continue
            event = _EVENT.decode(line[len(_PREFIX) :])
            if event.type == "error":
                raise WriterError("The answer to Ask Docs broke off.")
            if event.delta.text:
                yield event.delta.text
