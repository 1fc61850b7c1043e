"""Credits by hand, as they are typed."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.integration.world import World, open_world

from jeton import clock
from jeton.billing.invoicing.profiles import ProfileChange, change_profile
from jeton.charging.credits.inbox import SalesRequest, open_item
from jeton.cli import run
from jeton.db.pool import open_pool
from jeton.identity.audit import SYSTEM


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)


@pytest.fixture
def organization_id(database_url: str) -> str:
    """An organization with $5 and one request billed, and an item in the inbox."""

    async def prepare() -> World:
        pool = await open_pool(database_url)
        world = await open_world(pool)
        await world.bill()
        async with pool.connection() as connection:
            await open_item(connection, SalesRequest("bob@example.org", "Bob", "", "Two months, please."))
        await world.close()
        await pool.close()
        return world

    world = asyncio.run(prepare())
    return str(world.organization.organization_id)


def typed(*words: str, capsys: pytest.CaptureFixture[str], is_json: bool = True) -> Any:  # noqa: ANN401 - JSON of any shape
    with pytest.raises(SystemExit) as ended:
        run([*words, *(["--json"] if is_json else [])])
    assert ended.value.code in (0, None)
    text = capsys.readouterr().out
    return json.loads(text) if is_json else text


def test_lots_are_granted_listed_adjusted_and_revoked(
    organization_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words: tuple[str, ...] = ("credits", "grant", organization_id, "100.00", "--reason", "wire")
    words = (*words, "--kind", "paid", "--cost", "90.00")
    first = typed(*words, "--idempotency-key", "wire-1", "--days", "30", capsys=capsys)
    again = typed(*words, "--idempotency-key", "wire-1", "--days", "30", capsys=capsys)
    assert first == again
    assert run([*words, "--idempotency-key", "wire-1", "--days", "31"]) == 1
    assert "'wire-1' was used for another request" in capsys.readouterr().err
    lot_id = first["lot_id"]
    assert typed("credits", "adjust", lot_id, "-40.00", "--reason", "x", capsys=capsys)["taken"] == "40.00"
    assert typed("credits", "revoke", lot_id, "--reason", "x", capsys=capsys)["taken"] == "60.00"
    lots = {lot["id"]: lot for lot in typed("credits", "list", organization_id, capsys=capsys)["lots"]}
    assert (lots[lot_id]["state"], lots[lot_id]["refunded"], lots[lot_id]["cost_basis"]) == (
        "revoked",
        "100.00",
        "90.00",
    )
    past = typed("credits", "list", organization_id, "--at", "2026-01-01", capsys=capsys)
    assert (past["granted"], past["lots"]) == ("0.00", [])
    assert "revoked" in typed("credits", "list", organization_id, capsys=capsys, is_json=False)
    # It is the only organization, so it need not be named.
    assert typed("credits", "list", capsys=capsys)["lots"] == list(lots.values())
    unnamed = typed("credits", "grant", "1.25", "--reason", "sorry", capsys=capsys)
    lots = {lot["id"]: lot for lot in typed("credits", "list", organization_id, capsys=capsys)["lots"]}
    assert (unnamed["granted"], lots[unnamed["lot_id"]]["granted"]) == ("1.25", "1.25")
    assert run(["credits", "grant", "ours", "1.25", "--reason", "x"]) == 2
    assert "'ours' is no organization's id" in capsys.readouterr().err
    assert run(["credits", "grant", organization_id, "--reason", "x"]) == 2


REFUSED = {
    "a negative amount": (["-1.00"], "A grant of -1.00 dollars is not possible"),
    "nothing": (["0"], "A grant of 0.00 dollars is not possible"),
    "no amount": (["five"], "The amount 'five' is not a decimal number"),
    "an unknown model": (["1.00", "--model", "gpt-99"], "There is no model gpt-99 in the price book"),
    "an expiry that has passed": (["1.00", "--expires-at", "2020-01-01"], "would expire at 2020-01-01T"),
    "an instant that is none": (["1.00", "--expires-at", "soon"], "The instant 'soon' cannot be read"),
}


@pytest.mark.parametrize(("words", "problem"), REFUSED.values(), ids=REFUSED)
def test_a_grant_that_makes_no_sense_is_refused(
    organization_id: str, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    amount, *options = words
    assert run(["credits", "grant", *options, "--reason", "x", "--", organization_id, amount]) == 2
    assert problem in capsys.readouterr().err


def test_a_charge_is_reversed_and_its_receipt_says_so(
    organization_id: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def find() -> str:
        pool = await open_pool(database_url)
        async with pool.connection() as connection:
            row = await (await connection.execute("SELECT request_id FROM charges")).fetchone()
        await pool.close()
        assert row is not None
        return str(row[0])

    request_id = asyncio.run(find())
    reversal = typed("charges", "reverse", request_id, "--reason", "our fault", "--by", "ada", capsys=capsys)
    assert (reversal["amount"], reversal["approved_by"]) == ("0.029", "ada")
    receipt = typed("receipt", request_id, capsys=capsys)
    assert receipt["reversal"]["reason"] == "our fault"
    assert typed("credits", "list", organization_id, capsys=capsys)["used"] == "0.00"
    assert typed("ledger", "verify", capsys=capsys)["is_sound"] is True
    log = typed("audit", "list", "--organization", organization_id, capsys=capsys)
    assert (log[0]["action"], log[0]["actor"], log[0]["subject"]) == ("charge.reversed", "ada", request_id)
    assert "charge.reversed" in typed("audit", "list", capsys=capsys, is_json=False)


def test_the_inbox_is_listed_and_decided(organization_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    (item,) = typed("inbox", "list", capsys=capsys)
    assert (item["state"], item["message"]) == ("open", "Two months, please.")
    words = ("inbox", "approve", item["id"], "500.00", "--days", "60", "--reason", "evaluation", "--commit")
    lot_id = typed(*words, "--organization", organization_id, capsys=capsys)["lot_id"]
    assert run(["inbox", "decline", item["id"], "--reason", "no"]) == 1
    assert "was approved by" in capsys.readouterr().err
    assert typed("inbox", "list", capsys=capsys) == []
    (item,) = typed("inbox", "list", "--all", capsys=capsys)
    assert (item["state"], item["lot_id"]) == ("approved", lot_id)
    assert "approved" in typed("inbox", "list", "--all", capsys=capsys, is_json=False)


async def complete_profile(database_url: str, organization_id: UUID) -> None:
    pool = await open_pool(database_url)
    change = ProfileChange(street="Ring 1", city="Ulm", country="DE", emails=("pay@example.com",))
    async with pool.connection() as connection:
        await change_profile(connection, organization_id, change, by=SYSTEM, reason="new", at=clock.now())
    await pool.close()


def item_id(capsys: pytest.CaptureFixture[str]) -> str:
    (item,) = typed("inbox", "list", capsys=capsys)
    return str(item["id"])


def test_an_organization_is_invoiced_up_to_a_limit(
    organization_id: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("organizations", "set-invoiced", organization_id, "--limit", "1000.00")
    assert run([*words]) == 1
    assert "has no street, city, country, emails" in capsys.readouterr().err
    asyncio.run(complete_profile(database_url, UUID(organization_id)))
    said = typed(*words, "--net-days", "14", "--inbox", item_id(capsys), capsys=capsys, is_json=False)
    assert "$4.971 in lots stays and burns first" in said
    assert typed("inbox", "list", capsys=capsys) == []
    (listed,) = typed("organizations", "list", capsys=capsys)
    assert (listed["kind"], listed["credit_limit"]) == ("invoiced", "1000.00")
    assert listed["available_in_lots"] == "4.971"
    assert "$1,000.00" in typed("organizations", "list", capsys=capsys, is_json=False)
    # There is only this one, so its id goes without saying.
    said = typed("organizations", "set-prepaid", capsys=capsys, is_json=False)
    assert f"{organization_id} is prepaid" in said
    assert typed("organizations", "list", capsys=capsys)[0]["kind"] == "prepaid"
    assert typed("ledger", "verify", capsys=capsys)["is_sound"] is True


def test_the_chain_of_the_log_is_verified_against_what_was_kept(
    organization_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = typed("audit", "verify", capsys=capsys)
    assert (kept["is_sound"], kept["findings"]) == (True, [])
    assert organization_id in kept["audit_chains"]
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    words = ("audit", "verify", "--organization", organization_id, "--expect", str(tmp_path / "kept.json"))
    assert "The audit log is whole." in typed(*words, capsys=capsys, is_json=False)
    kept["audit_chains"][organization_id] = f"1:{'0' * 64}"
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    with pytest.raises(SystemExit) as ended:
        run([*words])
    assert ended.value.code == 1
    assert "does not pass through number 1 as it was kept" in " ".join(capsys.readouterr().out.split())
