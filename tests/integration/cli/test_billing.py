"""``jeton billing`` against a database, as it is typed."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from jeton.billing.jobs.claiming import know_kinds
from jeton.billing.jobs.running import Runner
from jeton.billing.jobs.words import Duty, DutyIncompleteError
from jeton.cli import run
from jeton.db.pool import open_pool
from jeton.errors import NotFoundError


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)


def prepare(database_url: str) -> None:
    """One kind that did something, one that failed, and one that nobody does any more."""

    async def reload(at: datetime) -> Mapping[str, int]:
        del at
        return {"opened": 2, "ended": 1}

    async def fail(at: datetime) -> Mapping[str, int]:
        del at
        raise DutyIncompleteError("2 of 7 invoices were not issued.")

    async def do() -> None:
        pool = await open_pool(database_url)
        hour = timedelta(hours=1)
        runner = Runner(
            pool, [Duty("reload", hour, reload), Duty("close_periods", hour, fail)], node_id="node_1"
        )
        async with pool.connection() as connection:
            await know_kinds(connection, [*runner.duties, "dunning"])
            await connection.execute("UPDATE billing_jobs SET due_at = due_at - interval '6 minutes'")
        for kind in runner.duties:
            await runner.run(kind)
        await pool.close()

    asyncio.run(do())


def typed(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    # What the preparation logged.
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        run(["billing", *words])
    assert ended.value.code in (0, None)
    return capsys.readouterr().out


def test_jobs_are_listed_with_what_they_did(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(database_url)
    table = typed("jobs", capsys=capsys)
    assert "opened 2" in table
    jobs = {job["kind"]: job for job in json.loads(typed("jobs", "--json", capsys=capsys))}
    assert {kind: job["state"] for kind, job in jobs.items()} == {
        "close_periods": "failing",
        "dunning": "overdue",
        "reload": "waiting",
    }
    assert jobs["close_periods"]["problem"] == "2 of 7 invoices were not issued."
    assert jobs["reload"]["counts"] == {"opened": 2, "ended": 1}


def test_one_is_hurried(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(database_url)
    before = {job["kind"]: job["due_at"] for job in json.loads(typed("jobs", "--json", capsys=capsys))}
    assert "due now" in typed("run", "reload", capsys=capsys)
    after = {job["kind"]: job["due_at"] for job in json.loads(typed("jobs", "--json", capsys=capsys))}
    assert after["reload"] < before["reload"]
    assert after["close_periods"] == before["close_periods"]


def test_a_kind_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["billing", "run", "no_such"]) == 1
    assert NotFoundError.__name__ not in capsys.readouterr().err
