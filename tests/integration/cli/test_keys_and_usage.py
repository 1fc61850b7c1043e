"""``jeton keys`` and ``jeton usage`` against a database, as they are typed."""

import asyncio
import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.integration.world import open_world

from jeton.cli import run
from jeton.db.pool import open_pool
from jeton.identity.errors import RevokedKeyError
from jeton.identity.key_ring import KeyRing


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)


def prepare(database_url: str, names: list[str]) -> None:
    async def bill() -> None:
        pool = await open_pool(database_url)
        for name in names:
            world = await open_world(pool, name=name)
            await world.bill()
            await world.close()
        await pool.close()

    asyncio.run(bill())


def typed(*words: str, capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 - JSON of any shape
    with pytest.raises(SystemExit) as ended:
        run([*words, "--json"])
    assert ended.value.code in (0, None)
    return json.loads(capsys.readouterr().out)


def test_a_key_is_created_listed_and_revoked(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(database_url, ["Only"])
    created = typed("keys", "create", "laptop", "--days", "3", capsys=capsys)
    assert created["secret"].startswith("sk-jtn-api-")
    assert created["id"] in [key["id"] for key in typed("keys", "list", capsys=capsys)]
    words = ("--model", "claude-sonnet-5", "--network", "192.0.2.7")
    restricted = typed("keys", "restrict", created["id"], *words, capsys=capsys)
    assert (restricted["models"], restricted["networks"]) == (["claude-sonnet-5"], ["192.0.2.7/32"])
    assert typed("keys", "restrict", created["id"], capsys=capsys)["models"] is None
    revoked = typed("keys", "revoke", created["id"], capsys=capsys)
    assert revoked["status"] == "archived"
    leaked = typed("keys", "leaked", created["id"], "--by", "ada", capsys=capsys)
    assert (leaked["revoked_at"], leaked["batches_canceled"]) == (revoked["revoked_at"], 0)

    async def use() -> None:
        pool = await open_pool(database_url)
        try:
            await KeyRing(pool).authenticate(created["secret"])
        finally:
            await pool.close()

    with pytest.raises(RevokedKeyError):
        asyncio.run(use())


def test_usage_is_the_same_as_everywhere(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["Only"])
    report = typed("usage", "--since", "1d", capsys=capsys)
    assert report["totals"]["net_amount"] == "0.029"
    assert report["rows"][0]["model"] == "claude-sonnet-5-5"
    by_tag = typed("usage", "--since", "1d", "--by", "tag", capsys=capsys)
    assert [(group["tag"], group["net_amount"]) for group in by_tag["groups"]] == [("", "0.029")]
    none = typed("usage", "--since", "1d", "--end-user", "nobody", capsys=capsys)
    assert (none["totals"]["requests"], none["rows"]) == (0, [])
    file = tmp_path / "focus.csv"
    with pytest.raises(SystemExit):
        run(["focus", "--from", "2026-01-01", "-o", str(file)])
    rows = [*csv.DictReader(file.read_text("utf-8").splitlines())]
    used = [row for row in rows if row["ChargeCategory"] == "Usage"]
    assert sum(Decimal(row["EffectiveCost"]) for row in used) == Decimal("0.029")
    with pytest.raises(SystemExit):
        run(["focus", "--from", "2026-01-01", "-o", str(file), "--only", "token_class=output_tokens"])
    of_output = [*csv.DictReader(file.read_text("utf-8").splitlines())]
    assert {row["SkuMeter"] for row in of_output} < {row["SkuMeter"] for row in used}
    assert run(["focus", "--from", "2026-01-01", "--only", "prompt=x"]) == 2
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("since", ["0d", "week", "367d", "1000d"])
def test_a_since_that_is_no_number_of_days_is_refused(
    database_url: str, since: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["Only"])
    assert run(["usage", "--since", since]) == 2
    assert capsys.readouterr().err


def test_with_several_organizations_one_must_be_chosen(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_url, ["First", "Second"])
    assert run(["keys", "list"]) == 2
    told = capsys.readouterr().err
    assert "First" in told
    assert "--organization" in told
