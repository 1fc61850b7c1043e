"""Rewriting: the usage object of an answer as it passes by. Pure: bytes in, bytes out.

What a client sees in the body is what is billed, because it is billed from there. Only the messages that
carry usage are taken apart, and of these only what changes; every other byte passes untouched.
"""

import msgspec

Fields = dict[str, msgspec.Raw]

_FIELDS = msgspec.json.Decoder(Fields)
_DATA, _EVENT = b"data:", b"event:"
# Where the name of an event stands, or else its type.
_HEAD_BYTES = 200


class Carrier:
    """A message, or the event of one, taken apart so that its usage can be changed."""

    __slots__ = ("_content", "_name", "message", "usage")

    def __init__(self, content: Fields, *, name: bytes | None = None) -> None:
        """``name`` is that of an event; raises KeyError or msgspec.DecodeError where there is no usage."""
        self._content = content
        self._name = name
        self.message = _FIELDS.decode(content["message"]) if "message" in content else content
        self.usage = _FIELDS.decode(self.message["usage"])

    @property
    def message_id(self) -> str:
        """The id of the message; empty where it has none."""
        try:
            return msgspec.json.decode(self.message.get("id", b""), type=str)
        except msgspec.DecodeError:
            return ""

    def render(self) -> bytes:
        """The bytes again, with what was changed."""
        self.message["usage"] = _raw(self.usage)
        if self.message is not self._content:
            self._content["message"] = _raw(self.message)
        data = msgspec.json.encode(self._content)
        if self._name is None:
            return data
        return b"%b\ndata: %b\n\n" % (self._name, data) if self._name else b"data: %b\n\n" % data


def find_message(body: bytes) -> Carrier | None:
    """A whole message with usage; None for anything else."""
    return _open(body)


def find_event(event: bytes) -> Carrier | None:
    """A ``message_start`` or ``message_delta`` with usage; None for any other event."""
    if not may_carry_usage(event):
        return None
    lines = event.splitlines()
    data = b"\n".join(line[len(_DATA) :] for line in lines if line.startswith(_DATA))
    return _open(data, name=next((line for line in lines if line.startswith(_EVENT)), b""))


def _open(data: bytes, *, name: bytes | None = None) -> Carrier | None:
    try:
        return Carrier(_FIELDS.decode(data), name=name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return None


def may_carry_usage(event: bytes) -> bool:
    """Whether an event is one that carries usage."""
    head = event[:_HEAD_BYTES]
    return b"message_start" in head or b"message_delta" in head


class EventCutter:
    """Cuts a stream into what carries usage and what does not."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._kept = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The whole events that are there now, those without usage together; the rest is kept."""
        data = self._kept + chunk if self._kept else chunk
        if b"message_" not in data and data.endswith((b"\n\n", b"\r\n\r\n")):
            self._kept = b""
            return [data]
        pieces: list[bytes] = []
        start = plain = 0
        for end in _list_ends(data):
            if may_carry_usage(data[start:end]):
                if plain < start:
                    pieces.append(data[plain:start])
                pieces.append(data[start:end])
                plain = end
            start = end
        if plain < start:
            pieces.append(data[plain:start])
        self._kept = data[start:]
        return pieces

    @property
    def rest(self) -> bytes:
        """What is left at the end of a stream that broke off inside an event."""
        return self._kept


def _list_ends(data: bytes) -> list[int]:
    ends: list[int] = []
    position = 0
    while True:
        found = [at + len(end) for end in (b"\n\n", b"\n\r\n") if (at := data.find(end, position)) >= 0]
        if not found:
            return ends
        position = min(found)
        ends.append(position)


def _raw(fields: Fields) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(fields))
