"""nginx twice: as the canned upstream, and as the bare reverse proxy that Jeton is measured against."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parts.answers import INPUT_TOKENS, LARGE_BYTES, SMALL_BYTES, STREAM_BETA, json_answer, sse_answer
from parts.processes import descendants, free_port, pin, running, wait_for_port

# nginx reads a parameter into a page, so long texts are given in pieces.
_PIECE = 3_000

_COMMON = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_max_body_size 33m;
    client_body_buffer_size 256k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{http}
}}
"""

# A large body is read to its end (by proxying to itself) before the answer, as a model would: an answer
# in the middle of the upload would close connections, and no two proxies do the same then. A stream has
# no length (ssi removes it) and so comes in chunks.
_UPSTREAM = """
    map "$content_length:$http_anthropic_beta" $answer {{
        default                 /small-json;
        "~^[0-9]{{6}}:{beta}$"  /large-sse;
        "~^[0-9]{{6}}:"         /large-json;
        "~:{beta}$"             /small-sse;
    }}
    upstream itself {{ server 127.0.0.1:{port}; keepalive 128; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location = /v1/messages {{ rewrite ^ $answer last; }}
        location = /large-json {{ internal; {whole} proxy_pass http://itself/answer/large-json; }}
        location = /large-sse {{ internal; {whole} proxy_pass http://itself/answer/large-sse; }}
        {answers}
    }}
"""
_WHOLE_BODY = (
    'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Content-Length "";'
    " proxy_pass_request_body off; proxy_method GET;"
)

_PROXY = """
    upstream canned {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://canned;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering {buffering};
        }}
    }}
"""


@contextmanager
def canned_upstream(folder: Path, core: int) -> Iterator[int]:
    """A one-worker nginx that answers Messages requests from memory; yields its port."""
    port = free_port()
    answers = "".join(
        _location(path, kind, text)
        for name, size in (("small", SMALL_BYTES), ("large", LARGE_BYTES))
        for path, kind, text in (
            (f"{name}-json", "application/json", json_answer(INPUT_TOKENS[size])),
            (f"{name}-sse", "text/event-stream", sse_answer(INPUT_TOKENS[size])),
        )
    )
    http = _UPSTREAM.format(beta=STREAM_BETA, port=port, answers=answers, whole=_WHOLE_BODY)
    with _nginx(folder / "upstream", http, core, port) as _:
        yield port


@contextmanager
def reverse_proxy(
    folder: Path, core: int, upstream_port: int, *, is_buffered: bool = True
) -> Iterator[tuple[int, list[int]]]:
    """A one-worker nginx in front of the upstream; yields its port and its process ids."""
    port = free_port()
    http = _PROXY.format(upstream=upstream_port, port=port, buffering="on" if is_buffered else "off")
    with _nginx(folder / "proxy", http, core, port) as pids:
        yield port, pids


@contextmanager
def _nginx(folder: Path, http: str, core: int, port: int) -> Iterator[list[int]]:
    folder.mkdir(parents=True)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(_COMMON.format(user=user, folder=folder, http=http))
    command = ["nginx", "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    with running(command, folder / "output.log") as process:
        wait_for_port(port, process)
        pids = [process.pid, *descendants(process.pid)]
        for pid in pids:
            pin(pid, core)
        yield pids


def _location(path: str, kind: str, text: str) -> str:
    # Under two names: a small request is answered at once, a large one when its body was read.
    pieces = [_quoted(text[at : at + _PIECE]) for at in range(0, len(text), _PIECE)]
    sets = " ".join(f"set $piece{number} {piece};" for number, piece in enumerate(pieces))
    whole = "".join(f"$piece{number}" for number in range(len(pieces)))
    chunked = "ssi on; ssi_types text/event-stream;" if kind == "text/event-stream" else ""
    name = f"/{path}" if path.startswith("small") else f"/answer/{path}"
    return f'location = {name} {{ default_type {kind}; {chunked} {sets} return 200 "{whole}"; }}\n'


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("$", "") + "'"
