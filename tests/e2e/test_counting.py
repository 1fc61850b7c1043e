"""One number (P7): the command line, the count endpoint and the charge agree on a prompt's tokens."""

import base64
import json
import struct
from pathlib import Path
from typing import Any

import anthropic
from tests.e2e.serving import run_jeton, serving

TEXT = "Jetons: counters of 1,000 reckoners — naïve, 漢字, \U0001f469\u200d\U0001f680 and tabs\t.\n" * 40
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 1920, 1080)


def counted(*files: Path) -> dict[str, Any]:
    done = run_jeton("tokens", "count", *map(str, files), "--model", "jeton-extract-1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_the_command_line_the_endpoint_and_the_charge_agree(tmp_path: Path) -> None:
    text_file, image_file = tmp_path / "prompt.txt", tmp_path / "picture.png"
    text_file.write_text(TEXT)
    image_file.write_bytes(PNG)
    image: Any = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
    }
    text_only: Any = [{"role": "user", "content": TEXT}]
    both: Any = [{"role": "user", "content": [{"type": "text", "text": TEXT}, image]}]
    with (
        serving(tmp_path / "data") as server,
        anthropic.Anthropic(base_url=server.base_url, api_key=server.demo["ANTHROPIC_API_KEY"]) as client,
    ):
        for messages, files in ((text_only, [text_file]), (both, [text_file, image_file])):
            raw = client.messages.with_raw_response.count_tokens(model="jeton-extract-1", messages=messages)
            tokens = raw.parse().input_tokens
            assert raw.headers["jeton-count"] == "exact"
            assert counted(*files)["prompt"]["tokens"] == tokens
            answer = client.messages.create(model="jeton-extract-1", max_tokens=10, messages=messages)
            assert answer.usage.input_tokens == tokens
