"""Heads: the first bytes of an answer, and the few answers that need no call."""

from http import HTTPStatus

from jeton.gateway.envelope import Headers

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_STATUS_LINES = {
    status: f"HTTP/1.1 {status} ".encode()
    + (HTTPStatus(status).phrase.encode() if status in set(HTTPStatus) else b"")
    for status in range(200, 600)
}


def render_head(status: int, headers: Headers, *, date: bytes, is_chunked: bool, is_last: bool) -> bytes:
    """The head of an answer with its empty line; ValueError if a header would be read as more than one."""
    pieces = [_STATUS_LINES[status], b"\r\ndate: ", date]
    for name, value in headers:
        pieces += (b"\r\n", name, b": ", value)
    if is_chunked:
        pieces.append(b"\r\ntransfer-encoding: chunked")
    if is_last:
        pieces.append(b"\r\nconnection: close")
    pieces.append(b"\r\n\r\n")
    head = b"".join(pieces)
    # Some values come from an upstream, and one line too many would be an answer of its own.
    if head.count(b"\n") != len(headers) + 3 + is_chunked + is_last:
        raise ValueError(status)
    return head


def render_chunk(data: bytes) -> bytes:
    """A part of a body without a length."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def render_refusal(status: int) -> bytes:
    """A whole answer to what is no call; the connection ends with it."""
    phrase = HTTPStatus(status).phrase.encode()
    return (
        b"HTTP/1.1 %d %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
        b"connection: close\r\n\r\n%b\n" % (status, phrase, len(phrase) + 1, phrase)
    )
