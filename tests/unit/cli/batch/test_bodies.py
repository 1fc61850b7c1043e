import json
from pathlib import Path

import pytest

from jeton.cli.batch.bodies import RequestsFileError, read_body


def test_lines_become_one_body_whatever_their_number(tmp_path: Path) -> None:
    lines = [{"custom_id": f"r{number}", "params": {"text": "x" * 100}} for number in range(2_000)]
    file = tmp_path / "requests.jsonl"
    file.write_text("\n\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    read: list[int] = []
    blocks = [*read_body(file, read.append)]
    assert json.loads(b"".join(blocks)) == {"requests": lines}
    assert max(map(len, blocks)) < 70_000
    assert sum(read) == file.stat().st_size


def test_a_json_file_is_the_body_itself(tmp_path: Path) -> None:
    file = tmp_path / "batch.json"
    file.write_text('{"requests": [ ]}', encoding="utf-8")
    assert b"".join(read_body(file, lambda _: None)) == b'{"requests": [ ]}'


def test_an_empty_file_is_a_body_without_requests(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.touch()
    assert b"".join(read_body(file, lambda _: None)) == b'{"requests":[]}'


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestsFileError, match="cannot be read"):
        next(read_body(tmp_path / "nowhere.jsonl", lambda _: None))
