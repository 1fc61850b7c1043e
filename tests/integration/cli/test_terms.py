"""``jeton terms`` as it is typed: agreed on, imported whole or not at all, tried out, ended."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.cli.test_credits import typed
from tests.integration.world import World, open_world

from jeton import clock
from jeton.billing.terms.asking import first_begin
from jeton.cli import run
from jeton.db.pool import open_pool

WORDS = ("--reason", "offer 4711", "--approved-by", "Grace")
MODEL = "claude-sonnet-5-5"


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)


@pytest.fixture
def organization_id(database_url: str) -> UUID:
    """An organization with $5 and one request billed at $0.029."""

    async def prepare() -> World:
        pool = await open_pool(database_url)
        world = await open_world(pool)
        await world.bill()
        await world.close()
        await pool.close()
        return world

    return asyncio.run(prepare()).organization.organization_id


def write_csv(path: Path, *rows: tuple[str, str, str, datetime]) -> str:
    """A file with a row for each (organization, scope, factor, begin)."""
    lines = ["organization_id,scope,factor,effective_from,reason,approved_by"]
    lines += [f"{of},{scope},{factor},{begins.isoformat()},bulk,Grace" for of, scope, factor, begins in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.usefixtures("organization_id")
def test_terms_are_agreed_on_listed_and_ended(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("terms", "add", f"model:{MODEL}", "--rate", "standard.input=1.50", "--factor", "0.9", *WORDS)
    (added,) = typed(*words, "--key", "k1", "--by", "ada", capsys=capsys)
    assert (added["factor"], added["state"], added["created_by"]) == ("0.9", "coming", "ada")
    assert added["rates"] == [{"tier": "standard", "band": "", "bucket": "input", "rate": "1.50"}]
    assert run([*words]) == 1
    assert f"overlaps {added['id']}" in capsys.readouterr().err
    assert typed("terms", "list", capsys=capsys) == [added]
    assert "standard.input=1.50" in typed("terms", "list", capsys=capsys, is_json=False)
    (ended,) = typed("terms", "end", added["id"], "--reason", "no deal", capsys=capsys)
    assert (ended["state"], ended["end_reason"]) == ("over", "no deal")
    assert ended["effective_to"] == added["effective_from"]
    log = typed("audit", "list", capsys=capsys)
    assert [entry["action"] for entry in log[:2]] == ["terms.ended", "terms.agreed"]


def test_a_file_is_imported_whole_or_not_at_all(
    organization_id: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begins = first_begin(clock.now())
    of = str(organization_id)
    bad = write_csv(
        tmp_path / "bad.csv",
        (of, "all", "0.9", begins),
        (of, "line:sonnet", "0.8", begins + timedelta(minutes=1)),
    )
    assert run(["terms", "import", bad]) == 2
    assert "The terms of line 3: they begin at" in capsys.readouterr().err
    unknown = write_csv(
        tmp_path / "unknown.csv", (of, "all", "0.9", begins), (str(UUID(int=9)), "all", "0.8", begins)
    )
    assert run(["terms", "import", unknown]) == 2
    assert "There is no organization 00000000" in capsys.readouterr().err
    assert typed("terms", "list", capsys=capsys) == []
    good = write_csv(tmp_path / "good.csv", (of, "all", "0.9", begins), ("", "line:sonnet", "0.8", begins))
    assert run(["terms", "import", good]) == 2
    assert "line 3: it names no organization_id" in capsys.readouterr().err
    added = typed("terms", "import", good, "--organization", of, capsys=capsys)
    listed = typed("terms", "list", capsys=capsys)
    assert sorted(one["id"] for one in listed) == sorted(added[of])
    assert {one["scope"]: one["factor"] for one in listed} == {"all": "0.9", "line:sonnet": "0.8"}


def test_a_month_under_proposed_terms(
    organization_id: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of $0.029 is $0.0145."""
    now = clock.now()
    file = write_csv(tmp_path / "offer.csv", (str(organization_id), "line:sonnet", "0.5", first_begin(now)))
    shown = typed("terms", "simulate", file, "--month", f"{now:%Y-%m}", capsys=capsys)
    assert (shown["total"]["charged_amount"], shown["total"]["proposed_amount"]) == ("0.029", "0.0145")
    assert shown["data"][0]["difference"] == "-0.0145"
    assert "-$0.0145" in typed(
        "terms", "simulate", file, "--month", f"{now:%Y-%m}", capsys=capsys, is_json=False
    )
    assert typed("terms", "simulate", file, "--month", "2020-01", capsys=capsys)["total"]["requests"] == 0
    assert typed("terms", "list", capsys=capsys) == []


def test_a_quote_at_what_the_organization_agreed_on(
    organization_id: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    """1,000 tokens of output at $10 a million are $0.01; at 0.85 of it $0.0085."""
    (added,) = typed("terms", "add", "all", "--factor", "0.85", *WORDS, capsys=capsys)
    words = ("quote", "--model", MODEL, "--output-tokens", "1000", "--organization", str(organization_id))
    later = datetime.fromisoformat(added["effective_from"]) + timedelta(days=2)
    quoted = typed(*words, "--at", f"{later:%Y-%m-%d}", capsys=capsys)
    assert (quoted["net_amount"], quoted["terms_id"]) == ("0.0085", added["id"])
    assert quoted["saved"]["negotiated"] == "0.0015"
    before = typed(*words, "--at", "2026-11-01", capsys=capsys)
    assert (before["net_amount"], before["terms_id"]) == ("0.01", None)
    with pytest.raises(SystemExit) as refused:
        run([*words[:-1], str(UUID(int=9))])
    assert refused.value.code == 2
