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


def test_a_budget_of_a_model_is_made_and_its_alerts_are_snoozed(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["Only"])
    made = typed("budgets", "create", "1.00", "day", "--tag", "nightly", capsys=capsys)
    assert made["scope"] == {"type": "tag", "tag": "nightly"}
    assert run(["budgets", "create", "1", "day", "--tag", "a", "--end-user", "b"]) == 2
    assert "name only one of end_user, tag" in capsys.readouterr().err
    quiet = typed("budgets", "snooze", made["id"], "--hours", "2", capsys=capsys)
    assert [one["budget_id"] for one in quiet["snoozed"]] == [made["id"]]
    chosen = typed("budgets", "alerts", "--no-anomalies", "--silence-hours", "6", capsys=capsys)
    assert (chosen["alert_choices"]["tells_anomalies"], chosen["alert_choices"]["silence_hours"]) == (
        False,
        6,
    )


def test_a_zone_that_is_none_is_refused(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(database_url, ["Only"])
    assert run(["budgets", "create", "1.00", "day", "--zone", "Berlin"]) == 2
    assert "Did you mean Europe/Berlin" in capsys.readouterr().err


def test_a_budget_of_each_end_user_is_tried_made_and_shown(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one request before names no end user."""
    prepare(database_url, ["Only"])
    assert typed("budgets", "try", "0.50", "day", "--end-user", "*", capsys=capsys)["requests"] == 0
    made = typed("budgets", "create", "2", "day", "--end-user", "*", capsys=capsys)
    assert (made["scope"], made["highest"]) == ({"type": "end_user", "end_user": "*"}, [])
    assert (made["window"]["left"], made["window"]["percent"]) == (None, None)
    with pytest.raises(SystemExit):
        run(["budgets", "show", made["id"]])
    assert "each end user" in capsys.readouterr().out
