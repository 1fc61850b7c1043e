"""Rollups: errors of counts by day, added to what every node has written so far."""

from collections.abc import Mapping
from dataclasses import astuple

from jeton.db.pool import Connection
from jeton.watch.accuracy import Key, Sums

_ADD = """
    INSERT INTO accuracy_rollups AS r (
        day_on, model, kind, method, observations, counted_tokens, reported_tokens, error_ppm,
        absolute_error_ppm, worst_under_ppm, worst_over_ppm, outside)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (day_on, model, kind, method) DO UPDATE SET
        observations = r.observations + excluded.observations,
        counted_tokens = r.counted_tokens + excluded.counted_tokens,
        reported_tokens = r.reported_tokens + excluded.reported_tokens,
        error_ppm = r.error_ppm + excluded.error_ppm,
        absolute_error_ppm = r.absolute_error_ppm + excluded.absolute_error_ppm,
        worst_under_ppm = least(r.worst_under_ppm, excluded.worst_under_ppm),
        worst_over_ppm = greatest(r.worst_over_ppm, excluded.worst_over_ppm),
        outside = r.outside + excluded.outside
"""


async def add_sums(connection: Connection, sums: Mapping[Key, Sums]) -> None:
    """Add to the rows, in one order on every node, so that no two wait for each other."""
    rows = sorted((*key, *astuple(added)) for key, added in sums.items())
    if rows:
        async with connection.cursor() as cursor:
            await cursor.executemany(_ADD, rows)
