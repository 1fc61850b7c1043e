"""Statements of accounts: worked by hand, and tied to the accounts to the nano."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.insight.exports.test_exports import fill, owe
from tests.integration.world import USD, World, open_world

from jeton import clock
from jeton.charging.credits import Grant, grant
from jeton.charging.credits.reversing import reverse_charge
from jeton.charging.credits.taking_back import revoke_lot
from jeton.charging.members import ExpireLots
from jeton.db.pool import Pool
from jeton.identity.audit import Actor
from jeton.insight.accounts.deferred import Deferred, read_deferred, state_deferred
from jeton.insight.accounts.income import read_income, state_income
from jeton.insight.accounts.rendering import render_statement, write_statement
from jeton.insight.accounts.trial_balance import read_trial_balance, state_trial_balance
from jeton.insight.accounts.words import Statement, Stretch
from jeton.ledger.chart import LotKind
from jeton.usage import Usage

ADA = Actor("operator", "ada@example.com")
FOREVER = datetime(9000, 1, 1, tzinfo=UTC)


@pytest.fixture
async def worlds(pool: Pool) -> AsyncIterator[tuple[World, World]]:
    """Two organizations, and between them every movement of credit by hand and by request."""
    prepaid, invoiced = await open_world(pool), await open_world(pool, name="Second Ltd")
    await fill(prepaid)
    await owe(invoiced)
    yield prepaid, invoiced
    await prepaid.close()
    await invoiced.close()


async def read_lots(pool: Pool, stretch: Stretch) -> Deferred:
    async with pool.connection() as connection:
        return await read_deferred(connection, stretch)


async def test_a_lot_that_cost_less_than_its_value_is_deferred_at_what_it_cost(pool: Pool) -> None:
    """$100 for $90, $10 used ($9), $2 of it reversed ($1.80): $92 left, $82.80 deferred."""
    world = await open_world(pool)
    bought = Grant(LotKind.PAID, 100 * USD, "a test", priority=-1, cost_basis_nano=90 * USD)
    async with pool.connection() as connection:
        lot_id = await grant(connection, world.organization.organization_id, bought)
    charge = await world.bill(Usage(output_tokens=1_000_000))
    async with pool.connection() as connection:
        await reverse_charge(connection, charge.request_id, reason="x", by=ADA, amount_nano=2 * USD)
    deferred = await read_lots(pool, Stretch(FOREVER))
    (lot,) = deferred.lots
    assert (lot.lot_id, lot.left_nano, lot.bought_nano) == (lot_id, 92 * USD, 90 * USD)
    assert (lot.used_nano, lot.closing_nano) == (7_200_000_000, 82_800_000_000)
    assert state_deferred(deferred).is_tied
    async with pool.connection() as connection:
        await revoke_lot(connection, lot_id, reason="bought by mistake", by=ADA)
    deferred = await read_lots(pool, Stretch(FOREVER))
    assert [(lot.refunded_nano, lot.closing_nano) for lot in deferred.lots] == [(82_800_000_000, 0)]
    assert state_deferred(deferred).is_tied
    await world.close()


async def test_credit_that_expires_is_breakage_from_that_instant(pool: Pool) -> None:
    """$10 bought for a day and never used: deferred until then, breakage from then on."""
    world = await open_world(pool)
    day = timedelta(days=1)
    at = clock.now()
    given = Grant(LotKind.PAID, 10 * USD, "a test", expires_at=at + day)
    async with pool.connection() as connection:
        await grant(connection, world.organization.organization_id, given)
        await connection.execute("ALTER TABLE transactions DISABLE TRIGGER transactions_are_facts")
        await connection.execute("UPDATE transactions SET posted_at = posted_at - interval '2 days'")
        await connection.execute(
            "UPDATE lots SET effective_at = effective_at - interval '2 days', expires_at = %s", [at - day]
        )
    await world.commits.submit(ExpireLots(world.organization.organization_id))
    before, after = Stretch(at - day), Stretch(at, from_at=at - day)
    assert [lot.closing_nano for lot in (await read_lots(pool, before)).lots] == [10 * USD]
    (lot,) = (await read_lots(pool, after)).lots
    assert (lot.opening_nano, lot.bought_nano, lot.expired_nano, lot.closing_nano) == (
        10 * USD,
        0,
        10 * USD,
        0,
    )
    async with pool.connection() as connection:
        income = await read_income(connection, after)
    assert [(line.account, line.cause, line.nano) for line in income] == [
        ("breakage", "lot", -10 * USD),
        ("promotion", "expire_lot", -5 * USD),
    ]
    assert state_income(income).totals == {
        "revenue_nano": 0,
        "breakage_nano": 10 * USD,
        "result_nano": 10 * USD,
    }
    await world.close()


async def test_every_statement_ties_to_the_accounts(worlds: tuple[World, World], pool: Pool) -> None:
    """At each instant at which something was posted, for the house and for each organization."""
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT posted_at FROM transactions ORDER BY posted_at")
        instants = [row[0] for row in await cursor.fetchall()]
        whose = [None, *(world.organization.organization_id for world in worlds)]
        for from_at, until_at in [(None, FOREVER), *zip(instants[::9], instants[4::9], strict=False)]:
            for organization_id in whose:
                stretch = Stretch(until_at, from_at, organization_id)
                trial = state_trial_balance(await read_trial_balance(connection, stretch))
                deferred = state_deferred(await read_deferred(connection, stretch))
                assert trial.is_tied, trial.checks
                assert deferred.is_tied, deferred.checks


async def test_organizations_sum_to_the_house(worlds: tuple[World, World], pool: Pool) -> None:
    assert len(worlds) == 2
    async with pool.connection() as connection:
        house = await read_trial_balance(connection, Stretch(FOREVER))
        apart = await read_trial_balance(connection, Stretch(FOREVER, by_organization=True))
    sums: dict[str, int] = {}
    for line in apart:
        sums[line.account] = sums.get(line.account, 0) + line.closing_nano
    assert sums == {line.account: line.closing_nano for line in house}
    assert len({line.organization_id for line in apart}) == 2


async def test_a_nano_that_is_not_in_a_lot_is_seen(worlds: tuple[World, World], pool: Pool) -> None:
    assert len(worlds) == 2
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE transactions DISABLE TRIGGER transactions_are_facts")
        await connection.execute("""
            UPDATE transactions SET amounts[2] = amounts[2] - 1, amounts[1] = amounts[1] + 1
            WHERE movement = 'grant' AND reason = 'a commit'
        """)
    statement = state_deferred(await read_lots(pool, Stretch(FOREVER)))
    assert statement.checks["closing_less_accounts_nano"] == -1
    assert statement.checks["cost_of_lots_nano"] == 1


async def test_a_statement_is_a_table_and_an_object(worlds: tuple[World, World], pool: Pool) -> None:
    assert len(worlds) == 2
    async with pool.connection() as connection:
        statement = state_trial_balance(await read_trial_balance(connection, Stretch(FOREVER)))
    text = io.StringIO()
    write_statement(statement, text.write)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert [row["account"] for row in rows][:2] == ["credit:paid", "credit:free"]
    rendered = render_statement(statement)
    assert rendered["rows"] == rows
    assert rendered["is_tied"] is True
    assert rendered["checks"] == {"debits_less_credits": "0.000000000", "closing_balances": "0.000000000"}


def test_a_name_that_a_spreadsheet_would_run_is_text_and_a_negative_amount_stays_one() -> None:
    statement = Statement("ageing", ("organization", "amount_nano"), [("=1+1", -USD)], {}, {})
    text = io.StringIO()
    write_statement(statement, text.write)
    assert text.getvalue().splitlines()[1] == "'=1+1,-1.000000000"
    assert render_statement(statement)["rows"] == [{"organization": "=1+1", "amount": "-1.000000000"}]
