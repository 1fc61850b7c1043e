r"""Stream: reads the usage out of an SSE answer as it passes by. Pure: bytes in, bytes out.

Whole events are let through untouched; an event of which a part is still missing waits, which a
client cannot notice, since it acts on whole events only. From ``message_stop`` (or ``error``) on
everything is held back, for it may leave only after the charge is committed (P2). Lines end in
``\n`` or ``\r\n``; chunks may be cut anywhere. The work is linear in the bytes.
"""

import re
from collections.abc import Iterator

import msgspec

from jeton.gateway.errors import UpstreamAnswerError
from jeton.metering.reported import merge_reported

EVENT_BYTES_MAX = 33_554_432
UNDIGESTED_BYTES_MAX = 65_536
_DELTA = b"event: content_block_delta"
_DELTA_LINE = b"event: content_block_delta\n"
# What a model writes, as it stands in a delta: a string of JSON under one of three names.
_WRITTEN = re.compile(rb'"(?:text|partial_json|thinking)"\s*:\s*("(?:[^"\\]|\\.)*")')
# The same where it stands behind its type, as nearly always; a third of the time.
_TYPED = re.compile(rb'_delta", ?"(?:text|partial_json|thinking)": ?("[^"\\]*(?:\\.[^"\\]*)*")')
_TERMINATOR_BYTES_MAX = 3
_NOTHING = msgspec.Raw()


class _Delta(msgspec.Struct):
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    stop_reason: str | None = None


class _Message(msgspec.Struct):
    usage: msgspec.Raw = _NOTHING


class _Event(msgspec.Struct):
    type: str = ""
    message: _Message | None = None
    usage: msgspec.Raw = _NOTHING
    delta: _Delta | None = None


_EVENT = msgspec.json.Decoder(_Event)
_STRINGS = msgspec.json.Decoder(list[str])


class StreamObserver:
    """What is known of one streamed answer so far."""

    __slots__ = ("_digested", "_held_back", "_overlap", "_pieces", "_pieces_bytes", "_undigested",
                 "_undigested_bytes", "error", "has_delta", "has_output", "has_started", "is_over",
                 "stop_reason", "usage")  # fmt: skip

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self.usage = b""
        self.stop_reason: str | None = None
        self.has_started = False
        self.has_output = False
        self.has_delta = False
        self.is_over = False
        self.error = b""
        self._held_back: list[bytes] = []
        self._pieces: list[bytes] = []
        self._pieces_bytes = 0
        self._overlap = b""
        self._undigested: list[bytes] = []
        self._undigested_bytes = 0
        self._digested: list[str] = []

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes of the upstream; return those that may go out now.

        Raises UpstreamAnswerError for an event over EVENT_BYTES_MAX.
        """
        if self.is_over:
            self._held_back.append(chunk)
            return b""
        data = self._complete(chunk)
        if not data:
            return b""
        if _is_deltas(data):
            # A stream is mostly this, and nothing of it is looked at one by one.
            self._take_deltas(data)
            return data
        start = 0
        for end in _ends(data):
            self._observe(data[start:end])
            if self.is_over:
                self._held_back.append(data[start:])
                return data[:start]
            start = end
        if start < len(data):
            self._keep(data[start:])
        return data[:start]

    @property
    def held_back(self) -> bytes:
        """The bytes that may leave after the charge is committed."""
        return b"".join(self._held_back)

    @property
    def emitted_text(self) -> str:
        """Everything the model has written so far: text, tool input and thinking."""
        self._digest()
        return "".join(self._digested)

    def _complete(self, chunk: bytes) -> bytes:
        # Pieces of an event are joined once, when its end is there; looking for the end in all
        # of them at every chunk would take quadratic time.
        if not self._pieces or not chunk:
            return chunk
        if next(_ends(self._overlap + chunk), None) is None:
            self._keep(chunk)
            return b""
        data = b"".join((*self._pieces, chunk))
        self._pieces.clear()
        self._pieces_bytes = 0
        self._overlap = b""
        return data

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._pieces_bytes += len(piece)
        # As much as may be the first part of an end.
        self._overlap = (self._overlap + piece[1 - _TERMINATOR_BYTES_MAX :])[1 - _TERMINATOR_BYTES_MAX :]
        if self._pieces_bytes > EVENT_BYTES_MAX:
            raise UpstreamAnswerError(f"The upstream sent an event of over {EVENT_BYTES_MAX} bytes.")

    def _observe(self, raw: bytes) -> None:
        if raw.startswith(_DELTA):
            self._take_deltas(raw)
            return
        name, data = _fields(raw)
        event = _decode(data)
        match name or event.type:
            case "message_start":
                self.has_started = True
                self.usage = bytes(event.message.usage) if event.message else b""
            case "message_delta":
                self.has_delta = self.has_delta or bool(event.usage)
                self.usage = merge_reported(self.usage, bytes(event.usage))
                if event.delta is not None and event.delta.stop_reason is not None:
                    self.stop_reason = event.delta.stop_reason
            case "content_block_start":
                self.has_output = True
            case "content_block_delta":
                self.has_output = True
                self._undigested.append(raw)
                self._digest()
            case "message_stop":
                self.is_over = True
            case "error":
                self.is_over, self.error = True, data
            case _:
                # A ping, or an event of a later version of the protocol: it passes by.
                pass

    def _take_deltas(self, events: bytes) -> None:
        # Only a client that leaves makes the text needed, so it is read late and in bulk.
        self.has_output = True
        self._undigested.append(events)
        self._undigested_bytes += len(events)
        if self._undigested_bytes > UNDIGESTED_BYTES_MAX:
            self._digest()

    def _digest(self) -> None:
        events = b"".join(self._undigested)
        written = _TYPED.findall(events)
        if len(written) != events.count(_DELTA):
            written = _WRITTEN.findall(events)
        try:
            self._digested += _STRINGS.decode(b"[%b]" % b",".join(written))
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Not for us to repair; what is no text costs nothing.
            self._digested += [text for one in written for text in _decode_text(one)]
        self._undigested.clear()
        self._undigested_bytes = 0


def _is_deltas(data: bytes) -> bool:
    """Whether these are whole content_block_delta events and nothing else, in the usual spelling.

    JSON has no raw end of line, so every line that begins an event is counted, and every empty one.
    """
    if not data.startswith(_DELTA_LINE) or b"\r" in data:
        return False
    end = data.find(b"\n\n") + 2
    if end == len(data):
        return True
    if not data.endswith(b"\n\n"):
        return False
    events = data.count(b"\n" + _DELTA_LINE) + 1
    return data.count(b"\n\n") == events == data.count(b"\nevent:") + 1 == data.count(b"\ndata:")


def _decode_text(literal: bytes) -> list[str]:
    try:
        return _STRINGS.decode(b"[%b]" % literal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []


def _ends(data: bytes) -> Iterator[int]:
    """Where each event ends, just after its empty line."""
    plain, carriage = data.find(b"\n\n"), data.find(b"\n\r\n")
    while plain >= 0 or carriage >= 0:
        end = plain + 2 if carriage < 0 or 0 <= plain < carriage else carriage + 3
        yield end
        if 0 <= plain < end:
            plain = data.find(b"\n\n", end)
        if 0 <= carriage < end:
            carriage = data.find(b"\n\r\n", end)


def _fields(raw: bytes) -> tuple[str, bytes]:
    """The name of an event and its data."""
    name, data = b"", []
    for line in raw.splitlines():
        if line.startswith(b"data:"):
            data.append(line[5:])
        elif line.startswith(b"event:"):
            name = line[6:].strip()
    return name.decode("latin-1"), b"\n".join(data)


def _decode(data: bytes) -> _Event:
    try:
        return _EVENT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not for us to repair: it passes by, and usage that stays unknown is quarantined.
        return _Event()
