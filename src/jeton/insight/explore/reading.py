"""Reading: the one query over settled usage and cost. Pages, files, reports and the command line ask here.

It reads sums only, of UTC days and of quarters of an hour, never single requests; see ``plan``.
"""

from collections.abc import Mapping
from typing import Any, LiteralString

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.explore.plan import Plan, draw_up
from jeton.insight.explore.question import Cell, Question, Report
from jeton.insight.explore.stretches import Buckets, cut, snap
from jeton.insight.explore.sums import COLUMNS, TOKEN_CLASSES, Sums

# What the tables call a sum where it has another name here.
_STORED = {"charged_nano": "net_nano"}
_REVERSED = "reversed_nano"
# What every question needs: whether a cell has anything, and its net amount.
_ALWAYS = frozenset({"requests", "list_nano", "charged_nano", _REVERSED})
# By which expression groups are ranked.
_RANKED = {
    "net_nano": "sum(net_nano - reversed_nano)",
    "saved_nano": "sum(list_nano - net_nano)",
    "tokens": (
        "sum(input_tokens + cache_creation_5m_input_tokens + cache_creation_1h_input_tokens"
        " + cache_read_input_tokens + output_tokens)"
    ),
}
# Range by range, each by the primary key: joined at once, every row would be compared with every range.
_SOURCES = """
    SELECT d.bucket, {dimensions}, {sums}, 0::bigint AS reversed_nano
    FROM unnest(%(days_from)s::date[], %(days_until)s::date[], %(days_bucket)s::int[])
         AS d (from_on, until_on, bucket)
    CROSS JOIN LATERAL (
        SELECT {dimensions}, {summed} FROM usage_rollups AS r
        WHERE r.organization_id = %(organization_id)s
          AND r.day_on >= d.from_on AND r.day_on < d.until_on {where}
        {grouped} HAVING count(*) > 0
    ) AS r
    UNION ALL
    SELECT counted.bucket, {dimensions}, {signed}, 0
    FROM unnest(%(quarters_from)s::timestamptz[], %(quarters_until)s::timestamptz[],
                %(quarters_bucket)s::int[], %(quarters_off)s::int[])
         AS q (from_at, until_at, bucket, off_bucket)
    CROSS JOIN LATERAL (
        SELECT {dimensions}, {summed} FROM usage_quarters AS r
        WHERE r.organization_id = %(organization_id)s
          AND r.quarter_at >= q.from_at AND r.quarter_at < q.until_at {where}
        {grouped} HAVING count(*) > 0
    ) AS r
    CROSS JOIN LATERAL (VALUES (q.bucket, 1), (q.off_bucket, -1)) AS counted (bucket, sign)
    WHERE counted.bucket IS NOT NULL
    UNION ALL
    SELECT width_bucket(r.quarter_at, %(cuts)s::timestamptz[]) - 1, {dimensions}, {undone}, r.reversed_nano
    FROM reversal_rollups AS r
    WHERE r.organization_id = %(organization_id)s
      AND r.quarter_at >= %(starts_at)s AND r.quarter_at < %(ends_at)s {where}
"""


async def explore(
    connection: Connection, question: Question, *, only: frozenset[str] = frozenset(COLUMNS)
) -> Report:
    """Answer one question; its stretch is widened to whole quarters of an hour.

    ``only``: the sums that whoever asks will look at; others may be left at 0. Adding up is most of the work
    where days are made of quarters, and it is as many times cheaper as there are fewer sums. Raises
    InvalidStepError where the stretch has too many steps.
    """
    as_of = clock.now()
    buckets = cut(snap(question.stretch), question.step)
    plan = draw_up(buckets)
    names = _choose(question, only)
    query, parameters = _compose(question, buckets, plan, names)
    cursor = await connection.execute(query, parameters)
    width = len(question.group_by)
    cells = tuple(
        Cell(row[0], tuple(row[1 : 1 + width]), Sums(**dict(zip(names, row[1 + width :], strict=True))))
        for row in await cursor.fetchall()
    )
    return Report(question, as_of, buckets, cells)


def _choose(question: Question, only: frozenset[str]) -> tuple[str, ...]:
    """The sums to read, in the order of COLUMNS: those asked for, and what ranks groups."""
    ranking = {"tokens": TOKEN_CLASSES.keys(), "saved_nano": ()}.get(question.measure, (question.measure,))
    wanted = only | _ALWAYS | frozenset(ranking)
    return tuple(name for name in COLUMNS if name in wanted)


def _compose(
    question: Question, buckets: Buckets, plan: Plan, names: tuple[str, ...]
) -> tuple[LiteralString, Mapping[str, Any]]:
    """The statement and its parameters; names in it come from tables of this package only."""
    dimensions = question.group_by
    stored = [_STORED.get(name, name) for name in names if name != _REVERSED]
    where = "".join(f" AND r.{name} = ANY (%({name})s)" for name in question.where)
    sources = _SOURCES.format(
        dimensions=", ".join(f"r.{name}" for name in dimensions) or "NULL AS nothing",
        sums=", ".join(f"r.{name}" for name in stored),
        summed=", ".join(f"sum(r.{name})::bigint AS {name}" for name in stored),
        grouped=f"GROUP BY {', '.join(f'r.{name}' for name in dimensions)}" if dimensions else "",
        signed=", ".join(f"counted.sign * r.{name}" for name in stored),
        # What went back to the lots that nobody paid for, they did not pay.
        undone=", ".join("-r.free_credit_nano" if name == "free_credit_nano" else "0" for name in stored),
        where=where,
    )
    total = ", ".join(f"sum({name})::bigint AS {name}" for name in (*stored, _REVERSED))
    kept = ", ".join((*stored, _REVERSED))
    grouped = "".join(f", {name}" for name in dimensions)
    ranked = "".join(_rank(question, name) for name in dimensions)
    folded = "".join(
        f", CASE WHEN c.{name} IN (SELECT value FROM top_{name}) THEN c.{name} END AS {name}"  # noqa: S608 - as below
        for name in dimensions
    )
    query = f"""
        WITH sources AS ({sources}),
        cells AS MATERIALIZED (SELECT bucket{grouped}, {total} FROM sources GROUP BY bucket{grouped}){ranked},
        folded AS (SELECT bucket{folded}, {kept} FROM cells AS c)
        SELECT bucket{grouped}, {total} FROM folded GROUP BY bucket{grouped}
        HAVING bool_or(requests <> 0 OR list_nano <> 0 OR reversed_nano <> 0)
        ORDER BY bucket{"".join(f", {name} NULLS LAST" for name in dimensions)}
    """  # noqa: S608 - every name is one of ours, every value a parameter
    parameters: dict[str, Any] = {
        "organization_id": question.organization_id,
        "limit": question.limit,
        "cuts": list(buckets.cuts),
        "starts_at": buckets.cuts[0],
        "ends_at": buckets.cuts[-1],
        "first_on": min((days.from_on for days in plan.days), default=buckets.cuts[0].date()),
        "last_on": max((days.until_on for days in plan.days), default=buckets.cuts[0].date()),
        "days_from": [days.from_on for days in plan.days],
        "days_until": [days.until_on for days in plan.days],
        "days_bucket": [days.bucket for days in plan.days],
        "quarters_from": [quarters.from_at for quarters in plan.quarters],
        "quarters_until": [quarters.until_at for quarters in plan.quarters],
        "quarters_bucket": [quarters.bucket for quarters in plan.quarters],
        "quarters_off": [quarters.off_bucket for quarters in plan.quarters],
        **{name: list(values) for name, values in question.where.items()},
    }
    return query, parameters


def _rank(question: Question, name: str) -> str:
    """The values of a dimension that are told apart."""
    by = _RANKED.get(question.measure, f"sum({question.measure})")
    return f""",
        top_{name} AS (
            SELECT {name} AS value FROM cells GROUP BY {name} ORDER BY {by} DESC, {name} LIMIT %(limit)s
        )"""  # noqa: S608 - every name is one of ours
