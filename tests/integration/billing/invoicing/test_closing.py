"""Closing: once, whoever does it and however often; what fails stops nobody else."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from tests.integration.billing.invoicing.conftest import OPERATOR, USD, Office
from tests.integration.world import open_world

from jeton.billing.invoicing.closing import Closer, close_due
from jeton.billing.invoicing.documents.reading import DocumentFilter, get_document, list_documents
from jeton.billing.invoicing.drafting.commitments import (
    Agreed,
    agree_commitment,
    end_commitment,
    list_commitments,
)
from jeton.billing.invoicing.errors import CommitmentError, PeriodOpenError
from jeton.billing.invoicing.issuing.period import issue_period
from jeton.billing.invoicing.profiles import ProfileChange
from jeton.billing.invoicing.rates import RateNote, note_rate
from jeton.charging.credits import Grant, grant
from jeton.charging.credits.limits import set_credit_limit
from jeton.charging.credits.taking_back import adjust_lot
from jeton.clock import now
from jeton.ledger.chart import LotKind

BREAK = """
    CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the disk is full';
    END $$;
    CREATE TRIGGER broken BEFORE INSERT ON document_lines FOR EACH ROW EXECUTE FUNCTION broken();
"""


async def count(office: Office, table: str = "documents") -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    async with office.pool.connection() as connection:
        ((found,),) = await (await connection.execute(query)).fetchall()
    return int(found)


async def test_two_that_close_at_once_issue_each_document_once(office: Office) -> None:
    await office.set_invoiced()
    await office.world.bill()
    other = await open_world(office.pool, name="Other")
    async with office.pool.connection() as connection:
        await set_credit_limit(connection, other.organization.organization_id, USD, by=OPERATOR)
    await other.bill()
    at = await office.end()

    both = await asyncio.gather(office.close(at), office.close(at))

    assert sum(closing.periods for closing in both) == 2
    assert await count(office) == 2
    async with office.pool.connection() as connection:
        documents = await list_documents(connection, DocumentFilter())
    assert sorted(one.number[-6:] for one in documents) == ["000001", "000002"]
    assert (await office.close(at)).periods == 0
    assert (await office.proof()).is_sound
    await other.close()


async def test_a_period_waits_for_its_days_of_grace(office: Office) -> None:
    await office.world.bill()
    at = await office.end(days=0)

    assert (await office.close(at + timedelta(days=2) - timedelta(microseconds=1))).periods == 0
    assert (await office.close(at + timedelta(days=2))).periods == 1
    # By hand there is no grace, and nothing is issued before the end of the period.
    async with office.pool.connection() as connection:
        with pytest.raises(PeriodOpenError):
            await issue_period(connection, office.organization_id, rules=office.rules, at=at, by=OPERATOR)


async def test_what_breaks_in_the_middle_leaves_nothing_and_no_gap(office: Office) -> None:
    """The lines come after number, postings and document."""
    await office.set_invoiced()
    for _ in range(200):
        await office.world.bill()
    at = await office.end()
    async with office.pool.connection() as connection:
        await connection.execute(BREAK)

    with pytest.raises(psycopg.errors.RaiseException):
        await office.close(at)
    assert await count(office) == 0
    assert await count(office, "billing_periods") == 0
    assert await count(office, "number_series") == 0
    assert (await office.balances())["accrued_nano"] == 800_000_000

    async with office.pool.connection() as connection:
        await connection.execute("DROP TRIGGER broken ON document_lines")
    await office.close(at)
    async with office.pool.connection() as connection:
        (document,) = await list_documents(connection, DocumentFilter())
    assert document.number.endswith("-000001")


async def test_a_currency_without_a_rate_is_told_and_stops_nobody_else(office: Office) -> None:
    other = await open_world(office.pool, name="Other")
    await other.bill()
    await office.set_profile(ProfileChange(anchor_day=1))
    await office.set_invoiced()
    for _ in range(200):
        await office.world.bill()
    at = await office.end()
    await office.set_profile(ProfileChange(currency="JPY"))

    closing = await office.close(at)

    assert closing.periods == 1
    (problem,) = closing.problems.values()
    assert problem.startswith("No exchange rate for JPY is noted for ")
    async with office.pool.connection() as connection:
        note = RateNote("JPY", "150.5", now().date(), "ECB")
        await note_rate(connection, note, by=OPERATOR, at=now())

    assert (await close_due(Closer(office.pool, office.rules, at))).periods == 1

    async with office.pool.connection() as connection:
        (document,) = await list_documents(connection, DocumentFilter(office.organization_id))
    # $0.80 at 150.5 are 120.4 yen, and 19 % of 120 are 22.8; 143 yen are $0.950166113 in the ledger.
    assert (document.lines_minor, document.tax_minor, document.total_minor) == (120, 23, 143)
    assert (await office.balances())["receivable_nano"] == 950_166_113
    assert (await office.proof()).is_sound
    await other.close()


async def test_a_minimum_is_earned_and_what_is_missing_of_it_a_line(office: Office) -> None:
    await office.set_invoiced()
    await office.set_profile(ProfileChange(minimum_nano=100 * USD))
    await office.world.bill()
    first = await office.end()
    await office.close(first)
    # In the month after the one in which the organization began.
    await office.close(first + timedelta(days=33))

    async with office.pool.connection() as connection:
        document, _ = await list_documents(connection, DocumentFilter(office.organization_id))
    assert (document.lines_minor, document.tax_minor, document.earned_nano) == (10_000, 1_900, 100 * USD)
    balances = await office.balances()
    assert (balances["breakage_nano"], balances["receivable_nano"]) == (-100 * USD, 119 * USD)
    assert (await office.proof()).is_sound


async def test_what_is_missing_of_a_commitment_is_billed_at_the_end_of_its_term(office: Office) -> None:
    await office.set_invoiced()
    for _ in range(200):
        await office.world.bill()
    (document,) = await office.draft()
    agreed = Agreed(10 * USD, document.period_from, document.period_to, "a framework contract")
    async with office.pool.connection() as connection:
        await agree_commitment(connection, office.organization_id, agreed, by=OPERATOR, at=now())
        (kept,) = await list_commitments(connection, office.organization_id)
    assert kept.amount_nano == 10 * USD

    await office.close(document.period_to + timedelta(days=3))

    async with office.pool.connection() as connection:
        (head,) = await list_documents(connection, DocumentFilter(office.organization_id))
        invoice = await get_document(connection, head.number)
        # Its term is over: it can only be credited.
        with pytest.raises(CommitmentError):
            await end_commitment(connection, kept, reason="late", by=OPERATOR, at=kept.ends_at)
    # $10 less the $5.80 that were used; due are $0.80 and these $4.20, $5.00 and 95 cents of tax.
    (missing,) = [line for line in invoice.lines if line.kind == "true_up"]
    assert (missing.net_nano, invoice.lines_minor, invoice.total_minor) == (4_200_000_000, 500, 595)
    assert (await office.balances())["breakage_nano"] == -4_200_000_000
    assert (await office.proof()).is_sound
    # Once for ever.
    await office.close(document.period_to + timedelta(days=40))
    assert await count(office) == 1


async def test_a_commit_that_is_paid_in_advance_is_a_line_and_asks_for_its_tax(office: Office) -> None:
    await office.set_invoiced()
    await office.world.grant(100 * USD, kind=LotKind.COMMIT)
    await office.world.bill()

    await office.close(await office.end())

    async with office.pool.connection() as connection:
        (head,) = await list_documents(connection, DocumentFilter(office.organization_id))
        invoice = await get_document(connection, head.number)
    assert [line.kind for line in invoice.lines] == ["usage", "usage", "usage", "commit", "credit"]
    assert (invoice.total_minor, invoice.owed_nano) == (11_900, 100 * USD)
    # It was owed from the grant on: the invoice adds the tax.
    assert (await office.balances())["receivable_nano"] == 119 * USD
    assert (await office.proof()).is_sound


async def test_what_is_taken_back_of_a_commit_below_face_is_billed_less_to_the_nano(office: Office) -> None:
    """$1.00 for a third of it. Of $0.029 used and as much taken back, a third is two thirds of a nano off.

    For the first 29,000,000 nano 9,666,667 are to be paid (9,666,666.657), for the first 58,000,000 it is
    19,333,333 (19,333,333.314): so 9,666,666 is owed less, and not 9,666,667 as for such a part by itself.
    """
    await office.set_invoiced()
    async with office.pool.connection() as connection:
        below = Grant(LotKind.COMMIT, USD, "a third", priority=-1, cost_basis_nano=333_333_333)
        lot_id = await grant(connection, office.organization_id, below, by=OPERATOR)
    await office.world.bill()
    async with office.pool.connection() as connection:
        await adjust_lot(connection, lot_id, -29_000_000, reason="agreed", by=OPERATOR)
    owed_nano = 333_333_333 - 9_666_666
    assert (await office.balances())["receivable_nano"] == owed_nano

    (draft,) = await office.draft()

    (line,) = [line for line in draft.lines if line.kind == "commit"]
    assert (line.net_nano, draft.owed_nano) == (owed_nano, owed_nano)


async def test_each_organization_has_its_own_grace(office: Office) -> None:
    await office.world.bill()
    await office.set_profile(ProfileChange(grace_days=0))
    office.rules = replace(office.rules, grace_days=60)
    at = await office.end(days=0)

    assert (await office.close(at)).periods == 1


async def test_a_commitment_that_late_usage_met_goes_back_as_a_credit_note(office: Office) -> None:
    """Of $10, $4.20 were missing; $0.058 of the term came late, free credit paid it, and $0.058 go back."""
    await office.set_invoiced()
    for _ in range(200):
        await office.world.bill()
    (document,) = await office.draft()
    agreed = Agreed(10 * USD, document.period_from, document.period_to, "a framework contract")
    async with office.pool.connection() as connection:
        await agree_commitment(connection, office.organization_id, agreed, by=OPERATOR, at=now())
    await office.close(document.period_to + timedelta(days=3))
    await office.world.grant(USD)
    await office.world.bill()
    await office.world.bill()

    closing = await office.close(document.period_to + timedelta(days=40))

    assert closing.problems == {}
    async with office.pool.connection() as connection:
        note, first = await list_documents(connection, DocumentFilter(office.organization_id))
        note = await get_document(connection, note.document_id)
    assert (note.kind, note.purpose, note.corrects_id) == ("credit_note", "adjustment", first.document_id)
    assert (note.net_nano, note.lines_minor, note.tax_minor) == (58_000_000, 6, 1)
    assert (await office.balances())["breakage_nano"] == 58_000_000 - 4_200_000_000
    assert first.state == "issued"
    assert (await office.proof()).is_sound
