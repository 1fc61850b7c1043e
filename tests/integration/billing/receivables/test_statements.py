"""Statements of a bank on real PostgreSQL: applied once, and what leaves a doubt waits."""

import asyncio

import pytest
from tests.integration.billing.receivables.conftest import ACT, ADA, AT, House

from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.errors import (
    ApplicationError,
    BankLineEndedError,
    BankLineNotFoundError,
    ReceiptError,
)
from jeton.billing.receivables.statements.assigning import (
    assign_line,
    ignore_line,
    list_lines,
    list_returned,
    propose,
    return_line,
)
from jeton.billing.receivables.statements.comma_separated import CsvTerms
from jeton.billing.receivables.statements.importing import Imported, StatementFile, import_statement
from jeton.billing.receivables.statements.words import StatementError
from jeton.billing.receivables.words import Share

TERMS = CsvTerms({}, "USD")
HEADER = "Date,Amount,Payer,Description,Reference\n"


async def load(house: House, *lines: str, header: str = HEADER) -> Imported:
    content = (header + "".join(f"{line}\n" for line in lines)).encode()
    return await import_statement(house.pool, StatementFile("november.csv", content), TERMS, by=ADA, at=AT)


async def test_a_line_that_leaves_no_doubt_pays_its_document(house: House) -> None:
    invoice = await house.issue(11_900)
    imported = await load(house, "2026-11-02,119.00,ACME GmbH,Invoice INV-2026-000001,B1")

    assert (imported.applied, imported.waiting) == (1, 0)
    assert (await house.document(invoice)).state == "paid"
    assert (await house.balances())["cash"] == 119 * 10**9
    assert await house.is_sound()


async def test_the_same_file_twice_changes_nothing(house: House) -> None:
    await house.issue(11_900)
    lines = (
        "2026-11-02,119.00,ACME,INV-2026-000001,B1",
        "2026-11-02,5.00,X,?,B2",
        "2026-11-03,-7.00,Y,rent,B3",
    )
    first = await load(house, *lines)
    before = await house.balances()
    again = await load(house, *lines)

    assert (first.applied, first.waiting, first.outgoing, first.known) == (1, 1, 1, 0)
    assert (again.applied, again.waiting, again.outgoing, again.known) == (0, 0, 0, 3)
    assert await house.balances() == before


async def test_the_same_file_twice_at_once_is_applied_once(house: House) -> None:
    for _ in range(5):
        await house.issue(1_000)
    lines = [f"2026-11-02,10.00,ACME,INV-2026-{n:06d},B{n}" for n in range(1, 6)]
    both = await asyncio.gather(*(load(house, *lines) for _ in range(3)))

    assert sum(one.applied for one in both) == 5
    assert (await house.balances())["cash"] == 50 * 10**9


async def test_a_broken_line_is_named_and_nothing_is_applied(house: House) -> None:
    await house.issue(11_900)
    with pytest.raises(StatementError, match="line 3: 'x' is not an amount"):
        await load(house, "2026-11-02,119.00,ACME,INV-2026-000001,B1", "2026-11-02,x,ACME,,B2")

    assert "cash" not in await house.balances()
    async with house.pool.connection() as connection:
        assert await list_lines(connection) == []
        row = await (await connection.execute("SELECT count(*) FROM bank_statements")).fetchone()
    assert row == (0,)


async def test_a_number_that_two_lines_name_is_paid_by_the_first(house: House) -> None:
    await house.issue(11_900)
    imported = await load(
        house,
        "2026-11-02,119.00,ACME,INV-2026-000001,B1",
        "2026-11-03,119.00,ACME,INV-2026-000001,B2",
    )
    assert (imported.applied, imported.waiting) == (1, 1)
    async with house.pool.connection() as connection:
        (waiting,) = await list_lines(connection)
    assert waiting.why == "nothing is due on INV-2026-000001 any more"


async def test_its_buyer_may_pay_another_amount(house: House) -> None:
    invoice = await house.issue(11_900)
    imported = await load(house, "2026-11-02,50.00,Acme,INV-2026-000001,B1")
    assert imported.applied == 1
    assert (await house.document(invoice)).due_minor == 6_900


async def test_what_waits_has_a_proposal_and_is_assigned(house: House) -> None:
    invoice = await house.issue(11_900)
    await load(house, "2026-11-02,119.00,Somebody,thanks,B1")
    async with house.pool.connection() as connection:
        (line,) = await list_lines(connection)
        found, documents = await propose(connection, line)
        assert found.verdict == "ambiguous"
        assert [document.document_id for document in documents] == [invoice]

        await assign_line(connection, line.line_id, [Share(invoice, 11_900)], ACT)
        assert await list_lines(connection) == []
        assert [one.line_id for one in await list_lines(connection, state="assigned")] == [line.line_id]
    assert (await house.document(invoice)).state == "paid"
    async with house.pool.connection() as connection:
        with pytest.raises(BankLineEndedError):
            await assign_line(connection, line.line_id, [Share(invoice, 11_900)], ACT)


async def test_a_wrong_assignment_leaves_the_line_as_it_was(house: House) -> None:
    invoice = await house.issue(100)
    await load(house, "2026-11-02,119.00,Somebody,thanks,B1")
    async with house.pool.connection() as connection:
        (line,) = await list_lines(connection)
        with pytest.raises(ApplicationError, match="is due on"):
            await assign_line(connection, line.line_id, [Share(invoice, 11_900)], ACT)
    async with house.pool.connection() as connection:
        assert [one.line_id for one in await list_lines(connection)] == [line.line_id]
    assert "cash" not in await house.balances()


async def test_a_line_of_somebody_elses_is_ignored_with_a_reason(house: House) -> None:
    await load(house, "2026-11-02,119.00,Somebody,a gift,B1")
    async with house.pool.connection() as connection:
        (line,) = await list_lines(connection)
        with pytest.raises(ApplicationError, match="needs a reason"):
            await ignore_line(connection, line.line_id, Act(ADA, AT, ""))
        await ignore_line(connection, line.line_id, ACT)
        assert await list_lines(connection) == []
        with pytest.raises(BankLineNotFoundError):
            await ignore_line(connection, "bkln_0", ACT)


async def test_an_import_that_died_is_finished_by_the_next(house: House) -> None:
    """After the first of two lines the process is gone; the whole file again does the rest."""
    await house.issue(1_000)
    await house.issue(2_000)
    first = "2026-11-02,10.00,ACME,INV-2026-000001,B1"
    await load(house, first)

    again = await load(house, first, "2026-11-02,20.00,ACME,INV-2026-000002,B2")

    assert (again.applied, again.known) == (1, 1)
    assert (await house.balances())["cash"] == 30 * 10**9


async def test_camt_goes_the_same_way(house: House) -> None:
    invoice = await house.issue(11_900, currency="EUR", total_nano=130 * 10**9)
    content = b"""<?xml version="1.0"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>1</Id>
<Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>
<Ntry><Amt Ccy="EUR">119.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-11-02</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef><NtryDtls><TxDtls>
<Refs><EndToEndId>INV-2026-000001</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>"""
    imported = await import_statement(house.pool, StatementFile("s.xml", content), TERMS, by=ADA, at=AT)

    assert imported.applied == 1
    assert (await house.document(invoice)).state == "paid"
    assert (await house.balances())["cash"] == 130 * 10**9


CAMT = """<?xml version="1.0"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>1</Id>
<Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>{}</Stmt></BkToCstmrStmt></Document>"""
ENTRY = """<Ntry><Amt Ccy="USD">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{flag}<Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{on}</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls><TxDtls>
<Refs><EndToEndId>{end_to_end}</EndToEndId></Refs><RltdPties><Dbtr><Nm>{payer}</Nm></Dbtr></RltdPties>
<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


def entry(amount: str, text: str, reference: str, **more: str) -> str:
    given = {"sign": "CRDT", "flag": "", "on": "2026-11-02", "end_to_end": "NOTPROVIDED", "payer": "ACME"}
    return ENTRY.format(**{**given, "amount": amount, "text": text, "reference": reference, **more})


async def load_camt(house: House, *entries: str) -> Imported:
    content = CAMT.format("".join(entries)).encode()
    return await import_statement(house.pool, StatementFile("november.xml", content), TERMS, by=ADA, at=AT)


async def test_the_same_payment_from_csv_and_camt_counts_once(house: House) -> None:
    """Two that are alike have a line each in both files; the third is only in one of them."""
    invoices = [await house.issue(11_900) for _ in range(3)]
    line = "2026-11-02,119.00,ACME GmbH,Invoice INV-2026-{:06d},B{}"
    assert (await load(house, line.format(1, 1), line.format(2, 2))).applied == 2
    again = await load_camt(
        house,
        *(entry("119.00", f"Invoice INV-2026-{n:06d}", f"2026-11-02-{n}") for n in (1, 2, 3)),
    )
    assert (again.known, again.applied, again.waiting) == (2, 1, 0)
    assert [(await house.document(one)).state for one in invoices] == ["paid"] * 3
    assert (await house.balances())["cash"] == 357 * 10**9
    assert (await load_camt(house, entry("119.00", "Invoice INV-2026-000001", "2026-11-02-1"))).known == 1


async def test_what_may_be_the_same_is_asked(house: House) -> None:
    await house.issue(11_900)
    await load(house, "2026-11-02,119.00,ACME GmbH,Invoice INV-2026-000001,B1")
    imported = await load_camt(house, entry("119.00", "thank you", "X1", on="2026-11-03"))
    assert (imported.waiting, imported.known) == (1, 0)
    async with house.pool.connection() as connection:
        (line,) = await list_lines(connection)
        found, _ = await propose(connection, line)
    expected = "it may be the same as a line of 2026-11-02 in november.csv: ignore it, or say what it pays"
    assert (found.verdict, found.why) == ("ambiguous", expected)
    assert (await house.balances())["cash"] == 119 * 10**9


async def test_what_the_bank_returns_is_due_again_and_once(house: House) -> None:
    invoice = await house.issue(11_900)
    paid = entry("119.00", "INV-2026-000001", "B1", end_to_end="E2E-7")
    back = entry("119.00", "refused", "B2", end_to_end="E2E-7", sign="DBIT", flag="<RvslInd>true</RvslInd>")
    first = await load_camt(house, paid, back)
    assert (first.applied, first.waiting) == (2, 0)
    assert (await house.document(invoice)).due_minor == 11_900
    assert "cash" not in await house.balances()
    assert (await load_camt(house, paid, back)).known == 2
    async with house.pool.connection() as connection:
        (line,) = [one for one in await list_lines(connection, state="applied") if one.amount_minor < 0]
    assert line.payment_id is not None
    assert await house.is_sound()


async def test_money_that_went_out_with_a_payments_reference_is_asked_about(house: House) -> None:
    """A CSV file does not say what is a return; the operator does."""
    invoice = await house.issue(11_900)
    text = "Invoice INV-2026-000001"
    imported = await load(
        house,
        f"2026-11-02,119.00,ACME GmbH,{text},B1",
        f"2026-11-05,-119.00,ACME GmbH,RETURN {text},B2",
        "2026-11-05,-7.00,Landlord,rent,B3",
    )
    assert (imported.applied, imported.waiting, imported.outgoing) == (1, 1, 1)
    async with house.pool.connection() as connection:
        (line,) = await list_lines(connection)
        ((payment_id,),) = await (
            await connection.execute("SELECT payment_id FROM received_payments")
        ).fetchall()
        assert [one.payment_id for one in (await list_returned(connection, line)).proposed] == [payment_id]
        await return_line(connection, line.line_id, payment_id=payment_id, act=ACT)
        assert await list_lines(connection) == []
    assert (await house.document(invoice)).due_minor == 11_900
    assert await house.is_sound()


async def test_a_return_of_another_amount_is_refused(house: House) -> None:
    await house.issue(11_900)
    await load(house, "2026-11-02,119.00,ACME,INV-2026-000001,B1")
    await load_camt(house, entry("20.00", "?", "B9", sign="DBIT", flag="<RvslInd>true</RvslInd>"))
    async with house.pool.connection() as connection:
        (line,) = await list_lines(connection)
        ((payment_id,),) = await (
            await connection.execute("SELECT payment_id FROM received_payments")
        ).fetchall()
        with pytest.raises(ReceiptError, match=r"was \$119\.00, and \$20\.00 went out"):
            await return_line(connection, line.line_id, payment_id=payment_id, act=ACT)
