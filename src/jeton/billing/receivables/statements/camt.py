"""CAMT: a statement as ISO 20022 writes it (camt.053 and camt.054, versions 02, 04, 08 and later ones).

Names are the standard's. Only what is booked is read: what is pending may still vanish. An entry of
several payments is several lines, and these have to sum to it.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date

from jeton.billing.receivables.statements.elements import Element, parse_elements
from jeton.billing.receivables.statements.reading import parse_date, parse_exact_minor
from jeton.billing.receivables.statements.words import (
    NONE_GIVEN,
    REFERENCE_CHARS_MAX,
    STATEMENT_BYTES_MAX,
    STATEMENT_LINES_MAX,
    TEXT_CHARS_MAX,
    Statement,
    StatementError,
    StatementLine,
)
from jeton.errors import InvalidInputError

DigitsOf = Callable[[str], int]

_ROOTS = ("BkToCstmrStmt/Stmt", "BkToCstmrDbtCdtNtfctn/Ntfctn")
_BOOKED = "BOOK"
_PAYER = (
    "RltdPties/Dbtr/Nm",
    "RltdPties/Dbtr/Pty/Nm",
    "RltdPties/UltmtDbtr/Nm",
    "RltdPties/UltmtDbtr/Pty/Nm",
)


def read_camt(content: bytes, digits_of: DigitsOf) -> Statement:
    """Read every booked entry; raises StatementError with the entries that are broken, by number."""
    if len(content) > STATEMENT_BYTES_MAX:
        raise StatementError([f"it has more than {STATEMENT_BYTES_MAX:,} bytes"])
    try:
        root = parse_elements(content)
    except ValueError as error:
        raise StatementError([str(error)]) from None
    statements = [found for path in _ROOTS for found in root.find_all(path)]
    if not statements:
        raise StatementError(["it is not a camt.053 statement"])
    accounts = {one.read("Acct/Id/IBAN", "Acct/Id/Othr/Id") for one in statements}
    if len(accounts) > 1:
        raise StatementError(["it is about several accounts"])
    mistakes: list[str] = []
    lines = _read_entries(statements, digits_of, mistakes)
    if len(lines) > STATEMENT_LINES_MAX:
        mistakes.append(f"it has more than {STATEMENT_LINES_MAX:,} lines")
    seen = Counter(line.bank_reference for line in lines)
    mistakes += [f"the bank's reference {one!r} stands in several entries" for one in seen if seen[one] > 1]
    if mistakes:
        raise StatementError(mistakes)
    return Statement(accounts.pop(), tuple(lines))


def _read_entries(statements: list[Element], digits_of: DigitsOf, mistakes: list[str]) -> list[StatementLine]:
    lines: list[StatementLine] = []
    entries = [(one, entry) for one in statements for entry in one.find_all("Ntry")]
    for position, (statement, entry) in enumerate(entries, 1):
        if entry.read("Sts/Cd", "Sts") not in {_BOOKED, ""}:
            continue
        try:
            lines += _read_entry(entry, position, statement.read("Id"), digits_of)
        except (ValueError, InvalidInputError) as error:
            mistakes.append(f"entry {position}: {str(error).rstrip('.')}")
    return lines


def _read_entry(entry: Element, position: int, statement_id: str, digits_of: DigitsOf) -> list[StatementLine]:
    amount_minor, currency = _read_amount(entry, "Amt", digits_of)
    booked_on = _read_date(entry)
    reference = entry.read("AcctSvcrRef", "NtryRef")
    details = entry.find_all("NtryDtls/TxDtls")
    if len(details) > 1:
        shares = [_read_share(one, entry, digits_of, currency) for one in details]
        if sum(shares) != amount_minor:
            raise ValueError(
                f"its {len(details)} payments sum to {sum(shares)}, not to its {amount_minor} minor units"
            )
    else:
        shares = [amount_minor]
    lines = []
    for number, (share, detail) in enumerate(zip(shares, details or [entry], strict=True), 1):
        own = detail.read("Refs/AcctSvcrRef", "Refs/TxId", "Refs/UETR")
        # The bank's reference of a collected entry is that of all of its payments.
        named = (own if len(shares) > 1 and own != reference else "") or reference or own
        if not named:
            named = f"{statement_id or booked_on}#{position}"
        if len(shares) > 1 and named == reference:
            named = f"{named}/{number}"
        lines.append(_make_line(entry, detail, position, (named, booked_on, share, currency)))
    return lines


def _make_line(
    entry: Element, detail: Element, position: int, facts: tuple[str, date, int, str]
) -> StatementLine:
    reference, booked_on, amount_minor, currency = facts
    if len(reference) > REFERENCE_CHARS_MAX:
        raise ValueError(f"its reference has more than {REFERENCE_CHARS_MAX} characters")
    said = [found.text for found in detail.find_all("RmtInf/Ustrd")]
    said += [found.text for found in detail.find_all("RmtInf/Strd/RfrdDocInf/Nb")]
    said += [found.text for found in detail.find_all("RmtInf/Strd/AddtlRmtInf")]
    if not said:
        said = [detail.read("AddtlTxInf"), entry.read("AddtlNtryInf")]
    end_to_end_id = detail.read("Refs/EndToEndId")[:REFERENCE_CHARS_MAX]
    return StatementLine(
        position=position,
        bank_reference=reference,
        booked_on=booked_on,
        amount_minor=amount_minor,
        currency=currency,
        payer=detail.read(*_PAYER)[:TEXT_CHARS_MAX],
        remittance=" ".join(" ".join(said).split())[:TEXT_CHARS_MAX],
        end_to_end_id="" if end_to_end_id in NONE_GIVEN else end_to_end_id,
        creditor_reference=detail.read("RmtInf/Strd/CdtrRefInf/Ref")[:REFERENCE_CHARS_MAX],
        is_return=entry.read("RvslInd") in {"true", "1"} or detail.find("RtrInf") is not None,
    )


def _read_share(detail: Element, entry: Element, digits_of: DigitsOf, currency: str) -> int:
    """What one of several payments is, with the sign of its entry unless it has its own."""
    path = "Amt" if detail.find("Amt") is not None else "AmtDtls/TxAmt/Amt"
    amount_minor, own_currency = _read_amount(detail, path, digits_of)
    if own_currency != currency:
        raise ValueError(f"one of its payments is in {own_currency}, not in {currency}")
    if detail.find("CdtDbtInd") is None and entry.read("CdtDbtInd") == "DBIT":
        return -amount_minor
    return amount_minor


def _read_amount(element: Element, path: str, digits_of: DigitsOf) -> tuple[int, str]:
    """Signed minor units and their currency; without an indicator of its own it came in."""
    found = element.find(path)
    if found is None:
        raise ValueError("it has no amount")
    currency = found.attributes.get("Ccy", "")
    amount_minor = parse_exact_minor(found.text, digits=digits_of(currency))
    if amount_minor < 0:
        raise ValueError(f"its amount {found.text.strip()} is below zero")
    sign = element.read("CdtDbtInd")
    if sign not in {"", "CRDT", "DBIT"}:
        raise ValueError(f"it is neither a credit nor a debit but {sign!r}")
    return (-amount_minor if sign == "DBIT" else amount_minor), currency


def _read_date(entry: Element) -> date:
    text = entry.read("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
    if not text:
        raise ValueError("it has no date")
    return parse_date(text)
