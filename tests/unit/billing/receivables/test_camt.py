"""Statements as ISO 20022: two versions of it, collected entries, and files that mean harm."""

from datetime import date

import pytest

from jeton.billing.currencies import minor_digits
from jeton.billing.receivables.statements.camt import read_camt
from jeton.billing.receivables.statements.words import Statement, StatementError


def entry(
    amount: str = "1190.00",
    *,
    sign: str = "CRDT",
    status: str = "<Sts>BOOK</Sts>",
    reference: str = "2026110212345",
    details: str = "",
    extra: str = "",
) -> str:
    return f"""
    <Ntry>
      <Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{extra}{status}
      <BookgDt><Dt>2026-11-02</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef>
      <NtryDtls>{details}</NtryDtls>
    </Ntry>"""


def payment(
    amount: str = "",
    *,
    text: str = "RE INV-2026-000123",
    payer: str = "<Dbtr><Nm>ACME GmbH</Nm></Dbtr>",
    reference: str = "",
    own: str = "",
) -> str:
    paid = f'<Amt Ccy="EUR">{amount}</Amt>' if amount else ""
    return f"""
      <TxDtls><Refs>{own}<EndToEndId>E2E-1</EndToEndId></Refs>{paid}<RltdPties>{payer}</RltdPties>
      <RmtInf><Ustrd>{text}</Ustrd>{reference}</RmtInf></TxDtls>"""


def statement(*entries: str, version: str = "02", head: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">
  <BkToCstmrStmt><Stmt><Id>S1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>
  {"".join(entries)}</Stmt></BkToCstmrStmt>
</Document>""".encode()


def read(content: bytes) -> Statement:
    return read_camt(content, minor_digits)


def test_version_02_is_read() -> None:
    (line,) = read(statement(entry(details=payment()))).lines

    assert (line.amount_minor, line.currency, line.booked_on) == (119_000, "EUR", date(2026, 11, 2))
    assert (line.payer, line.remittance) == ("ACME GmbH", "RE INV-2026-000123")
    assert (line.end_to_end_id, line.bank_reference) == ("E2E-1", "2026110212345")


def test_version_08_has_its_own_places_for_the_same() -> None:
    details = payment(
        payer="<Dbtr><Pty><Nm>ACME GmbH</Nm></Pty></Dbtr>",
        reference="<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>",
    )
    content = statement(entry(status="<Sts><Cd>BOOK</Cd></Sts>", details=details), version="08")

    read_statement = read(content)

    (line,) = read_statement.lines
    assert (line.payer, line.creditor_reference) == ("ACME GmbH", "RF18539007547034")
    assert read_statement.account == "DE02120300000000202051"


def test_a_prefix_for_the_namespace_changes_nothing() -> None:
    content = statement(entry(details=payment())).replace(b"<", b"<n:").replace(b"<n:/", b"</n:")
    content = content.replace(b"<n:?xml", b"<?xml").replace(b"xmlns=", b"xmlns:n=")
    assert len(read(content).lines) == 1


def test_what_is_pending_is_not_read() -> None:
    assert read(statement(entry(status="<Sts><Cd>PDNG</Cd></Sts>"))).lines == ()


def test_money_that_went_out_is_below_zero_and_a_return_is_one() -> None:
    gone, returned = read(
        statement(
            entry("80.25", sign="DBIT", reference="A"),
            entry("1190.00", sign="DBIT", reference="B", extra="<RvslInd>true</RvslInd>"),
        )
    ).lines
    assert (gone.amount_minor, gone.is_return) == (-8_025, False)
    assert (returned.amount_minor, returned.is_return) == (-119_000, True)


def test_a_collected_entry_is_its_payments() -> None:
    details = payment("1000.00", text="INV-2026-000001") + payment(
        "190.00", text="INV-2026-000002", own="<AcctSvcrRef>OWN</AcctSvcrRef>"
    )
    first, second = read(statement(entry(details=details))).lines

    assert (first.amount_minor, first.bank_reference) == (100_000, "2026110212345/1")
    assert (second.amount_minor, second.bank_reference) == (19_000, "OWN")


def test_payments_that_do_not_sum_to_their_entry_are_refused() -> None:
    with pytest.raises(StatementError, match="entry 2: its 2 payments sum to 119001, not to its 119000"):
        read(statement(entry(reference="A"), entry(details=payment("1000.00") + payment("190.01"))))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (statement(entry("1190.005")), "entry 1: '1190.005' has more than 2 decimals"),
        (statement(entry("-5.00")), "below zero"),
        (statement(entry("NaN")), "not an amount"),
        (statement(entry(sign="BOTH")), "neither a credit nor a debit"),
        (statement(entry(), entry()), "stands in several entries"),
        (statement(entry())[:-20], "no element found|not well-formed|unclosed"),
        (b"", "no element found"),
        (b"<html/>", "not a camt.053"),
        (statement(entry()).replace(b'Ccy="EUR"', b'Ccy="euro"'), "currency"),
    ],
    ids=["decimals", "sign", "nan", "both", "twice", "cut", "empty", "html", "currency"],
)
def test_a_broken_statement_is_refused_whole(content: bytes, problem: str) -> None:
    with pytest.raises(StatementError, match=problem):
        read(content)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE d SYSTEM "http://example.com/d.dtd">',
        '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
    ],
    ids=["file", "address", "laughs"],
)
def test_no_statement_has_a_document_type(head: str) -> None:
    with pytest.raises(StatementError, match="document type"):
        read(statement(entry(), head=head))


def test_a_statement_is_as_deep_as_the_standard_has_it() -> None:
    with pytest.raises(StatementError, match="more elements than are read"):
        read(b"<a>" * 60 + b"</a>" * 60)


def test_a_statement_is_bounded_in_bytes() -> None:
    with pytest.raises(StatementError, match="20,000,000 bytes"):
        read(b" " * 20_000_001)
