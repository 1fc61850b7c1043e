"""Sums of quarters and of days against what the charges come to."""

from collections import defaultdict
from datetime import UTC
from typing import Literal

from jeton.db.pool import Connection
from jeton.insight.proving.charges import Counted, QuarterSums
from jeton.insight.proving.proof import Proof, read_rows
from jeton.insight.proving.sums.labels import verify_labels
from jeton.metering.events import ROLLUP_DIMENSIONS, ROLLUP_SUMS

_Table = Literal["usage_quarters", "usage_rollups", "labelled_quarters"]


async def verify_rollups(connection: Connection, proof: Proof, counted: Counted) -> None:
    """Every sum that is kept against what was ``counted`` of the charges; that is used up."""
    days: QuarterSums = defaultdict(lambda: dict.fromkeys(ROLLUP_SUMS, 0))
    for (organization_id, quarter_at, *rest), expected in counted.sums.items():
        day = days[organization_id, quarter_at.astimezone(UTC).date(), *rest]
        for name, count in expected.items():
            day[name] += count
    await _verify_sums(connection, proof, "usage_quarters", counted.sums)
    await _verify_sums(connection, proof, "usage_rollups", days)
    await _verify_sums(connection, proof, "labelled_quarters", counted.labelled)
    await verify_labels(connection, proof)


async def _verify_sums(connection: Connection, proof: Proof, table: _Table, sums: QuarterSums) -> None:
    key = ("organization_id", "day_on" if table == "usage_rollups" else "quarter_at", *ROLLUP_DIMENSIONS)
    query = f"SELECT {', '.join((*key, *ROLLUP_SUMS))} FROM {table}"  # noqa: S608 - names from the struct
    if table == "labelled_quarters":
        # All labels together; one by one they are compared where they are, for there may be very many.
        summed = ", ".join(f"sum({name})::bigint" for name in ROLLUP_SUMS)
        query = f"SELECT {', '.join(key)}, {summed} FROM {table} GROUP BY {', '.join(key)}"  # noqa: S608 - as above
    async for row in read_rows(connection, table, query):
        proof.rollups += 1
        of = row[: len(key)]
        expected = sums.pop(of, dict.fromkeys(ROLLUP_SUMS, 0))
        for name, stored in zip(ROLLUP_SUMS, row[len(key) :], strict=True):
            if expected[name] != stored:
                proof.find(
                    f"Rollup {of} in {table}: {name} is {stored} and the charges sum to {expected[name]}."
                )
    for missing in sums:
        proof.find(f"The charges of {missing} are in no rollup of {table}.")
