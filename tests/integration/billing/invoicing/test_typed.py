"""Invoices as they are typed: drafted, closed, corrected; each profile and rate with its mistakes named."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.world import open_world

from jeton.charging.credits.limits import set_credit_limit
from jeton.cli import run
from jeton.db.pool import open_pool
from jeton.identity.audit import SYSTEM

USD = 1_000_000_000


@pytest.fixture(autouse=True)
def _house(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A German seller, and an invoiced organization with $5.80 of usage, of which $5 were free."""
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)
    monkeypatch.setenv("JETON_SELLER_COUNTRY", "DE")
    monkeypatch.setenv("JETON_TAX_RATES", "DE=19@2007-01-01")

    async def prepare() -> None:
        pool = await open_pool(database_url)
        world = await open_world(pool)
        async with pool.connection() as connection:
            await set_credit_limit(connection, world.organization.organization_id, 100 * USD, by=SYSTEM)
        for _ in range(200):
            await world.bill()
        await world.close()
        await pool.close()

    asyncio.run(prepare())


def typed(*words: str, capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 - JSON of any shape
    with pytest.raises(SystemExit) as ended:
        run(["invoices", *words, "--json"])
    assert ended.value.code in (0, None)
    return json.loads(capsys.readouterr().out)


def test_a_draft_becomes_an_invoice_that_is_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    (draft,) = typed("draft", capsys=capsys)
    assert (draft["state"], draft["number"], draft["total_amount"]) == ("draft", None, "0.95")
    assert run(["invoices", "issue"]) == 1
    assert "The period ends at" in capsys.readouterr().err
    later = datetime.fromisoformat(draft["period_to"]).astimezone(UTC) + timedelta(days=3)

    closed = typed("close", "--at", f"{later:%Y-%m-%dT%H:%M:%S}", capsys=capsys)

    assert (closed["periods"], closed["documents"], closed["problems"]) == (1, {"invoice": 1}, {})
    (head,) = typed("list", capsys=capsys)
    number = head["number"]
    assert (head["state"], head["due_amount"]) == ("issued", "0.95")
    shown = typed("show", number, capsys=capsys)
    assert [tax["tax_amount"] for tax in shown["taxes"]] == ["0.15"]
    assert sum(1 for line in shown["lines"] if line["kind"] == "usage") == 3
    (note,) = typed("credit-note", number, "0.50", "--reason", "outage", "--key", "k", capsys=capsys)
    assert (note["number"][:4], note["corrects"], note["total_amount"]) == ("CRN-", number, "0.60")
    assert typed("show", number, capsys=capsys)["due_amount"] == "0.35"
    assert run(["invoices", "void", number, "--reason", "x"]) == 2
    assert "was credited or written off in part" in capsys.readouterr().err
    assert run(["invoices", "show", "INV-1999-000001"]) == 1
    assert "There is no document INV-1999-000001." in capsys.readouterr().err


def test_profiles_and_rates_are_entered_and_their_mistakes_named(capsys: pytest.CaptureFixture[str]) -> None:
    profile = typed("profile", "legal_name=Example GmbH", "country=FR", "anchor_day=31", capsys=capsys)
    assert (profile["legal_name"], profile["country"], profile["anchor_day"]) == ("Example GmbH", "FR", 31)
    assert run(["invoices", "profile", "country=Deutschland", "anchor_day=32", "currency=EURO"]) == 2
    said = capsys.readouterr().err
    assert "country is 'Deutschland'" in said
    assert "anchor_day is 32, not a whole number from 1 to 31" in said
    assert "'EURO' is no currency code" in said
    # A zone that is none would keep every later period from being issued.
    assert run(["invoices", "profile", "zone="]) == 2
    assert "zone" in capsys.readouterr().err
    assert run(["invoices", "profile", "colour=red"]) == 2
    assert "'colour=red' is not FIELD=VALUE" in capsys.readouterr().err
    noting = ["rate", "EUR", "0.92", "--from", "2026-01-01", "--source", "ECB"]
    with pytest.raises(SystemExit):
        run(["invoices", *noting])
    capsys.readouterr()
    assert [one["rate"] for one in typed("rates", capsys=capsys)] == ["0.92"]
    assert run(["invoices", "rate", "EUR", "zero", "--from", "2026-01-01", "--source", "ECB"]) == 2
    assert "'zero' is not a rate" in capsys.readouterr().err
