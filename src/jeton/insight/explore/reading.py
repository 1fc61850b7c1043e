"""Reading: the one query over settled usage and cost. Pages, files, reports and the command line ask here.

It reads sums only, of UTC days and of quarters of an hour, never single requests; see ``plan``.
"""

from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from types import MappingProxyType
from typing import Any, LiteralString

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.explore.errors import TooManyLabelsError
from jeton.insight.explore.plan import Plan, draw_up
from jeton.insight.explore.question import Cell, Question, Report
from jeton.insight.explore.stretches import Buckets, cut, snap
from jeton.insight.explore.sums import COLUMNS, TOKEN_CLASSES, Sums
from jeton.insight.explore.units import Active
from jeton.metering.events import LABEL_DIMENSIONS

# What the tables call a sum where it has another name here.
_STORED = {"charged_nano": "net_nano"}
_REVERSED = "reversed_nano"
# What every question needs: whether a cell has anything, and its net amount.
_ALWAYS = frozenset({"requests", "list_nano", "charged_nano", _REVERSED})
# Labels are kept apart, so that a question that does not ask for them reads nothing of them.
_WITHOUT_LABELS: Mapping[str, LiteralString] = MappingProxyType(
    {"days": "usage_rollups", "quarters": "usage_quarters", "reversals": "reversal_rollups"}
)
_BY_LABEL: Mapping[str, LiteralString] = MappingProxyType(
    {"days": "days_by_label", "quarters": "quarters_by_label", "reversals": "reversals_by_label"}
)
_LABELLED: Mapping[str, LiteralString] = MappingProxyType(
    {"days": "labelled_days", "quarters": "labelled_quarters", "reversals": "labelled_reversals"}
)
_NO_LABEL: LiteralString = "''::text"
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
        SELECT {told}, {summed} FROM {days} AS r
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
        SELECT {told}, {summed} FROM {quarters} AS r
        WHERE r.organization_id = %(organization_id)s
          AND r.quarter_at >= q.from_at AND r.quarter_at < q.until_at {where}
        {grouped} HAVING count(*) > 0
    ) AS r
    CROSS JOIN LATERAL (VALUES (q.bucket, 1), (q.off_bucket, -1)) AS counted (bucket, sign)
    WHERE counted.bucket IS NOT NULL
    UNION ALL
    SELECT width_bucket(r.quarter_at, %(cuts)s::timestamptz[]) - 1, {told}, {undone}, r.reversed_nano
    FROM {reversals} AS r
    WHERE r.organization_id = %(organization_id)s
      AND r.quarter_at >= %(starts_at)s AND r.quarter_at < %(ends_at)s {where}
"""
# More sums than this by label are not added up for one answer: some seconds.
LABELLED_MAX = 500_000
# And for a figure beside others, which is then left out.
ACTIVE_MAX = 20_000
_COUNT_LABELLED: LiteralString = """
    SELECT count(*) FROM (
        SELECT FROM labelled_days AS r
        WHERE r.organization_id = %(organization_id)s AND r.day_on >= %(days_from)s::date
          AND r.day_on < %(days_until)s::date {where}
        UNION ALL
        SELECT FROM unnest(%(quarters_from)s::timestamptz[], %(quarters_until)s::timestamptz[])
             AS q (from_at, until_at)
        JOIN labelled_quarters AS r ON r.organization_id = %(organization_id)s
         AND r.quarter_at >= q.from_at AND r.quarter_at < q.until_at {where}
        LIMIT %(most)s
    ) AS r
"""
_COUNT_ACTIVE: LiteralString = """
    SELECT count(*), coalesce(sum(net_nano - reversed_nano), 0)::bigint
    FROM ({query}) AS r WHERE {name} <> '' AND requests > 0
"""


async def explore(
    connection: Connection,
    question: Question,
    *,
    only: frozenset[str] = frozenset(COLUMNS),
    told: Mapping[str, list[str]] | None = None,
) -> Report:
    """Answer one question; its stretch is widened to whole quarters of an hour.

    ``only``: the sums that whoever asks will look at; others may be left at 0. Adding up is most of the work
    where days are made of quarters, and it is as many times cheaper as there are fewer sums. ``told``: what
    ``find_told`` found for the same stretch, filters, limit and measure. Raises InvalidStepError where the
    stretch has too many steps, TooManyLabelsError where it has too many labels.
    """
    as_of = clock.now()
    buckets = cut(snap(question.stretch), question.step)
    plan = draw_up(buckets)
    names = _choose(question, only)
    tables = _BY_LABEL if question.asks_labels else _WITHOUT_LABELS
    if told is None:
        await _check_labelled(connection, question)
        is_found_with_it = buckets.count == 1 and len(question.group_by) == 1
        told = {} if is_found_with_it else await _find_told(connection, question)
    query, parameters = _compose(question, buckets, plan, names, tables=tables, told=told)
    cursor = await connection.execute(query, parameters)
    width = 1 + len(question.group_by)
    # A sum that was not read is at a place of its own, after all that were.
    place = {name: width + number for number, name in enumerate(names)}
    pick = itemgetter(*(place.get(name, width + len(names)) for name in COLUMNS))
    cells = tuple(Cell(row[0], row[1:width], Sums._make(pick((*row, 0)))) for row in await cursor.fetchall())
    return Report(question, as_of, buckets, cells)


async def find_told(connection: Connection, question: Question) -> Mapping[str, list[str]]:
    """The labels that are told apart, once for some questions that differ in steps, sums and other groups.

    Raises TooManyLabelsError.
    """
    await _check_labelled(connection, question)
    return await _find_told(connection, question)


async def _check_labelled(connection: Connection, question: Question) -> None:
    if not question.asks_labels:
        return
    plan = draw_up(cut(snap(question.stretch), question.step))
    if await _count_labelled(connection, question, plan, most=LABELLED_MAX) > LABELLED_MAX:
        raise TooManyLabelsError(LABELLED_MAX)


async def _find_told(connection: Connection, question: Question) -> Mapping[str, list[str]]:
    """Found first, by few sums, so that the rest is folded as it is read."""
    told = {}
    for name in (name for name in LABEL_DIMENSIONS if name in question.group_by):
        alone = replace(question, step=None, group_by=(name,))
        whole = cut(snap(question.stretch), None)
        names = _choose(alone, frozenset())
        query, parameters = _compose(alone, whole, draw_up(whole), names, tables=_BY_LABEL)
        rows = await (await connection.execute(query, parameters)).fetchall()
        told[name] = [str(row[1]) for row in rows if row[1] is not None]
    return told


async def count_active(connection: Connection, question: Question) -> Active:
    """Which end users and tags were active in the question's stretch, by the same sums; see ``Active``."""
    buckets = cut(snap(question.stretch), None)
    plan = draw_up(buckets)
    kept = await _count_labelled(connection, question, plan, most=ACTIVE_MAX)
    if not kept:
        return Active()
    if kept > ACTIVE_MAX:
        return Active(None, 0, None, 0)
    found: list[tuple[int, int]] = []
    for name in LABEL_DIMENSIONS:
        whole = replace(question, step=None, group_by=(name,), limit=ACTIVE_MAX)
        names = _choose(whole, frozenset())
        query, parameters = _compose(whole, buckets, plan, names, tables=_LABELLED)
        cursor = await connection.execute(_COUNT_ACTIVE.format(name=name, query=query), parameters)
        row = await cursor.fetchone()
        found.append((int(row[0]), int(row[1])) if row else (0, 0))
    (end_users, end_users_nano), (tags, tags_nano) = found
    return Active(end_users, end_users_nano, tags, tags_nano)


async def _count_labelled(connection: Connection, question: Question, plan: Plan, *, most: int) -> int:
    """How many sums by label are kept of what would be read; of more than ``most``, one more than that."""
    chosen = [name for name in LABEL_DIMENSIONS if name in question.where]
    where = "".join(f" AND r.{name} = ANY (%({name})s)" for name in chosen)
    days, quarters = plan.days, plan.quarters
    parameters: dict[str, Any] = {
        "organization_id": question.organization_id,
        "most": most + 1,
        "days_from": min((one.from_on for one in days), default=None),
        "days_until": max((one.until_on for one in days), default=None),
        "quarters_from": [one.from_at for one in quarters],
        "quarters_until": [one.until_at for one in quarters],
        **{name: list(question.where[name]) for name in chosen},
    }
    row = await (await connection.execute(_COUNT_LABELLED.format(where=where), parameters)).fetchone()
    return int(row[0]) if row else 0


def make_statement(question: Question) -> tuple[LiteralString, Mapping[str, Any], tuple[str, ...]]:
    """The statement that answers a question, its parameters, and its columns after bucket and dimensions."""
    buckets = cut(snap(question.stretch), question.step)
    tables = _BY_LABEL if question.asks_labels else _WITHOUT_LABELS
    query, parameters = _compose(question, buckets, draw_up(buckets), COLUMNS, tables=tables)
    names = (*(_STORED.get(name, name) for name in COLUMNS if name != _REVERSED), _REVERSED)
    return query, parameters, names


def _choose(question: Question, only: frozenset[str]) -> tuple[str, ...]:
    """The sums to read, in the order of COLUMNS: those asked for, and what ranks groups."""
    ranking = {"tokens": TOKEN_CLASSES.keys(), "saved_nano": ()}.get(question.measure, (question.measure,))
    wanted = only | _ALWAYS | frozenset(ranking)
    return tuple(name for name in COLUMNS if name in wanted)


def _compose(
    question: Question,
    buckets: Buckets,
    plan: Plan,
    names: tuple[str, ...],
    *,
    tables: Mapping[str, LiteralString],
    told: Mapping[str, list[str]] = MappingProxyType({}),
) -> tuple[LiteralString, Mapping[str, Any]]:
    """The statement and its parameters; names in it come from tables of this package only."""
    dimensions = question.group_by
    stored = [_STORED.get(name, name) for name in names if name != _REVERSED]
    sources = _list_sources(question, stored, tables, told)
    total = ", ".join(f"whole_sum({name}) AS {name}" for name in (*stored, _REVERSED))
    kept = ", ".join((*stored, _REVERSED))
    grouped = "".join(f", {name}" for name in dimensions)
    ranked = "".join(_rank(question, name) for name in dimensions if name not in told)
    folding = _fold(dimensions, told, total) if ranked else ""
    query = f"""
        WITH sources AS ({sources}),
        cells AS MATERIALIZED (SELECT bucket{grouped}, {total} FROM sources GROUP BY bucket{grouped}){ranked}
        SELECT bucket{grouped}, {kept} FROM cells AS c
        WHERE (requests <> 0 OR list_nano <> 0 OR reversed_nano <> 0){folding}
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
        **{f"told_{name}": values for name, values in told.items()},
    }
    return query, parameters


def _list_sources(
    question: Question, stored: list[str], tables: Mapping[str, LiteralString], told: Mapping[str, list[str]]
) -> LiteralString:
    """The sums that make up the answer, by bucket and dimension, labels that are not told apart as None.

    What labels are asked of is everything as if it had none, less what has one, and that with its labels. The
    views say so row by row; where no label is chosen, what has one is read and added up once for both.
    """
    if tables is not _BY_LABEL or any(name in LABEL_DIMENSIONS for name in question.where):
        return _list_stored(question, stored, tables, {name: f"r.{name}" for name in question.group_by}, told)
    plain = {name: _NO_LABEL if name in LABEL_DIMENSIONS else f"r.{name}" for name in question.group_by}
    named = {name: f"r.{name}" for name in question.group_by}
    labels = [name for name in question.group_by if name in LABEL_DIMENSIONS]
    blank = _fold_labels(dict.fromkeys(labels, _NO_LABEL), told)
    dimensions = ", ".join(f"{'m' if name in labels else 'l'}.{name}" for name in question.group_by)
    return f"""
        {_list_stored(question, stored, _WITHOUT_LABELS, plain, told)}
        UNION ALL
        SELECT l.bucket, {dimensions}, {", ".join(f"m.sign * l.{name}" for name in (*stored, _REVERSED))}
        FROM ({_list_stored(question, stored, _LABELLED, named, told)}) AS l
        CROSS JOIN LATERAL (
            VALUES (1, {", ".join(f"l.{name}" for name in labels)}), (-1, {", ".join(blank.values())})
        ) AS m (sign, {", ".join(labels)})"""  # noqa: S608 - every name is one of ours


def _fold_labels(expressions: Mapping[str, str], told: Mapping[str, list[str]]) -> dict[str, str]:
    """Expressions of dimensions, with None for labels that are not told apart."""
    return {
        name: f"CASE WHEN {one} = ANY (%(told_{name})s) THEN {one} END" if name in told else one
        for name, one in expressions.items()
    }


def _list_stored(
    question: Question,
    stored: list[str],
    tables: Mapping[str, LiteralString],
    values: Mapping[str, str],
    told: Mapping[str, list[str]],
) -> LiteralString:
    """The sums of these tables; ``values`` says of what each dimension is read."""
    expressions = _fold_labels(values, told)
    grouping = [expressions[name] for name, one in values.items() if one != _NO_LABEL]
    return _SOURCES.format(
        dimensions=", ".join(f"r.{name}" for name in values) or "NULL AS nothing",
        sums=", ".join(f"r.{name}" for name in stored),
        summed=", ".join(f"whole_sum(r.{name}) AS {name}" for name in stored),
        told=", ".join(f"{one} AS {name}" for name, one in expressions.items()) or "NULL AS nothing",
        grouped=f"GROUP BY {', '.join(grouping)}" if grouping else "",
        signed=", ".join(f"counted.sign * r.{name}" for name in stored),
        # What went back to the lots that nobody paid for, they did not pay.
        undone=", ".join("-r.free_credit_nano" if name == "free_credit_nano" else "0" for name in stored),
        where="".join(f" AND r.{name} = ANY (%({name})s)" for name in question.where),
        **tables,
    )


def _rank(question: Question, name: str) -> str:
    """The values of a dimension that are told apart."""
    by = _RANKED.get(question.measure, f"sum({question.measure})")
    return f""",
        top_{name} AS (
            SELECT {name} AS value FROM cells GROUP BY {name} ORDER BY {by} DESC, {name} LIMIT %(limit)s
        )"""  # noqa: S608 - every name is one of ours


def _fold(dimensions: tuple[str, ...], told: Mapping[str, list[str]], total: str) -> LiteralString:
    """What comes after the cells that are told apart: the others, each with those of the same bucket.

    Cells that are told apart are single already, so only the others, mostly none, are added up once more.
    """
    ranked = [name for name in dimensions if name not in told]
    apart = " AND ".join(f"c.{name} IN (SELECT value FROM top_{name})" for name in ranked)  # noqa: S608 - as below
    folded = "".join(
        f", c.{name}"
        if name in told
        else f", CASE WHEN c.{name} IN (SELECT value FROM top_{name}) THEN c.{name} END"  # noqa: S608 - as below
        for name in dimensions
    )
    return f""" AND {apart}
        UNION ALL
        SELECT c.bucket{folded}, {total} FROM cells AS c WHERE NOT ({apart}) GROUP BY c.bucket{folded}
        HAVING bool_or(requests <> 0 OR list_nano <> 0 OR reversed_nano <> 0)"""  # noqa: S608 - names of ours
