"""``jeton limits`` as it is typed."""

from pathlib import Path

import pytest
from tests.integration.cli.test_keys_and_usage import prepare, typed

from jeton.cli import run


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)


def opus(groups: list[dict[str, object]]) -> dict[str, object]:
    return next(group for group in groups if group["group"] == "opus")


def test_limits_are_set_listed_and_cleared(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["Only"])
    config = tmp_path / "jeton.toml"
    config.write_text("[[rate_limits]]\nrequests_per_minute = 10\n", encoding="utf-8")
    monkeypatch.setenv("JETON_CONFIG", str(config))
    listed = opus(typed("limits", "list", capsys=capsys))
    assert (listed["requests_per_minute"], listed["set_by"]) == (10, "")
    made = typed("limits", "set", "opus", "--output-tokens", "500", "--by", "ada", capsys=capsys)
    assert opus(made)["output_tokens_per_minute"] == 500
    assert (opus(made)["requests_per_minute"], opus(made)["set_by"]) == (None, "ada")
    free = typed("limits", "set", "*", "--unlimited", capsys=capsys)
    assert {group["requests_per_minute"] for group in free} == {None}
    assert opus(typed("limits", "clear", "opus", capsys=capsys))["output_tokens_per_minute"] is None
    assert opus(typed("limits", "clear", "*", capsys=capsys))["requests_per_minute"] == 10
    with pytest.raises(SystemExit):
        run(["limits", "list"])
    assert "configuration" in capsys.readouterr().out
    assert run(["limits", "clear", "opus"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["limits", "set", "opus"],
        ["limits", "set", "opus", "--requests", "5", "--unlimited"],
        ["limits", "set", "opus", "--requests", "0"],
        ["limits", "set", "opsu", "--requests", "5"],
    ],
)
def test_what_is_no_limit_is_refused(
    database_url: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["Only"])
    assert run(arguments) == 2
    assert capsys.readouterr().err
