"""Tables: the journal as CSV (a row a posting) and as JSON Lines (an object a transaction)."""

import csv
from collections.abc import Callable
from typing import Any

import msgspec

from jeton.db.pool import Connection
from jeton.insight.exports.beancount import render_nano
from jeton.insight.exports.journal import JournalEntry, Selection, read_entries

COLUMNS = (
    *("organization_id", "sequence", "transaction_id", "posted_at", "movement", "request_id"),
    *("position", "account", "lot_id", "amount", "reason", "digest"),
)

# A spreadsheet runs a cell that begins so as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Sink:
    """Where the csv module writes to."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write


def tame_formula(text: str) -> str:
    """A text that somebody wrote, as a cell that no spreadsheet runs (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


async def write_csv(
    connection: Connection,
    selection: Selection,
    write: Callable[[str], object],
    on_progress: Callable[[int], None],
) -> int:
    """A head and a row a posting; amounts in dollars with nine decimals. Returns how many transactions."""
    rows = csv.writer(_Sink(write), lineterminator="\n")
    rows.writerow(COLUMNS)
    written = 0
    async for entry in read_entries(connection, selection):
        head = (
            *(entry.organization_id, entry.sequence, entry.transaction_id, entry.posted_at.isoformat()),
            *(entry.movement, entry.request_id),
        )
        tail = (tame_formula(entry.reason), entry.digest.hex())
        postings = zip(entry.accounts, entry.lots, entry.amounts, strict=True)
        for position, (account, lot_id, nano) in enumerate(postings, start=1):
            rows.writerow((*head, position, account, lot_id, render_nano(nano), *tail))
        written += 1
        on_progress(written)
    return written


async def write_jsonl(
    connection: Connection,
    selection: Selection,
    write: Callable[[str], object],
    on_progress: Callable[[int], None],
) -> int:
    """An object a line, with its postings; amounts are strings of dollars. Returns how many."""
    written = 0
    async for entry in read_entries(connection, selection):
        write(msgspec.json.encode(_as_object(entry)).decode() + "\n")
        written += 1
        on_progress(written)
    return written


def _as_object(entry: JournalEntry) -> dict[str, Any]:
    postings = zip(entry.accounts, entry.lots, entry.amounts, strict=True)
    return {
        "organization_id": entry.organization_id,
        "sequence": entry.sequence,
        "transaction_id": entry.transaction_id,
        "posted_at": entry.posted_at.isoformat(),
        "movement": entry.movement,
        "request_id": entry.request_id,
        "reason": entry.reason,
        "postings": [
            {"account": account, "lot_id": lot_id or None, "amount": render_nano(nano)}
            for account, lot_id, nano in postings
        ],
        "digest": entry.digest.hex(),
    }
