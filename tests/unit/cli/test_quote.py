import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jeton.cli.quote import app

RUNNER = CliRunner()
DAY = ("--at", "2026-11-22")


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return RUNNER.invoke(app, [*arguments, *DAY], input=stdin)


def quoted(*arguments: str, stdin: str | bytes | None = None) -> dict[str, Any]:
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    quote: dict[str, Any] = json.loads(result.stdout)
    return quote


def test_exact_counts_give_exact_amounts() -> None:
    """V4: Opus 5.5, fast and US, $0.968."""
    quote = quoted(
        *("--model", "claude-opus-5-5", "--speed", "fast", "--geo", "us"),
        *("--input-tokens", "5000", "--output-tokens", "3000"),
        *("--cache-write-1h-tokens", "40000", "--cache-read-tokens", "200000"),
    )
    assert quote["net_amount"] == "0.968"
    assert quote["list_amount"] == "1.04"
    assert [line["bucket"] for line in quote["lines"]] == ["input", "cache_write_1h", "cache_read", "output"]


def test_a_batch_halves_tokens_and_not_searches() -> None:
    quote = quoted("--model", "claude-opus-5", "--batch", "--output-tokens", "1000", "--web-searches", "3")
    assert quote["net_amount"] == "0.0425"


def test_a_prompt_is_read_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("Hello, world!")
    from_file = quoted(str(file), "--model", "jeton-extract-1")
    assert from_file["tokens"]["input_tokens"] == 11
    assert from_file["tokens_source"] == "counted"
    assert quoted("-", "--model", "jeton-extract-1", stdin="Hello, world!") == from_file


def test_a_claude_models_prompt_is_shown_with_its_method_and_limits() -> None:
    quote = quoted("-", "--model", "claude-opus-5", stdin="Hello, world!")
    assert quote["tokens_source"] == "estimated"
    assert quote["count"]["method"] == "estimated"
    assert quote["count"]["low"] < quote["tokens"]["input_tokens"] == quote["count"]["value"]
    shown = run("-", "--model", "claude-opus-5", stdin="Hello, world!").stdout
    assert f"prompt tokens estimated, {quote['count']['low']} to {quote['count']['high']}" in " ".join(
        shown.split()
    )
    assert "11 exact" in run("-", stdin="Hello, world!").stdout


def test_a_cached_part_is_read_or_with_a_lifetime_written_first() -> None:
    plain = ("--model", "claude-opus-5", "--input-tokens", "100000", "--cached", "0.9")
    read = quoted(*plain)
    written = quoted(*plain, "--ttl", "1h")
    assert (read["net_amount"], read["later"]) == ("0.095", None)
    assert (written["net_amount"], written["later"]["net_amount"]) == ("0.95", "0.095")


def test_several_models_are_compared_under_quotes() -> None:
    answer = quoted("--model", "claude-opus-5", "--model", "claude-sonnet-5", "--output-tokens", "1000")
    assert [(quote["model"], quote["net_amount"]) for quote in answer["quotes"]] == [
        ("claude-opus-5", "0.025"),
        ("claude-sonnet-5", "0.01"),
    ]


def test_a_table_for_people_has_every_discount_and_no_colour_in_a_file() -> None:
    result = run("--model", "claude-sonnet-5-5", "--input-tokens", "2000", "--cache-read-tokens", "100000")
    assert result.exit_code == 0
    assert "cache_read ×0.05: -$0.19" in result.stdout
    assert "$0.19 saved (93.1 %)" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_comparison_for_people_has_a_row_for_each_model() -> None:
    result = run("--input-tokens", "1000")
    assert result.exit_code == 0
    assert "claude-opus-5-5" in result.stdout
    assert "claude-3-opus" not in result.stdout


BAD = [
    pytest.param((), "Give a prompt file", id="nothing"),
    pytest.param(
        ("--model", "claude-opus-9", "--input-tokens", "1"), "no price for a model", id="unknown model"
    ),
    pytest.param(("--input-tokens", "-1"), "input_tokens is -1", id="negative count"),
    pytest.param(("--input-tokens", "1" + "0" * 13), "not a count from 0", id="absurd count"),
    pytest.param(("--input-tokens", "many"), "--input-tokens", id="no number"),
    pytest.param(("absent.txt",), "absent.txt cannot be read", id="no such file"),
    pytest.param((".",), "cannot be read", id="a directory"),
    pytest.param(("-", "--input-tokens", "1"), "not both", id="file and counts"),
    pytest.param(("--input-tokens", "1", "--cached", "1.5"), "not from 0 to 1", id="more than all cached"),
    pytest.param(("--input-tokens", "1", "--cached", "most"), "not a decimal", id="no fraction"),
    pytest.param(("--output-tokens", "1", "--cached", "1"), "--cached is a part", id="nothing to cache"),
    pytest.param(
        ("--input-tokens", "1", "--cached", "1", "--cache-read-tokens", "1"), "not both", id="cached twice"
    ),
    pytest.param(("--input-tokens", "1", "--ttl", "1h"), "--ttl says", id="lifetime of nothing"),
    pytest.param(
        ("--input-tokens", "1", "--batch", "--speed", "fast"), "not available in a batch", id="fast batch"
    ),
    pytest.param(
        ("--input-tokens", "1", "--model", "claude-opus-4-5", "--geo", "us"),
        "US inference",
        id="not sold in the US",
    ),
    pytest.param(("--input-tokens", "1", "--at", "soon"), "not a day", id="no date"),
    pytest.param(
        ("--input-tokens", "1", "--prices-dir", "absent.toml"), "absent.toml:1: cannot", id="no price file"
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD)
def test_bad_input_is_one_clear_sentence_and_exit_code_2(arguments: tuple[str, ...], sentence: str) -> None:
    result = RUNNER.invoke(app, [*arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_prompt_that_is_no_text_is_refused() -> None:
    result = run("-", "--model", "claude-opus-5", stdin=b"ok \xff")
    assert result.exit_code == 2
    assert "not UTF-8 text: byte 3 is wrong" in result.stderr
