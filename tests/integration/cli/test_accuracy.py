"""``jeton tokens accuracy`` against a database, as it is typed."""

import asyncio
import json

import pytest
from tests.integration.watch.scene import MODEL, Counter, make_watch, of_tokens

from jeton.cli import run
from jeton.db.pool import open_pool


@pytest.fixture(autouse=True)
def _observed(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One estimate that is 4 % under, and a bound that was exceeded."""
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)

    async def observe() -> None:
        pool = await open_pool(database_url)
        watch = make_watch(pool, Counter(96))
        watch.note(of_tokens(100))
        watch.note(of_tokens(501, is_rehearsal=True))
        await watch.close()
        await pool.close()

    asyncio.run(observe())


def typed(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        run(["tokens", "accuracy", *words])
    assert ended.value.code in (0, None)
    return capsys.readouterr().out


def test_the_command_has_the_numbers_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(typed("--json", "--days", "7", capsys=capsys))
    [row] = data["counts"]
    assert (row["model"], row["kind"], row["mean_error_ppm"]) == (MODEL, "english", -40_000)
    assert [(bound["observations"], bound["outside"]) for bound in data["bounds"]] == [(2, 1)]
    assert [alarm["code"] for alarm in data["alarms"]] == ["bound_exceeded"]


def test_people_read_percentages_and_open_alarms_first(capsys: pytest.CaptureFixture[str]) -> None:
    shown = typed(capsys=capsys)
    assert shown.startswith("ALARM bound_exceeded, claude-sonnet-5-5, 1 ×")
    assert "-4.00 %" in shown
    assert "1 of 2 exceeded" in shown


@pytest.mark.parametrize("days", ["0", "-1", "367"])
def test_a_range_is_of_days_within_a_year(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tokens", "accuracy", "--days", days]) == 2
    assert "must have 1 to 366 days" in capsys.readouterr().err
