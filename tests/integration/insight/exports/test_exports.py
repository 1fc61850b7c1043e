"""The journal as others read it: Beancount's own checker agrees with our balances to the nano."""

import csv
import io
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.integration.world import USD, V1, World, open_world

from jeton import clock
from jeton.charging.credits import Grant, grant
from jeton.charging.credits.limits import set_credit_limit
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.credits.taking_back import adjust_lot, revoke_lot
from jeton.charging.words import Rule
from jeton.db.pool import Connection, Pool
from jeton.identity.audit import Actor
from jeton.insight.exports.beancount import NAMES, write_beancount
from jeton.insight.exports.journal import Selection
from jeton.insight.exports.tables import write_csv, write_jsonl
from jeton.insight.verify import snapshot, verify
from jeton.ledger.chart import Account, LotKind
from jeton.usage import Usage

BEAN_CHECK = Path(sys.executable).parent / "bean-check"
ADA = Actor("operator", "ada@example.com")
NASTY = 'A "quoted" \\ reason;\n  Assets:Cash  1 USD'

Writer = Callable[[Connection, Selection, Callable[[str], object], Callable[[int], None]], Awaitable[int]]


@pytest.fixture
async def worlds(pool: Pool) -> AsyncIterator[tuple[World, World]]:
    """Two organizations, and between them every movement that can be brought about."""
    prepaid, invoiced = await open_world(pool), await open_world(pool, name='Second "Ltd"')
    await fill(prepaid)
    await owe(invoiced)
    yield prepaid, invoiced
    await prepaid.close()
    await invoiced.close()


async def fill(world: World) -> None:
    """Free and paid credit, some sold below its value, used, given back, taken back and overdrawn."""
    organization_id = world.organization.organization_id
    async with world.pool.connection() as connection:
        bought = await grant(
            connection,
            organization_id,
            Grant(LotKind.PAID, 100 * USD, NASTY, priority=-2, cost_basis_nano=90 * USD + 1),
        )
        await grant(connection, organization_id, Grant(LotKind.COMMIT, 7 * USD + 3, "a commit", priority=-1))
        given = await grant(connection, organization_id, Grant(LotKind.PROMOTIONAL, 3 * USD, "a gift"))
        bought_back = await grant(connection, organization_id, Grant(LotKind.PAID, 2 * USD, "by mistake"))
    for tokens in range(1, 25):
        await world.bill(Usage(input_tokens=tokens * 1_237, cache_read_input_tokens=77, output_tokens=tokens))
    undone = await world.bill(Usage(output_tokens=700_001))
    await world.bill(None, rule=Rule.USAGE_MISSING)
    await world.charging.release(await world.hold(USD), Rule.UPSTREAM_FAILED)
    await world.hold(3)
    await world.hold(0)
    async with world.pool.connection() as connection:
        await adjust_lot(connection, bought, amount_nano=-7, reason="a correction", by=ADA)
        await revoke_lot(connection, given, reason="no longer", by=ADA)
        await revoke_lot(connection, bought_back, reason="bought by mistake", by=ADA)
        await reverse_charge(connection, undone.request_id, reason=NASTY, by=ADA, amount_nano=123_456_789)


async def owe(world: World) -> None:
    """A credit limit: what is used is accrued, and what exceeds the hold is owed."""
    async with world.pool.connection() as connection:
        await set_credit_limit(connection, world.organization.organization_id, 50 * USD, by=ADA)
    hold = await world.hold(30 * USD)
    await world.charging.release(hold, Rule.UPSTREAM_FAILED)
    for _ in range(5):
        await world.bill(Usage(output_tokens=150_000))


async def export(pool: Pool, writer: Writer, selection: Selection | None = None) -> str:
    """What an exporter writes."""
    text = io.StringIO()
    async with pool.connection() as connection, snapshot(connection):
        await writer(connection, selection or Selection(), text.write, lambda _: None)
    return text.getvalue()


def check(text: str, folder: Path) -> str:
    """What bean-check says; nothing when every transaction and balance is right."""
    path = folder / "books.beancount"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert (done.returncode == 0) is (not said), said
    return said


def test_every_account_has_a_name_of_its_own() -> None:
    assert set(NAMES) == set(Account)
    assert len(set(NAMES.values())) == len(Account)


async def test_bean_check_accepts_the_books(worlds: tuple[World, World], pool: Pool, tmp_path: Path) -> None:
    """Each account's balance is asserted, so what it accepts is what our balances say."""
    text = await export(pool, write_beancount)
    assert check(text, tmp_path) == ""
    assert 'option "tolerance_multiplier" "0"' in text
    asserted = {}
    for line in text.splitlines():
        if " balance " in line and not line.startswith(";"):
            _, _, name, amount, _ = line.split()
            asserted[name] = int(Decimal(amount).scaleb(9))
    expected = {}
    async with pool.connection() as connection:
        for world in worlds:
            organization_id = world.organization.organization_id
            columns = ", ".join(f"{account.replace(':', '_')}_nano" for account in Account)
            row = await (
                await connection.execute(
                    f"SELECT {columns} FROM balances WHERE organization_id = %s",  # noqa: S608 - from the chart
                    [organization_id],
                )
            ).fetchone()
            assert row is not None
            for account, nano in zip(Account, row, strict=True):
                expected[f"{NAMES[account]}:Org-{organization_id}"] = nano
    async with pool.connection() as connection:
        assert (await verify(connection)).findings == []
    assert {name: nano for name, nano in expected.items() if nano} == {
        name: nano for name, nano in asserted.items() if nano
    }
    movements = {line.split('"')[1] for line in text.splitlines() if line.startswith("  movement: ")}
    assert movements == {"grant", "top_up", "hold", "settle", "release", "adjust", "refund", "credit_note"}


async def test_one_nano_makes_bean_check_refuse(
    worlds: tuple[World, World], pool: Pool, tmp_path: Path
) -> None:
    """Be it in a posting, in a balance, or in the database itself."""
    text = await export(pool, write_beancount)
    posting = next(line for line in text.splitlines() if line.startswith("  Income:Revenue"))
    last = posting.removesuffix(" USD")[-1]
    tampered = posting.removesuffix(f"{last} USD") + f"{(int(last) + 1) % 10} USD"
    assert "does not balance" in check(text.replace(posting, tampered, 1), tmp_path)
    balance = next(line for line in text.splitlines() if " balance Assets:Cash" in line)
    assert balance.endswith(" 89.999999995 USD")
    assert "Balance failed" in check(text.replace(balance, balance.replace("995 USD", "996 USD")), tmp_path)
    assert worlds[0].pool is pool
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE transactions DISABLE TRIGGER transactions_are_facts")
        await connection.execute("""
            UPDATE transactions SET amounts[1] = amounts[1] - 1, amounts[2] = amounts[2] + 1
            WHERE movement = 'grant' AND reason = 'a commit'
        """)
    assert "Balance failed" in check(await export(pool, write_beancount), tmp_path)


async def test_an_export_is_the_same_every_time(worlds: tuple[World, World], pool: Pool) -> None:
    assert worlds[1].pool is pool
    for writer in (write_beancount, write_csv, write_jsonl):
        assert await export(pool, writer) == await export(pool, writer)


async def test_a_reason_that_a_spreadsheet_would_run_is_text_in_the_csv_alone(pool: Pool) -> None:
    world = await open_world(pool)
    async with pool.connection() as connection:
        gift = Grant(LotKind.PROMOTIONAL, USD, "=1+1")
        await grant(connection, world.organization.organization_id, gift)
    rows = csv.DictReader(io.StringIO(await export(pool, write_csv)))
    assert {row["reason"] for row in rows if row["reason"].endswith("1+1")} == {"'=1+1"}
    lines = [json.loads(line) for line in (await export(pool, write_jsonl)).splitlines()]
    assert "=1+1" in {line["reason"] for line in lines}
    await world.close()


async def test_a_part_of_the_journal_opens_with_what_was_before(
    worlds: tuple[World, World], pool: Pool, tmp_path: Path
) -> None:
    """Half of it is moved to yesterday: the parts together are the whole."""
    organization_id = worlds[0].organization.organization_id
    today = clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE transactions DISABLE TRIGGER transactions_are_facts")
        await connection.execute(
            "UPDATE transactions SET posted_at = %s WHERE sequence <= 40", [today - timedelta(hours=1)]
        )
    parts = {
        name: await export(pool, write_beancount, Selection(organization_id, from_at, until_at))
        for name, from_at, until_at in (
            ("before", None, today),
            ("after", today, None),
            ("nothing", datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 1, 2, tzinfo=UTC)),
        )
    }
    for text in parts.values():
        assert check(text, tmp_path) == ""
        assert str(worlds[1].organization.organization_id) not in text
    assert "opening balances" in parts["after"]
    assert "opening balances" not in parts["before"]
    assert parts["before"].count("  sequence: ") == 40
    assert parts["nothing"].count("  sequence: ") == 0


async def test_the_tables_hold_the_same_postings(worlds: tuple[World, World], pool: Pool) -> None:
    rows = list(csv.DictReader(io.StringIO(await export(pool, write_csv))))
    objects = [json.loads(line) for line in (await export(pool, write_jsonl)).splitlines()]
    assert worlds[0].pool is pool
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["transaction_id"]] += Decimal(row["amount"])
    assert set(sums.values()) == {Decimal(0)}
    flat = [
        (entry["transaction_id"], posting["account"], posting["lot_id"] or "", posting["amount"])
        for entry in objects
        for posting in entry["postings"]
    ]
    assert flat == [(row["transaction_id"], row["account"], row["lot_id"], row["amount"]) for row in rows]
    assert {row["reason"] for row in rows} >= {NASTY, "a gift"}
    async with pool.connection() as connection:
        count = await (await connection.execute("SELECT count(*) FROM transactions")).fetchone()
    assert count == (len(objects),)


async def test_a_chain_that_was_made_again_does_not_pass_through_an_end_that_was_kept(
    worlds: tuple[World, World], pool: Pool
) -> None:
    world = worlds[0]
    async with pool.connection() as connection:
        kept = (await verify(connection)).chains
    await world.bill(V1)
    async with pool.connection() as connection:
        proof = await verify(connection, kept_ends=kept)
        assert (proof.findings, proof.kept_ends) == ([], 2)
        organization_id = str(world.organization.organization_id)
        length, _, digest = kept[organization_id].partition(":")
        forged = f"{length}:{'0' * 64 if digest[0] != '0' else 'f' * 64}"
        for end in (forged, f"{int(length) + 1_000}:{digest}"):
            proof = await verify(connection, kept_ends={**kept, organization_id: end})
            assert len(proof.findings) == 1
            assert f"number {end.partition(':')[0]} as it was kept" in proof.findings[0]
        gone = await verify(connection, kept_ends={"01a2b3c4-0000-7000-8000-000000000000": f"1:{'0' * 64}"})
        assert len(gone.findings) == 1
