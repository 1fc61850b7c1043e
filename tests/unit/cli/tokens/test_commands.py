"""``jeton tokens``: tokens, measures and cost of files; what cannot be counted is named."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jeton.cli.tokens.commands import app

RUNNER = CliRunner()
DAY = ("--at", "2026-11-22")
OURS = ("--model", "jeton-extract-1")
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def run(*arguments: str, stdin: str | bytes | None = None, command: str = "count") -> Result:
    return RUNNER.invoke(app, [command, *arguments, *DAY], input=stdin)


def counted(*arguments: str, stdin: str | bytes | None = None, command: str = "count") -> dict[str, Any]:
    result = run(*arguments, "--json", stdin=stdin, command=command)
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_a_file_has_its_tokens_measures_and_cost(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Hello, world")
    report = counted(str(file), *OURS)
    [one] = report["files"]
    # tiktoken's o200k_base: [13225, 11, 2375]; $0.10 per million.
    assert (one["tokens"], one["tokens_low"], one["tokens_high"], one["method"]) == (3, 3, 3, "exact")
    assert (one["characters"], one["bytes"], one["words"]) == (12, 12, 2)
    assert (one["characters_per_token"], one["words_per_token"]) == (4.0, 0.667)
    assert one["cost"] == "0.0000003"
    # A message adds 7 tokens: it is what the API says of it.
    assert (report["prompt"]["tokens"], report["prompt"]["cost"]) == (10, "0.000001")
    assert (report["family"], report["price_version"]) == ("o200k", "jeton-extract-1@2024-01-01")


def test_standard_input_is_read_by_name_and_when_nothing_is_named() -> None:
    by_name = counted("-", *OURS, stdin="Hello, world")
    assert by_name["files"][0]["tokens"] == 3
    assert counted(*OURS, stdin="Hello, world") == by_name


def test_an_empty_text_has_no_tokens() -> None:
    [one] = counted(*OURS, stdin="")["files"]
    assert (one["tokens"], one["content"], one["characters_per_token"], one["cost"]) == (
        0,
        "empty",
        None,
        "0.00",
    )


def test_a_directory_is_walked_in_order_and_what_is_hidden_left_out(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "deep/er/c.txt", ".hidden", ".git/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Hello, world")
    report = counted(str(tmp_path), *OURS)
    assert [Path(one["file"]).name for one in report["files"]] == ["a.txt", "b.txt", "c.txt"]
    assert (report["total"]["tokens"], report["total"]["words"]) == (9, 6)


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello, world")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert counted(str(tmp_path), *OURS)["total"]["tokens"] == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"\x7fELF\x02\x01\x00", "binary", id="zero byte"),
        pytest.param(bytes(range(128, 256)) * 10, "binary", id="not text"),
        pytest.param("Hello".encode("utf-16"), "UTF-16 text; write it as UTF-8", id="utf-16"),
    ],
)
def test_binary_files_are_named_and_passed_over(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    report = counted(str(file), *OURS)
    assert report["files"] == []
    assert report["skipped"] == [{"file": str(file), "reason": reason, "failed": False}]


def test_invalid_bytes_are_named_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"Hello, \xff world")
    [one] = counted(str(file), *OURS)["files"]
    assert one["notes"] == ["1 byte is not UTF-8, the first at offset 7; each is counted as U+FFFD"]
    assert one["tokens"] > 3


def test_what_cannot_be_read_is_named_and_the_rest_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello, world")
    os.mkfifo(tmp_path / "pipe")
    result = run(str(tmp_path), str(tmp_path / "none"), *OURS, "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["total"]["tokens"] == 3
    assert [(one["reason"], one["failed"]) for one in report["skipped"]] == [
        ("not a regular file", False),
        ("cannot be read: No such file or directory", True),
    ]


@pytest.mark.parametrize("command", ["count", "estimate"])
def test_a_closed_tokenizers_text_is_estimated_not_bounded(command: str) -> None:
    # The command once had no calibration at hand, and said the ceiling (3.2 tokens a byte) instead.
    text = "The quick brown fox jumps over the lazy dog. " * 40
    report = counted("--model", "claude-opus-5-5", stdin=text, command=command)
    [one] = report["files"]
    assert one["method"] in {"estimated", "reconstructed"}
    # Twelve tokens a sentence at most, and no fewer than its nine words.
    assert 360 <= one["tokens"] <= 800
    assert one["tokens_high"] < 1_000
    assert one["tokens"] / 2 < one["tokens_low"] <= one["tokens"]


def test_an_unknown_model_lists_the_nearest_names() -> None:
    result = run("--model", "claude-opus-55", stdin="x")
    assert result.exit_code == 2
    assert "did you mean claude-opus-5-5? Also near: " in result.stderr
    assert "claude-opus-5" in result.stderr.partition("Also near")[2]


def test_an_endless_model_name_is_refused_at_once() -> None:
    result = run("--model", "claude" * 20_000, stdin="x")
    assert result.exit_code == 2
    assert len(result.stderr) < 1_000


@pytest.mark.parametrize(
    ("content", "tokens", "note"),
    [
        pytest.param(PNG + struct.pack(">II", 1920, 1080), 2691, "1,920 x 1,080 pixels", id="image"),
        pytest.param(
            PNG, 4784, "its width and height cannot be read; counted as the largest image", id="broken image"
        ),
        pytest.param(b"%PDF-1.7 <</Type/Page>> <</Type/Page>>", 8790, "2 pages", id="pdf"),
        pytest.param(
            b"%PDF-1.7 x",
            4395,
            "its pages cannot be seen (damaged or encrypted); counted as one page",
            id="broken pdf",
        ),
    ],
)
def test_images_and_pdfs_are_counted_by_their_rules(
    tmp_path: Path, content: bytes, tokens: int, note: str
) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    [one] = counted(str(file), "--model", "claude-opus-5-5")["files"]
    assert (one["tokens"], one["notes"]) == (tokens, [note])
    assert one["tokens_low"] <= tokens <= one["tokens_high"]
    # The standard tier is smaller.
    assert counted(str(file), "--model", "claude-opus-4-5")["files"][0]["tokens"] < tokens


def test_the_table_shows_each_file_and_all_of_them(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("Hello, world")
    (tmp_path / "c").write_bytes(b"\0")
    result = run(str(tmp_path), *OURS)
    assert result.exit_code == 0
    for part in ("a.txt", "b.txt", "2 files", "exact", "4.00", "0.67", "As one message: 13 tokens", "binary"):
        assert part in result.stdout
    # Nobody watches, so there is no bar.
    assert result.stderr == ""


def test_a_prompt_that_no_model_takes_is_named() -> None:
    result = run(*OURS, stdin="Hello, world. " * 80_000)
    assert "jeton-extract-1 takes at most 200,000 tokens." in result.stdout


def test_an_estimate_has_limits_around_it() -> None:
    [one] = counted("--model", "claude-opus-5-5", stdin="Hello, world. " * 100, command="estimate")["files"]
    assert one["tokens_low"] < one["tokens"] <= one["tokens_high"]
