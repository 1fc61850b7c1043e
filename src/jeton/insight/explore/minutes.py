"""Minutes: requests and tokens by the minute. Sums are by the quarter, so this alone reads single charges.

Only for stretches of hours, which an index of charges by time bounds; it knows no amounts, which are kept by
the quarter.
"""

from typing import Any, LiteralString

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.explore.question import Cell, Question, Report
from jeton.insight.explore.stretches import MINUTE, cut, snap
from jeton.insight.explore.sums import parse_counts

# What a dimension is, of charges c and usage events e.
COLUMNS: dict[str, LiteralString] = {
    "model": "c.model",
    "workspace_id": "c.workspace_id",
    "key_id": "c.key_id",
    "service_tier": "e.service_tier",
    "inference_geo": "e.inference_geo",
    "speed": "e.speed",
    "end_user": "c.end_user",
    "tag": "c.tag",
    "context_window": (
        "context_window_of(e.input_tokens + e.cache_creation_5m_input_tokens"
        " + e.cache_creation_1h_input_tokens + e.cache_read_input_tokens)"
    ),
}
_READ: LiteralString = """
    SELECT width_bucket(c.held_at, %(cuts)s::timestamptz[]) - 1 AS bucket{dimensions}, count(*),
           sum(e.input_tokens), sum(e.cache_creation_5m_input_tokens), sum(e.cache_creation_1h_input_tokens),
           sum(e.cache_read_input_tokens), sum(e.output_tokens), sum(e.web_search_requests),
           coalesce(sum(e.thinking_tokens), 0)
    FROM charges AS c JOIN usage_events AS e USING (request_id)
    WHERE c.organization_id = %(organization_id)s AND c.held_at >= %(starts_at)s AND c.held_at < %(ends_at)s
      AND c.state = 'settled' {where}
    GROUP BY bucket{dimensions} ORDER BY bucket{dimensions}
"""


async def explore_minutes(connection: Connection, question: Question) -> Report:
    """The requests and tokens of each minute; amounts are left at 0. InvalidStepError over a day."""
    as_of = clock.now()
    buckets = cut(snap(question.stretch, MINUTE), "1m")
    query = _READ.format(
        dimensions="".join(f", {COLUMNS[name]}" for name in question.group_by),
        where="".join(f" AND {COLUMNS[name]} = ANY (%({name})s)" for name in question.where),
    )
    parameters: dict[str, Any] = {
        "organization_id": question.organization_id,
        "cuts": list(buckets.cuts),
        "starts_at": buckets.cuts[0],
        "ends_at": buckets.cuts[-1],
        **{name: list(values) for name, values in question.where.items()},
    }
    cursor = await connection.execute(query, parameters)
    width = len(question.group_by) + 1
    cells = tuple(
        Cell(row[0], tuple(row[1:width]), parse_counts(row[width:])) for row in await cursor.fetchall()
    )
    return Report(question, as_of, buckets, cells)
