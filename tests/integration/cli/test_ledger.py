"""``jeton ledger`` as it is typed: verify with ends that were kept, and export into files."""

import asyncio
import json
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.integration.world import open_world

from jeton import clock
from jeton.cli import run
from jeton.db.pool import connect, open_pool

BEAN_CHECK = Path(sys.executable).parent / "bean-check"


@pytest.fixture(autouse=True)
def _world(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)
    bill(database_url)


def bill(database_url: str) -> None:
    """One more organization, with one request billed."""

    async def make() -> None:
        pool = await open_pool(database_url)
        world = await open_world(pool)
        await world.bill()
        await world.close()
        await pool.close()

    asyncio.run(make())


def ledger(*words: str) -> int:
    """Type a command of the group; its exit code."""
    return typed("ledger", *words)


def typed(*words: str) -> int:
    """Type a command; its exit code."""
    try:
        return run([*words])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_the_ends_of_yesterday_are_looked_for(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "ends.json"
    assert ledger("verify", "--json") == 0
    kept.write_text(capsys.readouterr().out, encoding="utf-8")
    bill(database_url)
    assert ledger("verify", "--expect", str(kept)) == 0
    assert "Looked for 1 ends of chains" in capsys.readouterr().out
    ends = json.loads(kept.read_text(encoding="utf-8"))
    ends["chains"] = {one: f"{end.partition(':')[0]}:{'0' * 64}" for one, end in ends["chains"].items()}
    kept.write_text(json.dumps(ends), encoding="utf-8")
    assert ledger("verify", "--expect", str(kept)) == 1
    assert "does not pass through number 3 as it was kept" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[]", '{"chains": {"x": "seven"}}', None])
def test_a_file_without_ends_is_one_sentence(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ends.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert ledger("verify", "--expect", str(path)) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert said.startswith(f"{path} holds no ends of chains (")
    assert said.count("\n") == 1


@pytest.mark.parametrize("form", ["beancount", "csv", "jsonl"])
def test_an_export_goes_to_standard_output_or_into_a_private_file(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "books"
    assert ledger("export", "--format", form) == 0
    printed = capsys.readouterr().out
    assert ledger("export", "--format", form, "-o", str(path)) == 0
    out, said = capsys.readouterr()
    assert (out, path.read_text(encoding="utf-8")) == ("", printed)
    assert said == f"3 transactions written to {path}.\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["books"]


def test_what_cannot_be_exported_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, code, sentence in (
        (("--from", "2026-02-01", "--until", "2026-02-01"), 2, "is not before --until"),
        (("--to", "2026-02-01", "--until", "2026-02-02"), 2, "say the same"),
        (("--organization", "01a2b3c4-0000-7000-8000-000000000000"), 2, "There is nothing booked"),
        (("-o", str(tmp_path / "no" / "folder")), 1, "cannot be written"),
    ):
        assert ledger("export", *words) == code
        out, said = capsys.readouterr()
        assert out == ""
        assert sentence in said
        assert said.count("\n") == 1


def test_statements_are_tables_csv_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """$5 of trial credit, $0.029 of it used; nothing paid for, so nothing is deferred."""
    assert ledger("export", "--as", "trial-balance", "--csv") == 0
    rows = [line.split(",")[1:] for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["account", "opening", "debit", "credit", "closing"],
        ["credit:free", "0.000000000", "1.000000000", "5.971000000", "-4.971000000"],
        ["held", "0.000000000", "1.000000000", "1.000000000", "0.000000000"],
        ["promotion", "0.000000000", "5.000000000", "0.029000000", "4.971000000"],
    ]
    for kind in ("trial-balance", "deferred-revenue", "income", "tax", "ageing"):
        assert ledger("export", "--as", kind, "--json") == 0
        assert json.loads(capsys.readouterr().out)["is_tied"] is True
        assert ledger("export", "--as", kind, "--by-organization") == 0
        assert "differs" not in capsys.readouterr().out
        path = tmp_path / kind
        assert ledger("export", "--as", kind, "-o", str(path)) == 0
        assert path.read_text(encoding="utf-8").startswith("organization_id,")
    capsys.readouterr()
    assert ledger("export", "--as", "journal") == 0
    journal = capsys.readouterr().out
    assert ledger("export", "--format", "csv") == 0
    assert capsys.readouterr().out == journal
    assert ledger("export", "--as", "beancount") == 0
    assert "tolerance_multiplier" in capsys.readouterr().out


def test_the_last_day_is_included_and_days_are_those_of_the_books_zone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Kiribati's line islands are 14 hours ahead of UTC: what is posted now may be tomorrow's there."""
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Midway"):
        monkeypatch.setenv("JETON_BOOKS_ZONE", zone)
        today = clock.now().astimezone(ZoneInfo(zone)).date()
        day = timedelta(days=1)
        for on, entries in ((today, 3), (today - 2 * day, 0)):
            assert (
                ledger("export", "--from", str(on - day), "--to", str(on), "--as", "journal", "--json") == 0
            )
            assert len(capsys.readouterr().out.splitlines()) == entries
        path = tmp_path / "books.beancount"
        assert ledger("export", "--to", str(today), "-o", str(path)) == 0
        capsys.readouterr()
        done = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_month_is_closed_and_opened_as_it_is_typed(
    empty_database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The month before this one, in which nothing was: exports are noted, and the lock outlives a restore."""
    before = (clock.now().replace(day=1) - timedelta(days=1)).date()
    month, first, last = f"{before:%Y-%m}", str(before.replace(day=1)), str(before)
    for kind in ("trial-balance", "deferred-revenue", "journal"):
        words = ("--as", kind, "--from", first, "--to", last, "-o", str(tmp_path / kind))
        assert ledger("export", *words) == 0
    capsys.readouterr()
    assert ledger("status", month, "--json") == 0
    items = {item["key"]: item["state"] for item in json.loads(capsys.readouterr().out)["checklist"]}
    assert [key for key, state in items.items() if state != "done"] == ["proof"]
    assert ledger("close", month, "--reason", "as every month") == 0
    assert f"{month} is closed" in capsys.readouterr().out
    assert ledger("status") == 0
    assert "Closed until" in capsys.readouterr().out
    assert ledger("close", month) == 1
    assert "one after the other" in capsys.readouterr().err
    assert ledger("verify") == 0
    assert ledger("close", "2026-13") == 2
    file = tmp_path / "jeton.backup"
    assert typed("backup", str(file)) == 0
    elsewhere = ("--database-url", empty_database_url, "--data-dir", str(tmp_path / "data"))
    assert typed("restore", str(file), *elsewhere) == 0
    assert asyncio.run(read_lock(empty_database_url)) is not None
    capsys.readouterr()
    assert ledger("reopen", month, "--reason", "an invoice was forgotten", "--json") == 0
    assert json.loads(capsys.readouterr().out)["reopen_reason"] == "an invoice was forgotten"


async def read_lock(database_url: str) -> str | None:
    """The condition that keeps the closed months as they are."""
    connection = await connect(database_url)
    try:
        cursor = await connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'transactions_after_closing'"
        )
        row = await cursor.fetchone()
    finally:
        await connection.close()
    return row[0] if row else None
