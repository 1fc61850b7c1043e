"""Statements as CSV: headers of several banks, broken lines by number, references of our own."""

from datetime import date

import pytest

from jeton.billing.currencies import minor_digits
from jeton.billing.receivables.statements.comma_separated import CsvTerms, read_csv
from jeton.billing.receivables.statements.words import Statement, StatementError

TERMS = CsvTerms({}, "EUR")

GERMAN = """Kontoinhaber;Musterfirma GmbH
Auftragskonto;Buchungstag;Begünstigter/Zahlungspflichtiger;Verwendungszweck;Kundenreferenz;Betrag;Währung
DE02 1203 0000 0000 2020 51;02.11.2026;Müller & Söhne GmbH;RE INV-2026-000123;NOTPROVIDED;1.190,00;EUR
DE02 1203 0000 0000 2020 51;03.11.2026;Stadtwerke;Strom;;-80,25;EUR
"""


def read(text: str, terms: CsvTerms = TERMS) -> Statement:
    return read_csv(text.encode(), terms, minor_digits)


def test_a_german_bank_needs_no_settings() -> None:
    statement = read(GERMAN)

    assert statement.account == "DE02120300000000202051"
    first, second = statement.lines
    assert (first.amount_minor, first.currency, first.booked_on) == (119_000, "EUR", date(2026, 11, 2))
    assert (first.payer, first.remittance) == ("Müller & Söhne GmbH", "RE INV-2026-000123")
    assert (first.position, first.end_to_end_id) == (3, "")
    assert second.amount_minor == -8_025


def test_an_old_spreadsheet_is_read_in_latin_1() -> None:
    assert read_csv(GERMAN.encode("latin-1"), TERMS, minor_digits).lines[0].payer == "Müller & Söhne GmbH"


def test_columns_of_an_american_bank_for_what_came_and_went() -> None:
    statement = read(
        "Transaction Date,Description,Debit,Credit,Transaction ID\n"
        '11/23/2026,"ACME, INC INV-2026-000007",,"1,250.00",T1\n'
        "11/24/2026,Rent,900.00,,T2\n",
        CsvTerms({}, "USD"),
    )

    assert [(line.amount_minor, line.bank_reference) for line in statement.lines] == [
        (125_000, "T1"),
        (-90_000, "T2"),
    ]
    assert statement.lines[0].remittance == "ACME, INC INV-2026-000007"


def test_settings_name_the_columns_of_any_bank() -> None:
    terms = CsvTerms({"date": "Dag", "amount": "Beløb", "reference": "Nr."}, "DKK", decimal_mark="comma")

    (line,) = read("Dag;Beløb;Nr.\n2026-11-02;1.234;77\n", terms).lines

    assert (line.amount_minor, line.bank_reference) == (123_400, "77")


def test_every_broken_line_is_named_and_nothing_is_returned() -> None:
    with pytest.raises(StatementError) as caught:
        read(
            "Date,Amount,Currency\n2026-11-02,5.00,EUR\nyesterday,5.00,EUR\n2026-11-03,5.0.0,EUR\n2026-11-04,5,Euro\n"
        )

    assert [mistake.partition(":")[0] for mistake in caught.value.mistakes] == ["line 3", "line 4", "line 5"]
    assert "nothing was applied" in str(caught.value)


def test_an_open_quotation_is_a_broken_line() -> None:
    with pytest.raises(StatementError, match="line 2"):
        read('Date,Amount\n2026-11-02,"5.00\n')


def test_without_a_header_the_setting_is_named() -> None:
    with pytest.raises(StatementError, match="bank_csv_columns"):
        read("2026-11-02,5.00\n" * 3)


def test_the_same_reference_twice_in_a_file_is_refused() -> None:
    with pytest.raises(StatementError, match="line 3: the bank's reference 'A' was in a line before"):
        read("Date,Amount,Reference\n2026-11-02,5,A\n2026-11-02,5,A\n")


def test_equal_payments_of_a_day_are_two_and_the_same_file_gives_the_same_references() -> None:
    text = "Date,Amount,Payer\n2026-11-02,5.00,ACME\n2026-11-02,5.00,ACME\n2026-11-03,5.00,ACME\n"

    references = [line.bank_reference for line in read(text).lines]

    assert len(set(references)) == 3
    assert references == [line.bank_reference for line in read(text).lines]
    # A later export begins in the middle of the days: whole days say the same.
    later = read("Date,Amount,Payer\n2026-11-03,5.00,ACME\n2026-11-04,6.00,ACME\n")
    assert later.lines[0].bank_reference == references[2]


def test_yen_have_no_decimals() -> None:
    (line,) = read("Date,Amount,Currency\n2026-11-02,125000,JPY\n").lines
    assert line.amount_minor == 125_000
    with pytest.raises(StatementError, match="more than 0 decimals"):
        read("Date,Amount,Currency\n2026-11-02,125000.50,JPY\n")


def test_two_accounts_in_a_file_are_refused() -> None:
    with pytest.raises(StatementError, match="several accounts"):
        read("Date,Amount,Account\n2026-11-02,5,A1\n2026-11-02,5,A2\n")
