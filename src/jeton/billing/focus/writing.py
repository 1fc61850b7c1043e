"""Writing: an export as CSV and as Parquet, into a file, some thousands of rows at a time.

CSV is UTF-8 with a header, null an empty field, decimals plain and exact, times UTC. Parquet has decimals as
decimal(38, 18), times as timestamps of microseconds, key-values as JSON text. No number is ever binary
floating point.
"""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from types import MappingProxyType
from typing import IO, Literal

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

from jeton.billing.focus.columns import COLUMNS, DECIMALS, FOCUS_VERSION, Column, Row, render_atto
from jeton.billing.focus.reading import read_rows
from jeton.billing.focus.rows import render_time
from jeton.billing.focus.words import FocusAsk
from jeton.billing.invoicing.words import Rules
from jeton.db.pool import Connection

FocusForm = Literal["csv", "parquet"]
FORMS: Mapping[str, FocusForm] = MappingProxyType({"csv": "csv", "parquet": "parquet"})
MEDIA_TYPES: Mapping[FocusForm, str] = MappingProxyType(
    {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
)
ROWS_A_BATCH = 2_000
# Making rows is work, 80 microseconds each: after so many, whoever else waits in this process has a turn.
ROWS_A_TURN = 50
# A spreadsheet runs a cell that begins so as a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Every timestamp that was written is of whole seconds.
_SECONDS = 1_000_000


def name_export(ask: FocusAsk, form: FocusForm) -> str:
    """What the file is called: ``focus-1.2-2026-10-01-2026-10-31.csv``, by its first and last day."""
    stretch = ask.stretch
    return f"focus-{FOCUS_VERSION}-{stretch.first_on}-{stretch.last_on}.{form}"


async def save_export(
    connection: Connection, ask: FocusAsk, file: IO[bytes], *, form: FocusForm, rules: Rules
) -> int:
    """Write an export into a file; return how many rows. In the snapshot that is open.

    Raises MissingRateError where an organization's currency has no exchange rate.
    """
    rows = read_rows(connection, ask, rules=rules)
    if form == "csv":
        return await _save_csv(rows, file)
    # Parquet is made of the CSV, which is exact, so that neither has to be in memory.
    with tempfile.TemporaryFile() as draft:
        written = await _save_csv(rows, draft, is_tame=False)
        draft.seek(0)
        await asyncio.to_thread(_save_parquet, draft, file)
    return written


async def _save_csv(rows: AsyncIterator[Row], file: IO[bytes], *, is_tame: bool = True) -> int:
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    written = 0
    async for row in rows:
        writer.writerow([_render(column, row.get(name), is_tame=is_tame) for name, column in COLUMNS.items()])
        written += 1
        if written % ROWS_A_TURN == 0:
            await asyncio.sleep(0)
    text.detach()
    return written


def _render(column: Column, value: object, *, is_tame: bool) -> str:
    """A cell; null is empty."""
    match value:
        case None:
            return ""
        case int():
            return render_atto(value)
        case datetime():
            return render_time(value)
        case _:
            said = str(value)
            is_formula = is_tame and column.kind == "text" and said.startswith(_FORMULA)
            return f"'{said}" if is_formula else said


def _save_parquet(draft: IO[bytes], file: IO[bytes]) -> None:
    schema = Schema([Field(name, _type_of(column)) for name, column in COLUMNS.items()])
    text = io.TextIOWrapper(draft, "utf-8", newline="")
    reader = csv.reader(text)
    next(reader)
    batches = RecordBatchReader.from_batches(schema, _list_batches(reader, schema))
    write_parquet(batches, file, max_row_group_size=ROWS_A_BATCH * 10, compression="snappy")
    text.detach()


def _list_batches(rows: Iterator[list[str]], schema: Schema) -> Iterator[RecordBatch]:
    while batch := [*islice(rows, ROWS_A_BATCH)]:
        arrays = [
            _make_array(column, [cell or None for cell in cells])
            for column, cells in zip(COLUMNS.values(), zip(*batch, strict=True), strict=True)
        ]
        yield RecordBatch.from_arrays(arrays, schema=schema)


def _make_array(column: Column, cells: list[str | None]) -> Array:
    if column.kind == "time":
        instants = [None if cell is None else _instant(cell) for cell in cells]
        return Array(instants, type=DataType.int64()).cast(_type_of(column))
    texts = Array(cells, type=DataType.string())
    return texts if column.kind in {"text", "pairs"} else texts.cast(_type_of(column))


def _instant(text: str) -> int:
    at = datetime.fromisoformat(text).astimezone(UTC)
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * _SECONDS


def _type_of(column: Column) -> DataType:
    match column.kind:
        case "decimal":
            return DataType.decimal128(38, DECIMALS)
        case "time":
            return DataType.timestamp("us", tz="UTC")
        case _:
            return DataType.string()
