"""An upstream of the Messages dialect on a real socket that behaves as it is told, request by request."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 30

Usage = dict[str, Any]


class Talk:
    """One request, and the way to answer it."""

    def __init__(self, connection: socket.socket, upstream: "Upstream") -> None:
        self._connection = connection
        self.upstream = upstream

    def say(self, status: int, body: dict[str, Any]) -> None:
        """A whole answer."""
        content = json.dumps(body).encode()
        self._connection.sendall(
            b"HTTP/1.1 %d Told\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s" % (status, len(content), content)
        )

    def stream(self, *events: dict[str, Any]) -> None:
        """The head of a stream (once) and events; it ends when the behavior returns."""
        if not self.upstream.is_streaming:
            self.upstream.is_streaming = True
            self._connection.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            )
        for event in events:
            data = json.dumps(event)
            self._connection.sendall(f"event: {event['type']}\ndata: {data}\n\n".encode())

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self._connection.sendall(data)

    def wait_until_left(self) -> None:
        """Until Jeton closes the connection."""
        with suppress(ConnectionError):
            assert self._connection.recv(1) == b""
        self.upstream.was_left.set()


Behavior = Callable[[Talk], None]


class Upstream:
    """The server; ``behave`` is what it does with the next request."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.behave: Behavior = Talk.wait_until_left
        self.asked: list[dict[str, Any]] = []
        self.is_streaming = False
        self.was_asked = threading.Event()
        self.was_left = threading.Event()
        self.may_go_on = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._listener.close()

    def expect(self, behave: Behavior) -> None:
        """Behave so from now on, and forget what was."""
        self.behave = behave
        self.asked.clear()
        self.is_streaming = False
        for event in (self.was_asked, self.was_left, self.may_go_on):
            event.clear()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file, suppress(ConnectionError):
            connection.settimeout(PATIENCE_S)
            length = 0
            if not file.readline():
                return
            while line := file.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.asked.append(json.loads(file.read(length)))
            self.was_asked.set()
            self.behave(Talk(connection, self))
