"""A TCP proxy before PostgreSQL that swallows the answer to one statement and then cuts everything."""

import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg


class Cutter:
    """``cut_after(words)``: what holds these words is executed, but nobody learns it; until ``mend``."""

    def __init__(self, database_url: str) -> None:
        with psycopg.connect(database_url) as connection:
            self._port = connection.info.port
        parts = urlsplit(database_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        netloc = f"{parts.username}:{parts.password}@127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = urlunsplit(parts._replace(netloc=netloc))
        self._words = b""
        self._is_cut = False
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._cut()

    def cut_after(self, words: bytes) -> None:
        """The next time that these words pass."""
        self._words = words

    def mend(self) -> None:
        """Let everything through again."""
        self._words, self._is_cut = b"", False

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._port))
            self._open |= {client, server}
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pass_back, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), client, server:
            while data := client.recv(1 << 20):
                if self._words and self._words in data:
                    # From here on nothing comes back; what was sent is executed all the same.
                    self._is_cut = True
                server.sendall(data)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError), client, server:
            while data := server.recv(1 << 20):
                if self._is_cut:
                    self._cut()
                    return
                client.sendall(data)

    def _cut(self) -> None:
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()
