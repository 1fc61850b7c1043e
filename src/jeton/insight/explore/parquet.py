"""Parquet: a report's rows as a file of columns: counts as int64, amounts as decimals that lose nothing.

Nano-dollars are decimal(38, 0), dollars decimal(38, 9), times UTC to the microsecond. Nobody has to parse a
text to get a number, and no number was ever binary floating point.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO

from arro3.core import Array, DataType, Table
from arro3.io import write_parquet

from jeton.insight.explore.question import Report
from jeton.insight.explore.rendering import ColumnKind, list_columns, list_rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NANO = DataType.decimal128(38, 0)
_USD = DataType.decimal128(38, 9)
_TIME = DataType.timestamp("us", tz="UTC")


def render_parquet(report: Report) -> bytes:
    """The rows that the page, its twin and the CSV have, as a file of Apache Parquet."""
    columns = list_columns(report)
    rows = [*list_rows(report)]
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    arrays = [_make_array(kind, column) for kind, column in zip(columns.values(), values, strict=True)]
    file = BytesIO()
    write_parquet(Table.from_arrays(arrays, names=list(columns)), file)
    return file.getvalue()


def _make_array(kind: ColumnKind, values: Sequence[object]) -> Array:
    """One column; decimals are made from their digits, which the library reads exactly."""
    match kind:
        case "text":
            return Array(values, type=DataType.string())
        case "count":
            return Array(values, type=DataType.int64())
        case "time":
            instants = [(at - _EPOCH) // _MICROSECOND for at in values if isinstance(at, datetime)]
            return Array(instants, type=DataType.int64()).cast(_TIME)
        case "nano" | "usd":
            digits = [str(value) for value in values]
            return Array(digits, type=DataType.string()).cast(_NANO if kind == "nano" else _USD)
