"""Jeton before a real server of somebody else's: ``transformers serve`` with a tiny model, on this CPU.

    .venv/bin/python -m tests.live.chat_server [--environment DIR] [--record DIR]

It makes an environment of its own (torch and transformers, about 2 GB, once), starts that server and
a Jeton before it, asks with both official packages, and checks answers, usage, receipts and books.
``--record`` keeps what the server said, byte for byte, for tests/integration/upstreams/test_chat_server.py.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import openai
from tests.e2e.books import balance, get, prove
from tests.e2e.serving import ServerProcess, find_free_port, serving

PACKAGES = ("torch==2.13.0", "transformers[serving]==5.23.0")
START_TIMEOUT_S = 600
MODEL = "tiny-random"
QUESTION: Any = [{"role": "user", "content": "What is a jeton?"}]
# Dollars a million tokens; the file below says the same.
INPUT, OUTPUT = Decimal("0.0000004"), Decimal("0.000002")
PRICES = """
[models.tiny-random]
display_name = "Tiny Random"
family = "o200k"
created_on = 2026-01-01
max_input_tokens = 2_000
max_output_tokens = 1_000
[[models.tiny-random.versions]]
from_on = 2026-01-01
web_search_per_1000 = "0"
[[models.tiny-random.versions.bands]]
standard = { input = "%s", cache_write_5m = "%s", cache_write_1h = "%s", cache_read = "%s", output = "%s" }
batch = { factor = "0.5" }
"""
CONFIG = """
[[upstreams]]
name = "theirs"
kind = "openai_compatible"
base_url = "%s/v1"
models = ["tiny-random"]
model_names = { tiny-random = "%s" }
cache = "reported"
costs = ["%s"]
"""
SPOKEN = {
    "text": {"messages": QUESTION, "max_tokens": 8},
    "stream": {
        "messages": QUESTION,
        "max_tokens": 8,
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "system": {"messages": [{"role": "system", "content": "Be brief."}, *QUESTION], "max_tokens": 4},
    "unknown_field": {"messages": QUESTION, "max_tokens": 4, "top_k": 3},
    "no_messages": {"messages": [], "max_tokens": 4},
}


def make_environment(folder: Path) -> Path:
    """An environment for the other server, once; its Python."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        for package in PACKAGES:
            subprocess.run([python, "-m", "pip", "install", "-q", package], check=True)
        (folder / "ready").touch()
    return python


@contextlib.contextmanager
def their_server(python: Path, model: Path) -> Iterator[str]:
    """The other server, healthy; its address."""
    port = find_free_port()
    command = python.parent / "transformers"
    arguments = ("serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu")
    with (model / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [command, *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        try:
            base_url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + START_TIMEOUT_S
            while not _is_healthy(base_url):
                assert process.poll() is None, (model / "serve.log").read_text()
                assert time.monotonic() < deadline, "The other server does not get healthy."
                time.sleep(1)
            yield base_url
        finally:
            process.terminate()
            process.wait()


def _is_healthy(base_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base_url}/health", timeout=5) as answer:  # noqa: S310 - our own machine
            return bool(answer.status == 200)
    except OSError:
        return False


def record(base_url: str, model: Path, folder: Path) -> None:
    """Keep what the server says to each request: status, content type, body; no path of this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, asked in SPOKEN.items():
        status, content_type, body = ask_directly(base_url, {"model": str(model), **asked})
        kept = body.replace(str(model).encode(), MODEL.encode())
        head = f"{status} {content_type}\n".encode()
        (folder / f"{name}.answer").write_bytes(head + kept)


def ask_directly(base_url: str, asked: dict[str, Any]) -> tuple[int, str, bytes]:
    """Ask without Jeton."""
    request = urllib.request.Request(  # noqa: S310 - our own machine
        f"{base_url}/v1/chat/completions",
        json.dumps(asked).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            return answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read()


def check(server: ServerProcess) -> list[tuple[str, str]]:
    """Ask in both dialects, in one piece and streamed; what was asked and what it came to."""
    key = server.demo["ANTHROPIC_API_KEY"]
    found = []
    with anthropic.Anthropic(base_url=server.base_url, api_key=key, max_retries=0) as claude:
        raw = claude.messages.with_raw_response.create(model=MODEL, max_tokens=8, messages=QUESTION)
        found.append(
            ("Messages API, one piece", charged(server, raw.headers["request-id"], raw.parse().usage))
        )
        with claude.messages.stream(model=MODEL, max_tokens=8, messages=QUESTION) as stream:
            message = stream.get_final_message()
            request_id = stream.response.headers["request-id"]
        assert message.stop_reason == "max_tokens"
        found.append(("Messages API, streamed", charged(server, request_id, message.usage)))
        try:
            claude.messages.create(model=MODEL, max_tokens=4, messages=QUESTION, extra_body={"top_k": 3},
                                   extra_headers={"anthropic-version": "2023-06-01"})  # fmt: skip
        except anthropic.APIStatusError as error:
            found.append(("what it refuses", f"{error.status_code}: {error.body}"))
    with openai.OpenAI(base_url=f"{server.base_url}/v1", api_key=key, max_retries=0) as chat:
        made = chat.chat.completions.with_raw_response.create(model=MODEL, max_tokens=8, messages=QUESTION)
        usage = made.parse().usage
        assert usage is not None
        found.append(("openai, one piece", charged_chat(server, made.headers["request-id"], usage)))
        streamed = chat.chat.completions.with_raw_response.create(
            model=MODEL,
            max_tokens=8,
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": True},
        )
        usage = [chunk.usage for chunk in streamed.parse() if chunk.usage][-1]
        found.append(("openai, streamed", charged_chat(server, streamed.headers["request-id"], usage)))
    return found


def charged(server: ServerProcess, request_id: str, usage: anthropic.types.Usage) -> str:
    """The charge, which must be that of the usage."""
    return _charged(server, request_id, usage.input_tokens, usage.output_tokens)


def charged_chat(server: ServerProcess, request_id: str, usage: openai.types.CompletionUsage) -> str:
    """As above."""
    return _charged(server, request_id, usage.prompt_tokens, usage.completion_tokens)


def _charged(server: ServerProcess, request_id: str, input_tokens: int, output_tokens: int) -> str:
    receipt = get(server, f"/v1/receipts/{request_id}")
    charge = input_tokens * INPUT + output_tokens * OUTPUT
    assert Decimal(receipt["net_amount"]) == charge, receipt
    assert receipt["upstream"] == "theirs"
    return f"{input_tokens} + {output_tokens} tokens, ${charge}"


def main() -> None:
    """Run everything and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--environment", type=Path, default=Path(".jeton/live"))
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    python = make_environment(options.environment.absolute())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = folder / MODEL
        made = subprocess.run([python, Path(__file__).with_name("tiny_model.py"), model], check=False)
        assert made.returncode == 0
        prices, costs, config = folder / "prices.toml", folder / "costs.toml", folder / "jeton.toml"
        prices.write_text(PRICES % ("0.40", "0.50", "0.80", "0.04", "2.00"))
        costs.write_text(PRICES % ("0.10", "0.10", "0.10", "0.10", "0.50"))
        with their_server(python, model) as base_url:
            if options.record:
                record(base_url, model, options.record)
            config.write_text(CONFIG % (base_url, model, costs))
            environment = {"JETON_CONFIG": str(config), "JETON_PRICES_DIR": str(prices)}
            with serving(folder / "data", environment=environment) as server:
                for what, result in check(server):
                    sys.stdout.write(f"{what:28} {result}\n")
                used = balance(server)["used"]
                proof = prove(server)
                sys.stdout.write(f"{'books':28} {used} dollars used, {len(proof['findings'])} findings\n")


if __name__ == "__main__":
    main()
