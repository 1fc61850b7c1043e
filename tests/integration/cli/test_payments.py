"""``jeton payments`` and ``jeton invoices write-off`` as they are typed."""

import asyncio
import json
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.billing.receivables.conftest import House

from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.cli import run
from jeton.db.pool import open_pool


@pytest.fixture
def house(database_url: str, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """An organization with two invoices of $100 and one of 30 EUR."""
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)

    async def make() -> UUID:
        pool = await open_pool(database_url)
        async with pool.connection() as connection:
            organization = await open_organization(connection, name="ACME", trial=TrialTerms(0, days=30))
        made = House(pool, organization.organization_id)
        await made.issue(10_000)
        await made.issue(10_000)
        await made.issue(3_000, currency="EUR", total_nano=33 * 10**9)
        await pool.close()
        return organization.organization_id

    return asyncio.run(make())


def typed(*words: str) -> int:
    """Type a command; its exit code."""
    try:
        return run([*words])
    except SystemExit as ended:
        return int(ended.code or 0)


def say(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    """What a command prints as JSON."""
    assert typed(*words, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    return found if isinstance(found, list) else [found]


def test_a_payment_is_recorded_moved_and_voided(house: UUID, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("payments", "record", str(house), "150.00", "--reason", "statement 1", "--reference", "W1")
    (first,) = say(capsys, *given, "--document", "INV-2026-000001=40", "--document", "INV-2026-000002")
    payment_id = str(first["id"])
    (again,) = say(capsys, *given)
    assert (again["id"], again["is_new"]) == (payment_id, False)
    (shown,) = say(capsys, "payments", "list")
    assert shown["left"] == "10.00"
    assert [(one["number"], one["amount"]) for one in shown["documents"]] == [  # type: ignore[attr-defined]  # a list of objects
        ("INV-2026-000001", "40.00"),
        ("INV-2026-000002", "100.00"),
    ]

    assert typed("payments", "unapply", payment_id, "--document", "INV-2026-000002", "--reason", "wrong") == 0
    assert typed("payments", "apply", payment_id, "--document", "INV-2026-000001", "--reason", "right") == 0
    assert typed("payments", "pay-back", payment_id, "50.00", "--reason", "asked for it") == 0
    (shown,) = say(capsys, "payments", "list") if not capsys.readouterr().err else [{}]
    assert (shown["left"], shown["paid_back"]) == ("0.00", "50.00")
    assert typed("payments", "void", payment_id, "--reason", "bounced") == 2
    assert "went back already, so it was real" in capsys.readouterr().err


def test_a_statement_is_imported_and_what_waits_is_assigned(
    house: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "november.csv"
    file.write_text(
        "Date,Amount,Currency,Payer,Description,Reference\n"
        "2026-11-02,100.00,USD,ACME GmbH,INV-2026-000001,B1\n"
        "2026-11-02,30.00,EUR,Somebody,thanks,B2\n"
        "2026-11-02,1.00,USD,Somebody,a gift,B3\n",
        encoding="utf-8",
    )
    (first,) = say(capsys, "payments", "import", str(file))
    assert (first["applied"], first["waiting"]) == (1, 2)
    (again,) = say(capsys, "payments", "import", str(file))
    assert again["known"] == 3

    euro, gift = say(capsys, "payments", "lines")
    assert euro["proposed"] == ["INV-2026-000003"]
    assert typed("payments", "assign", str(euro["id"]), "INV-2026-000003", "--reason", "they called") == 0
    assert typed("payments", "ignore", str(gift["id"]), "--reason", "not ours") == 0
    capsys.readouterr()
    assert say(capsys, "payments", "lines") == []
    shown = say(capsys, "payments", "list", "--organization", str(house))
    assert [one["currency"] for one in shown] == ["EUR", "USD"]


def test_a_broken_line_is_named(house: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.csv"
    file.write_text("Date,Amount\n2026-11-02,5.00\n2026-11-02,five\n", encoding="utf-8")
    assert typed("payments", "import", str(file)) == 2
    assert "line 3: 'five' is not an amount" in capsys.readouterr().err
    assert say(capsys, "payments", "list", "--organization", str(house)) == []


def test_what_is_given_up_and_what_is_waited_for(house: UUID, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("invoices", "write-off", "INV-2026-000001", "--reason", "insolvent", "--key", "w1")
    (first,) = say(capsys, *words)
    (again,) = say(capsys, *words)
    assert (first["amount"], again["id"]) == ("100.00", first["id"])

    assert typed("payments", "wait", "INV-2026-000002", "--until", "2026-12-20", "--reason", "promised") == 0
    assert typed("payments", "wait", "INV-2026-000001", "--until", "2026-12-20", "--reason", "promised") == 2
    assert "Nothing is due" in capsys.readouterr().err
    del house
