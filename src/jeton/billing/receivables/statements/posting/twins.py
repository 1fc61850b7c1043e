"""Twins: a payment that is read from two files of the bank, as CSV and as CAMT.053 say, counts once.

The two name it differently, so it is known by amount, day, end-to-end id and text. What may be the same and
may not is asked, never guessed. Two payments that really are alike have a line each in both files, so each
line is the twin of at most one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

from psycopg.rows import dict_row

from jeton.billing.receivables.statements.matching import Candidate, is_same_name, plain_number
from jeton.billing.receivables.statements.posting.taking import Taken
from jeton.billing.receivables.statements.words import StatementLine
from jeton.db.pool import Connection

# One file has the day of booking, another the day of value.
DAYS_APART_MAX = 3
# Of lines with the same amount within these days, more are not compared.
COMPARED_MAX = 200
# A shorter text says nothing.
TEXT_CHARS_MIN = 6
MAY_BE_KNOWN = "it may be the same as a line"

Likeness = Literal["same", "maybe", ""]

_EARLIER = """
    SELECT w.number, b.*
    FROM unnest(%(numbers)s::integer[], %(amounts)s::bigint[], %(currencies)s::text[], %(days)s::date[],
                %(ids)s::text[], %(texts)s::text[], %(payers)s::text[])
        AS w (number, amount_minor, currency, booked_on, end_to_end_id, remittance, payer)
    CROSS JOIN LATERAL (
        SELECT l.line_id, l.account, l.booked_on, l.payer, l.remittance, l.end_to_end_id, s.name
        FROM bank_lines AS l JOIN bank_statements AS s USING (statement_id)
        WHERE l.currency = w.currency AND l.amount_minor = w.amount_minor AND s.format <> %(format)s
            AND l.booked_on BETWEEN w.booked_on - %(apart)s AND w.booked_on + %(apart)s
            AND l.same_as IS NULL AND NOT EXISTS (SELECT FROM bank_lines AS t WHERE t.same_as = l.line_id)
        -- Hundreds may pay the same amount on a day: those that are most alike come first.
        ORDER BY l.end_to_end_id <> '' AND l.end_to_end_id = w.end_to_end_id DESC,
            plain_number(l.remittance) = plain_number(w.remittance) DESC,
            lower(l.payer) = lower(w.payer) DESC, abs(l.booked_on - w.booked_on), l.line_id
        LIMIT %(limit)s
    ) AS b
"""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A line of a file in another format that no line is the twin of yet; ``name`` is the file's."""

    line_id: str
    account: str
    booked_on: date
    payer: str
    remittance: str
    end_to_end_id: str
    name: str


async def list_earlier(
    connection: Connection, lines: Sequence[StatementLine], format_: str
) -> list[list[Earlier]]:
    """For each of these lines those with the same amount, within days, of files in another format."""
    values = {
        "numbers": list(range(len(lines))),
        "amounts": [line.amount_minor for line in lines],
        "currencies": [line.currency for line in lines],
        "days": [line.booked_on for line in lines],
        "ids": [line.end_to_end_id for line in lines],
        "texts": [line.remittance for line in lines],
        "payers": [line.payer for line in lines],
        "format": format_,
        "apart": DAYS_APART_MAX,
        "limit": COMPARED_MAX,
    }
    found: list[list[Earlier]] = [[] for _ in lines]
    names = [entry.name for entry in fields(Earlier)]
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_EARLIER, values)
        async for row in cursor:
            found[row["number"]].append(Earlier(**{name: row[name] for name in names}))
    return found


async def find_twins(
    connection: Connection,
    lines: Sequence[StatementLine],
    named: Mapping[int, Sequence[Candidate]],
    *,
    account: str,
    format_: str,
) -> dict[int, Taken]:
    """Of lines, by their place among them, those that another file had before, or may have had.

    ``named`` are the documents that a line names. The surest likeness takes a line of the other file first.
    """
    earlier = await list_earlier(connection, lines, format_)
    liked: dict[Likeness, list[tuple[int, Earlier]]] = {"same": [], "maybe": [], "": []}
    for place, some in enumerate(earlier):
        numbers = frozenset(plain_number(one.number) for one in named.get(place, ()))
        for one in some:
            liked[compare(lines[place], account, one, numbers=numbers)].append((place, one))
    used: set[str] = set()
    taken: dict[int, Taken] = {}
    for place, one in liked["same"]:
        if place not in taken and one.line_id not in used:
            used.add(one.line_id)
            why = f"the same as a line of {one.name}"
            taken[place] = Taken(lines[place], "ignored", "matched", why, "known", same_as=one.line_id)
    for place, one in liked["maybe"]:
        if place not in taken and one.line_id not in used:
            used.add(one.line_id)
            why = f"{MAY_BE_KNOWN} of {one.booked_on} in {one.name}: ignore it, or say what it pays"
            taken[place] = Taken(lines[place], "open", "ambiguous", why, "waiting")
    return taken


def compare(line: StatementLine, account: str, earlier: Earlier, *, numbers: frozenset[str]) -> Likeness:
    """Whether a line is of the same movement; ``numbers`` are those of the documents that it names, plain.

    The same end-to-end id, or the same text from the same payer on the same day, is the same; another
    end-to-end id, account or document is another movement.
    """
    accounts = {plain_number(account), plain_number(earlier.account)} - {""}
    own_id, other_id = plain_number(line.end_to_end_id), plain_number(earlier.end_to_end_id)
    if len(accounts) > 1 or (own_id and other_id and own_id != other_id):
        return ""
    own_text, other_text = plain_number(line.remittance), plain_number(earlier.remittance)
    if (own_id and own_id == other_id) or _says(own_text, other_id) or _says(other_text, own_id):
        return "same"
    is_another_payer = bool(line.payer and earlier.payer) and not is_same_name(line.payer, earlier.payer)
    is_same_text = _says(own_text, other_text) or _says(other_text, own_text)
    if is_same_text and not is_another_payer:
        return "same" if line.booked_on == earlier.booked_on else "maybe"
    names_another = bool(numbers and other_text) and not any(number in other_text for number in numbers)
    has_both_texts = bool(own_text and other_text) and not is_same_text
    return "" if names_another or (has_both_texts and is_another_payer) else "maybe"


def _says(text: str, part: str) -> bool:
    return len(part) >= TEXT_CHARS_MIN and part in text
