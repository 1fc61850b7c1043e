import json
from pathlib import Path

from typer.testing import CliRunner

from jeton.cli.prices import app

RUNNER = CliRunner()
KNOWN_KEYS = (
    "known here are aliases, created_on, deprecated_on, display_name, family, line, max_input_tokens,"
    " max_output_tokens, retires_on, versions."
)
HOUSE = """\
[models.house-1]
display_name = "House 1"
family = "o200k"
created_on = 2026-01-01
max_input_tokens = 1000
max_output_tokens = 100
[[models.house-1.versions]]
from_on = 2026-01-01
web_search_per_1000 = "10"
[[models.house-1.versions.bands]]
standard = { input = "1", cache_write_5m = "1.25", cache_write_1h = "2", cache_read = "0.1", output = "5" }
"""


def test_list_shows_what_is_in_force_on_a_day() -> None:
    result = RUNNER.invoke(app, ["list", "claude-sonnet-5-5", "--at", "2026-10-06", "--json"])
    versions = json.loads(result.stdout)["price_versions"]
    assert [version["price_version"] for version in versions] == ["claude-sonnet-5-5@2026-09-28"]
    assert versions[0]["price"]["bands"][0]["standard"]["cache_read"] == "0.20"


def test_list_of_today_leaves_retired_models_out_and_history_keeps_them() -> None:
    today = RUNNER.invoke(app, ["list", "--at", "2026-11-22"]).stdout
    history = RUNNER.invoke(app, ["list", "--history"]).stdout
    assert "claude-opus-5-5" in today
    assert "claude-3-opus" not in today
    assert "claude-3-opus" in history


def test_list_of_an_unknown_model_is_exit_code_2() -> None:
    result = RUNNER.invoke(app, ["list", "claude-opsu-5"])
    assert result.exit_code == 2
    assert "did you mean claude-opus-5?" in result.stderr


def test_check_finds_no_mistake_in_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "house.toml"
    file.write_text(HOUSE)
    result = RUNNER.invoke(app, ["check", str(file), "--alone"])
    assert (result.exit_code, result.stdout) == (0, "No mistakes: 1 price versions.\n")


def test_check_prints_every_mistake_with_file_and_line_and_exits_with_1(tmp_path: Path) -> None:
    file = tmp_path / "house.toml"
    file.write_text(HOUSE.replace('"1.25"', '"-1.25"').replace("max_output_tokens", "max_output"))
    result = RUNNER.invoke(app, ["check", str(file)])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{file}:1: the key max_output_tokens is missing.",
        f"{file}:6: unknown key max_output; {KNOWN_KEYS}",
        f"{file}:11: cache_write_5m is -1.25: it must not be negative.",
    ]


def test_check_as_json_has_the_same_mistakes(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["check", str(tmp_path / "absent.toml"), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "is_valid": False,
        "mistakes": [f"{tmp_path}/absent.toml:1: cannot be read: No such file or directory."],
    }


def test_diff_warns_of_a_price_changed_in_place(tmp_path: Path) -> None:
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_text(HOUSE)
    new.write_text(HOUSE.replace('output = "5"', 'output = "6"'))
    result = RUNNER.invoke(app, ["diff", str(old), str(new)])
    assert result.stdout == (
        "changed house-1@2026-01-01 price.bands.0.standard.output: 5.00 → 6.00 (a price changed in place: add"
        " a version with a later date instead)\n"
    )


def test_diff_of_the_same_book_has_no_differences() -> None:
    assert RUNNER.invoke(app, ["diff", "packaged", "packaged"]).stdout == "No differences.\n"
    assert json.loads(RUNNER.invoke(app, ["diff", "packaged", "packaged", "--json"]).stdout) == {
        "differences": []
    }
