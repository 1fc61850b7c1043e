"""An upstream that begins an answer and then says nothing more until its reader has gone."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"input_tokens": 12, "output_tokens": 1}
MESSAGE: dict[str, Any] = {
    "id": "msg_waiting",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": USAGE,
}
EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "A jeton is"}},
)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in EVENTS:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()
        with contextlib.suppress(ConnectionError):
            # Nothing is sent by a client that waits: this returns when it goes.
            self.connection.recv(1)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Silent."""


@contextlib.contextmanager
def waiting_upstream() -> Iterator[str]:
    """The address of such an upstream."""
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{upstream.server_port}"
    finally:
        upstream.shutdown()
        upstream.server_close()
