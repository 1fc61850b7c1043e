"""Splitting: the elements of ``requests`` out of a body that arrives in pieces. Pure.

Only the element that is under way is kept. Everything around the elements is kept too, with a 0 in the
place of each, and read as JSON at the end: so commas and brackets are checked by the JSON reader.
"""

import re

import msgspec

from jeton.batches.errors import BatchTooLargeError, InvalidBatchError

ITEMS_MAX = 100_000
ELEMENT_BYTES_MAX = 33_554_432
# Room for what stands between the elements, and for fields beside them.
SKELETON_BYTES_MAX = 1_048_576
# Where the name of an array is looked for before it.
NAME_BYTES_MAX = 4_096

_SPACES = b" \t\r\n"
# Whole strings and all that is no bracket, as far as they go: one match from bracket to bracket. Only single
# characters are repeated possessively: before Python 3.11.5 a possessive group may match too little.
_PASS = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*")*', re.DOTALL)
# A string to its end where that is there, or as far as it goes; an escape is never parted.
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*', re.DOTALL)
_LAST_STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*)"\s*:\s*\Z', re.DOTALL)
_QUOTE, _OPEN = ord('"'), frozenset(b"{[")
_ARRAY_DEPTH = 2


class _Skeleton(msgspec.Struct):
    requests: list[int]


_SKELETON = msgspec.json.Decoder(_Skeleton)


class Splitter:
    """One body; ``feed`` it in order, then ``finish``."""

    def __init__(self) -> None:
        """Nothing was fed."""
        self._depth = 0
        self._is_string = False
        self._is_requests = False
        self._was_requests = False
        self._skeleton = bytearray()
        self._element: list[bytes] | None = None
        self._element_bytes = 0
        self._rest = b""
        self.count = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The elements that end in this piece; raises InvalidBatchError or BatchTooLargeError."""
        data = self._rest + piece if self._rest else piece
        self._rest = b""
        elements: list[bytes] = []
        start = position = 0
        while position < len(data):
            if self._is_string:
                position = self._pass_string(data, position)
                continue
            place = _end(_PASS, data, position)
            if place == len(data):
                break
            position = place + 1
            mark = data[place]
            if mark == _QUOTE:
                # It does not end in this piece.
                self._is_string = True
            elif mark in _OPEN:
                start = self._open(data, start, place)
            else:
                self._depth -= 1
                start = self._close(data, start, position, elements)
        self._keep(data[start : len(data) - len(self._rest)])
        return elements

    def finish(self) -> None:
        """Raise InvalidBatchError unless everything that was fed is one batch with at least one element."""
        if self._element is not None or self._rest:
            raise InvalidBatchError("The request body ends in the middle of a request.")
        try:
            _SKELETON.decode(bytes(self._skeleton))
        except msgspec.ValidationError as error:
            problem, _, field = str(error).replace("`", "").partition(" - at $.")
            raise InvalidBatchError(f"{field or 'body'}: {problem}") from None
        except (msgspec.DecodeError, RecursionError):
            raise InvalidBatchError("The request body is not valid JSON.") from None
        if not self.count:
            raise InvalidBatchError("requests: at least one request is required")

    def _pass_string(self, data: bytes, position: int) -> int:
        end = _end(_IN_STRING, data, position)
        if end == len(data):
            return end
        if data[end] == _QUOTE:
            self._is_string = False
            return end + 1
        # A backslash whose other half is in the next piece.
        self._rest = data[end:]
        return len(data)

    def _open(self, data: bytes, start: int, place: int) -> int:
        """Go one level down; return from where on bytes are not kept yet."""
        self._depth += 1
        if self._depth == _ARRAY_DEPTH and data[place : place + 1] == b"[":
            self._keep(data[start:place])
            start = place
            name = _LAST_STRING.search(bytes(self._skeleton[-NAME_BYTES_MAX:]))
            if name is not None and name[1] == b"requests":
                if self._was_requests:
                    raise InvalidBatchError("requests: the field is there twice")
                self._is_requests = self._was_requests = True
        elif self._is_requests and self._depth == _ARRAY_DEPTH + 1 and data[place : place + 1] == b"{":
            self._keep(data[start:place])
            self._element, self._element_bytes = [], 0
            return place
        return start

    def _close(self, data: bytes, start: int, end: int, elements: list[bytes]) -> int:
        if self._depth < 0:
            raise InvalidBatchError("The request body is not valid JSON.")
        if self._element is not None and self._depth == _ARRAY_DEPTH:
            self._keep(data[start:end])
            elements.append(b"".join(self._element))
            self._element = None
            self._keep(b"0")
            self.count += 1
            if self.count > ITEMS_MAX:
                raise InvalidBatchError(f"requests: at most {ITEMS_MAX} requests are allowed in a batch")
            return end
        if self._is_requests and self._depth == _ARRAY_DEPTH - 1:
            self._is_requests = False
        return start

    def _keep(self, part: bytes) -> None:
        if self._element is not None:
            self._element.append(part)
            self._element_bytes += len(part)
            if self._element_bytes > ELEMENT_BYTES_MAX:
                raise BatchTooLargeError(
                    f"requests.{self.count}: a request may have {ELEMENT_BYTES_MAX} bytes at most"
                )
            return
        self._skeleton += part.translate(None, _SPACES) if self._is_requests else part
        if len(self._skeleton) > SKELETON_BYTES_MAX:
            raise InvalidBatchError("The request body has too much beside its requests.")


def _end(pattern: "re.Pattern[bytes]", data: bytes, position: int) -> int:
    """Where a pattern that matches anywhere, nothing at least, ends."""
    found = pattern.match(data, position)
    return position if found is None else found.end()
