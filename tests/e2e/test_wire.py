"""The wire on real sockets: one server process, raw bytes in and out."""

import http.client
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from tests.e2e.books import prove, query
from tests.e2e.serving import ServerProcess, serving

TIMEOUT_S = 30
QUESTION = {
    "model": "jeton-extract-1",
    "max_tokens": 50,
    "messages": [
        {"role": "user", "content": "Who reckoned with counters? Merchants reckoned with counters."}
    ],
}
PAGE = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for everything here that does not stop it."""
    with serving(tmp_path_factory.mktemp("wire") / "data") as server:
        yield server


class Client:
    """One connection, spoken to in bytes."""

    def __init__(self, server: ServerProcess) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)
        self._received = self.socket.makefile("rb")
        self._key = server.demo["ANTHROPIC_API_KEY"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._received.close()
        self.socket.close()

    def request(self, content: object = None, *, head: str = "", version: str = "1.1") -> bytes:
        """The bytes of a request."""
        body = json.dumps(QUESTION if content is None else content).encode()
        return (
            f"POST /v1/messages HTTP/{version}\r\nhost: a\r\nx-api-key: {self._key}\r\n{head}"
            f"anthropic-version: 2023-06-01\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def read(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer that has a length, or ends with the connection."""
        status = int(self._received.readline().split()[1])
        headers = http.client.parse_headers(self._received)
        if "transfer-encoding" in headers:
            return status, dict(headers), self._read_chunks()
        length = headers.get("content-length")
        body = self._received.read() if length is None else self._received.read(int(length))
        return status, dict(headers), body

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self._received.readline(), 16):
            body += self._received.read(size)
            self._received.readline()
        self._received.readline()
        return body

    @property
    def is_at_end(self) -> bool:
        """Whether the server has closed its side."""
        return self._received.read(1) == b""


def test_one_connection_serves_answers_and_pages_in_turn(server: ServerProcess) -> None:
    with Client(server) as client:
        for sent, kind in (
            (client.request(), "message"),
            (client.request(), "message"),
            (PAGE, None),
            # From here on it is uvicorn that speaks.
            (client.request(), "message"),
            (PAGE, None),
        ):
            client.socket.sendall(sent)
            status, headers, body = client.read()
            assert status == 200
            assert json.loads(body).get("type") == kind
            assert "date" in headers
            assert "connection" not in headers


def test_a_request_in_drops_and_two_at_once(server: ServerProcess) -> None:
    with Client(server) as client:
        whole = client.request()
        for at in range(0, len(whole), 7):
            client.socket.sendall(whole[at : at + 7])
        assert client.read()[0] == 200
        client.socket.sendall(whole + whole)
        assert [client.read()[0], client.read()[0]] == [200, 200]


def test_a_stream_over_http_1_0_ends_with_the_connection(server: ServerProcess) -> None:
    with Client(server) as client:
        client.socket.sendall(client.request({**QUESTION, "stream": True}, version="1.0"))
        status, headers, body = client.read()
        assert (status, headers["connection"]) == (200, "close")
        assert body.endswith(b'data: {"type":"message_stop"}\n\n')


def test_both_wires_say_the_same(server: ServerProcess) -> None:
    """Apart from ids and times, an answer does not show which way it came."""
    answers = []
    with Client(server) as ours, Client(server) as foreign:
        foreign.socket.sendall(PAGE)
        foreign.read()
        for client in (ours, foreign):
            for sent in (
                client.request(),
                client.request({**QUESTION, "stream": True}),
                client.request({**QUESTION, "model": "gpt-99"}),
                client.request([]),
            ):
                client.socket.sendall(sent)
                status, headers, body = client.read()
                answers.append((status, sorted(set(headers)), len(body)))
    assert answers[: len(answers) // 2] == answers[len(answers) // 2 :]


def test_a_client_that_waits_for_continue_gets_it(server: ServerProcess) -> None:
    with Client(server) as client:
        head, body = client.request(head="expect: 100-continue\r\n").split(b"\r\n\r\n", 1)
        client.socket.sendall(head + b"\r\n\r\n")
        assert client.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.socket.sendall(body)
        assert client.read()[0] == 200


@pytest.mark.parametrize("is_chunked", [False, True], ids=["announced", "chunked"])
def test_a_body_over_the_limit_is_refused_while_its_client_still_sends(
    server: ServerProcess,
    is_chunked: bool,  # noqa: FBT001 - a parametrized test
) -> None:
    """The client sends all of its 34 MB before it reads, as most do, and still comes to read why."""
    block = b"x" * (1 << 20)
    with Client(server) as client:
        head, _ = client.request().split(b"\r\n\r\n", 1)
        length = head.rpartition(b"\r\n")[2]
        framing = b"transfer-encoding: chunked" if is_chunked else b"content-length: %d" % (34 * len(block))
        client.socket.sendall(head.replace(length, framing) + b"\r\n\r\n")
        for _ in range(34):
            client.socket.sendall(b"100000\r\n" + block + b"\r\n" if is_chunked else block)
        status, headers, body = client.read()
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(body)["error"]["type"] == "request_too_large"


def test_a_client_that_closes_its_side_gets_its_answer(server: ServerProcess) -> None:
    with Client(server) as client:
        client.socket.sendall(client.request())
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read()[0] == 200
        assert client.is_at_end


def test_garbage_is_refused(server: ServerProcess) -> None:
    with Client(server) as client:
        client.socket.sendall(b"\x16\x03\x01\x02\x00")
        status, headers, _ = client.read()
        assert (status, headers["connection"]) == (400, "close")
        assert client.is_at_end


def send_signal(server: ServerProcess) -> None:
    """Ask the server to stop."""
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)


def test_a_stop_lets_an_answer_end_and_a_second_one_cuts_it(tmp_path: Path) -> None:
    content = {**QUESTION, "model": "claude-haiku-4-5"}
    answer = b'{"type":"message","content":[],"usage":{"input_tokens":9,"output_tokens":1}}'
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(TIMEOUT_S)
        port = upstream.getsockname()[1]
        server = ServerProcess(
            tmp_path / "data",
            arguments=("--upstream-url", f"http://127.0.0.1:{port}"),
        )
        server.start()
        with Client(server) as client, Client(server) as idle:
            client.socket.sendall(client.request(content))
            with upstream.accept()[0] as asked:
                send_signal(server)
                assert idle.is_at_end
                asked.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)
                status, headers, body = client.read()
            assert (status, headers["connection"], body) == (200, "close", answer)
            code, output = server.wait()
        assert (code, "Traceback" in output) == (0, False)
        server.start()
        assert query(server, "SELECT state FROM charges") == [("settled",)]
        with Client(server) as client, Client(server) as idle:
            client.socket.sendall(client.request(content))
            with upstream.accept()[0]:
                send_signal(server)
                assert idle.is_at_end
                send_signal(server)
                assert client.is_at_end
                code, output = server.wait()
        assert (code, "Traceback" in output) == (0, False)
    server.start()
    assert query(server, "SELECT count(*) FROM charges WHERE state = 'settled'") == [(1,)]
    prove(server)
    server.stop()
