"""Matching: which documents a movement on the bank's account pays. Pure: it reads nothing and decides.

Only what leaves no doubt is matched: a document's number, or the bank's end-to-end id that is one, with
exactly what is due on the documents that it names; or another amount from the very buyer of the one
document named. Amounts and names alone propose, and a person decides.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from jeton.billing.receivables.statements.words import StatementLine
from jeton.billing.receivables.words import Share

Verdict = Literal["matched", "ambiguous", "unknown"]

# A number of a document is at least so long and at most, without its signs.
NUMBER_CHARS_MIN = 4
NUMBER_CHARS_MAX = 40
# So many runs of letters and digits are put together: banks break a text anywhere.
RUNS_JOINED_MAX = 8
PROPOSALS_MAX = 10

_RUN = re.compile(r"[A-Z0-9]+")
_CREDITOR = re.compile(r"RF[0-9]{2}([A-Z0-9]{1,21})")
_MODULUS = 97
# Forms of companies, which one writes and another leaves away.
_FORMS = frozenset(
    {
        "AB", "AG", "AND", "AS", "BV", "CO", "CORP", "CORPORATION", "GMBH", "INC", "INCORPORATED", "KG",
        "LIMITED", "LLC", "LLP", "LTD", "MBH", "NV", "OY", "PLC", "SA", "SARL", "SAS", "SE", "SPA", "SRL",
        "THE", "UND",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that may be meant; ``due_minor`` is 0 where nothing is due on it any more."""

    document_id: str
    organization_id: UUID
    number: str
    buyer: str
    currency: str
    due_minor: int


@dataclass(frozen=True, slots=True)
class Match:
    """What is to be done, or proposed; what ``shares`` leave of the money is credit of the organization."""

    verdict: Verdict
    organization_id: UUID | None
    shares: tuple[Share, ...]
    why: str


def list_references(line: StatementLine) -> frozenset[str]:
    """Every text of the line that may be a document's number, in capitals and without signs."""
    found = set()
    for text in (line.remittance, line.end_to_end_id, line.creditor_reference):
        runs = _RUN.findall(_capitals(text))
        for first in range(len(runs)):
            joined = ""
            for run in runs[first : first + RUNS_JOINED_MAX]:
                joined += run
                if len(joined) > NUMBER_CHARS_MAX:
                    break
                if len(joined) >= NUMBER_CHARS_MIN:
                    found.add(joined)
    creditor = plain_number(line.creditor_reference) or plain_number(line.end_to_end_id)
    if is_creditor_reference(creditor):
        found.add(creditor[4:])
    return frozenset(found)


def match(line: StatementLine, candidates: Sequence[Candidate]) -> Match:
    """What the line pays, of the documents that may be meant."""
    references = list_references(line)
    named = _drop_parts([one for one in candidates if plain_number(one.number) in references])
    if named:
        return _match_named(line, named)
    fitting = [one for one in candidates if one.currency == line.currency and one.due_minor]
    of_payer = [one for one in fitting if is_same_name(one.buyer, line.payer)]
    exact = [one for one in fitting if one.due_minor == line.amount_minor]
    both = [one for one in exact if one in of_payer]
    for found, why in (
        (both, "the amount and the payer's name fit, but no number is named"),
        (exact, "the amount fits, but no number is named"),
        (of_payer, "the payer's name fits, but no number is named"),
    ):
        if found:
            return _propose(line, found, why)
    return Match("unknown", None, (), "no document fits its text, its amount or its payer")


def is_same_name(name: str, other: str) -> bool:
    """Whether two names are one but for capitals, accents, signs and the form of the company."""
    words, others = _words(name), _words(other)
    return bool(words) and words == others


def plain_number(number: str) -> str:
    """A number in capitals and without signs, as it is compared: ``INV-2026-000123`` is INV2026000123."""
    return "".join(_RUN.findall(_capitals(number)))


def is_creditor_reference(text: str) -> bool:
    """Whether a text is an ISO 11649 reference with the right check digits: RF18539007547034."""
    if _CREDITOR.fullmatch(text) is None:
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % _MODULUS == 1


def _match_named(line: StatementLine, named: list[Candidate]) -> Match:
    organizations = {one.organization_id for one in named}
    numbers = ", ".join(one.number for one in named[:PROPOSALS_MAX])
    if len(organizations) > 1:
        return Match("ambiguous", None, _pour(line, named), f"{numbers} are of several organizations")
    organization_id = named[0].organization_id
    if any(one.currency != line.currency for one in named):
        return Match("ambiguous", organization_id, (), f"{numbers} is not in {line.currency}")
    due_minor = sum(one.due_minor for one in named)
    shares = _pour(line, named)
    if due_minor == line.amount_minor and all(one.due_minor for one in named):
        return Match("matched", organization_id, shares, f"{numbers} with exactly what is due")
    if not due_minor:
        return Match("ambiguous", organization_id, (), f"nothing is due on {numbers} any more")
    is_buyer = is_same_name(named[0].buyer, line.payer)
    if len(named) == 1 and is_buyer:
        less = "less" if line.amount_minor < due_minor else "more"
        return Match("matched", organization_id, shares, f"{numbers} from its buyer, {less} than what is due")
    return Match("ambiguous", organization_id, shares, f"{numbers}, but the amount is not what is due")


def _propose(line: StatementLine, found: list[Candidate], why: str) -> Match:
    organizations = {one.organization_id for one in found}
    chosen = found[0].organization_id if len(organizations) == 1 else None
    # Of several that fit equally well none is preferred.
    shares = _pour(line, found) if len(found) == 1 else ()
    return Match("ambiguous", chosen, shares, why)


def _pour(line: StatementLine, named: Sequence[Candidate]) -> tuple[Share, ...]:
    """The money over documents in their order, each at most what is due."""
    left = line.amount_minor
    shares = []
    for one in named:
        amount_minor = min(left, one.due_minor) if one.currency == line.currency else 0
        if amount_minor > 0:
            shares.append(Share(one.document_id, amount_minor))
            left -= amount_minor
    return tuple(shares)


def _drop_parts(named: list[Candidate]) -> list[Candidate]:
    """Without those whose number is only the beginning of another that is named."""
    numbers = {plain_number(one.number) for one in named}
    return [
        one
        for one in named
        if not any(
            other.startswith(plain_number(one.number)) for other in numbers - {plain_number(one.number)}
        )
    ]


def _words(name: str) -> frozenset[str]:
    return frozenset(_RUN.findall(_capitals(name))) - _FORMS


def _capitals(text: str) -> str:
    """Without accents: banks drop them, or write something else."""
    spelled = text.replace("ß", "ss").replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    spelled = spelled.replace("Ä", "AE").replace("Ö", "OE").replace("Ü", "UE")
    plain = unicodedata.normalize("NFKD", spelled)
    return "".join(char for char in plain if not unicodedata.combining(char)).upper()
