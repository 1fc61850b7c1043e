"""``jeton budgets`` as it is typed."""

import pytest
from tests.integration.cli.test_keys_and_usage import prepare, typed

from jeton.cli import run


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)


def test_a_budget_is_made_changed_listed_and_ended(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["Only"])
    made = typed("budgets", "create", "1.00", "week", "--anchor-day", "7", "--soft", capsys=capsys)
    assert (made["limit"], made["is_hard"], made["window"]["settled"]) == ("1.00", False, "0.029")
    changed = typed("budgets", "change", made["id"], "--limit", "0.50", "--hard", capsys=capsys)
    assert (changed["limit"], changed["is_hard"]) == ("0.50", True)
    assert [one["id"] for one in typed("budgets", "list", capsys=capsys)] == [made["id"]]
    assert typed("budgets", "end", made["id"], "--by", "ada", capsys=capsys)["ended_at"]
    assert typed("budgets", "list", capsys=capsys) == []


def test_a_budget_is_tried_on_what_was_and_not_made(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one request held $1.00, which is more than $0.50."""
    prepare(database_url, ["Only"])
    run_ = typed("budgets", "try", "0.50", "total", capsys=capsys)
    assert (run_["requests"], run_["refused"], run_["refused_net_amount"]) == (1, 1, "0.029")
    assert typed("budgets", "list", capsys=capsys) == []


def test_a_zone_that_is_none_is_refused(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(database_url, ["Only"])
    assert run(["budgets", "create", "1.00", "day", "--zone", "Berlin"]) == 2
    assert "Did you mean Europe/Berlin" in capsys.readouterr().err
