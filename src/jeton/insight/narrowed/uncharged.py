"""Uncharged: how many requests ended otherwise than settled, in time and by what is noted of them.

They have no tokens that anybody paid for and no amount, which is not the same as zero: a report of them has
counts alone. What was released, unconfirmed or quarantined is in the log, request by request; what was sent
back at once was never held and is counted by the hour (UTC), by model and workspace.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, LiteralString

from jeton import clock
from jeton.db.pool import Connection
from jeton.insight.explore.question import Cell, Question, Report
from jeton.insight.explore.stretches import MINUTE, QUARTER, cut, snap
from jeton.insight.explore.sums import Sums

# What a state other than settled is called, in the order in which they are shown.
UNCHARGED: Mapping[str, str] = MappingProxyType(
    {
        "released": "Released",
        "unconfirmed": "Unconfirmed",
        "quarantined": "Quarantined",
        "refused": "Refused at once",
        "rate_limited": "Rate-limited",
    }
)
# Those that were never held: counted by the hour, and not in the log.
REFUSED = frozenset({"refused", "rate_limited"})
HOUR = timedelta(hours=1)

_HELD: Mapping[str, LiteralString] = MappingProxyType(
    {
        "model": "c.model",
        "workspace_id": "c.workspace_id",
        "key_id": "c.key_id",
        "end_user": "c.end_user",
        "tag": "c.tag",
    }
)
_SENT_BACK: Mapping[str, LiteralString] = MappingProxyType(
    {"model": "c.model", "workspace_id": "c.workspace_id"}
)
_OURS: LiteralString = "c.organization_id = %(organization_id)s"
# Says that it is not settled, beside which state it is in, because the index is of those.
_IN_RANGE: LiteralString = f"""
    {_OURS} AND c.held_at >= %(starts_at)s AND c.held_at < %(ends_at)s AND c.state <> 'settled'
"""
_HOURS: LiteralString = f"{_OURS} AND c.hour_at > %(after_at)s AND c.hour_at < %(ends_at)s"
_COUNT: LiteralString = """
    SELECT width_bucket(c.held_at, %(cuts)s::timestamptz[]) - 1 AS bucket{dimensions}, count(*)
    FROM charges AS c WHERE {range} AND c.state = %(state)s {where}
    GROUP BY bucket{dimensions} ORDER BY bucket{dimensions}
"""
_COUNT_REFUSED: LiteralString = """
    SELECT width_bucket(greatest(c.hour_at, %(starts_at)s), %(cuts)s::timestamptz[]) - 1 AS bucket
           {dimensions}, sum(c.requests)::bigint
    FROM refusal_rollups AS c
    WHERE {range} AND %(state)s IN ('refused', c.error_code) {where}
    GROUP BY bucket{dimensions} ORDER BY bucket{dimensions}
"""
_BY_STATE: LiteralString = """
    SELECT c.state, count(*) FROM charges AS c WHERE {range} {where} GROUP BY c.state
"""
_BY_CODE: LiteralString = """
    SELECT c.error_code, sum(c.requests)::bigint FROM refusal_rollups AS c
    WHERE {range} {where} GROUP BY c.error_code
"""


@dataclass(frozen=True, slots=True)
class Endings:
    """How many requests of a question ended in each state of UNCHARGED; None where that is not noted."""

    by_state: Mapping[str, int | None]


def list_noted(state: str) -> frozenset[str]:
    """The dimensions that are noted of requests of a state."""
    return frozenset(_SENT_BACK if state in REFUSED else _HELD)


async def explore_uncharged(connection: Connection, question: Question, *, state: str) -> Report:
    """Requests that ended in a state of UNCHARGED; the question asks for what ``list_noted`` has only.

    Those sent back count in the bucket in which their hour begins. Raises InvalidStepError.
    """
    as_of = clock.now()
    buckets = cut(snap(question.stretch, MINUTE if question.step == "1m" else QUARTER), question.step)
    is_refused = state in REFUSED
    names = _SENT_BACK if is_refused else _HELD
    query = (_COUNT_REFUSED if is_refused else _COUNT).format(
        dimensions="".join(f", {names[name]}" for name in question.group_by),
        range=_HOURS if is_refused else _IN_RANGE,
        where=_filter(question, names),
    )
    parameters = {**_values(question), "cuts": list(buckets.cuts), "state": state}
    parameters |= {"starts_at": buckets.cuts[0], "ends_at": buckets.cuts[-1]}
    rows = await (await connection.execute(query, parameters)).fetchall()
    return Report(
        question,
        as_of,
        buckets,
        tuple(_fold(rows, question)),
        columns=("requests",),
        narrowed_to={"state": state},
    )


async def count_endings(connection: Connection, question: Question) -> Endings:
    """How many requests of the question's stretch and filters ended in each state of UNCHARGED."""
    by_state: dict[str, int | None] = dict.fromkeys(UNCHARGED)
    asked = question.where.keys()
    if asked <= _HELD.keys():
        query = _BY_STATE.format(range=_IN_RANGE, where=_filter(question, _HELD))
        found: dict[str, int] = dict(await (await connection.execute(query, _values(question))).fetchall())
        by_state |= {state: found.get(state, 0) for state in UNCHARGED if state not in REFUSED}
    if asked <= _SENT_BACK.keys():
        query = _BY_CODE.format(range=_HOURS, where=_filter(question, _SENT_BACK))
        codes: dict[str, int] = dict(await (await connection.execute(query, _values(question))).fetchall())
        by_state |= {"refused": sum(codes.values()), "rate_limited": codes.get("rate_limited", 0)}
    return Endings(by_state)


def _filter(question: Question, names: Mapping[str, LiteralString]) -> str:
    return "".join(f" AND {names[name]} = ANY (%({name})s)" for name in question.where)


def _values(question: Question) -> dict[str, Any]:
    return {
        "organization_id": question.organization_id,
        "starts_at": question.stretch.starts_at,
        "ends_at": question.stretch.ends_at,
        "after_at": question.stretch.starts_at - HOUR,
        **{name: list(values) for name, values in question.where.items()},
    }


def _fold(rows: Sequence[tuple[Any, ...]], question: Question) -> list[Cell]:
    """Cells in the order of time: of each dimension the largest values, the rest as others."""
    kept = []
    for place in range(len(question.group_by)):
        counted: Counter[str] = Counter()
        for row in rows:
            counted[row[1 + place]] += row[-1]
        largest = sorted(counted, key=lambda value: (-counted[value], value))
        kept.append(frozenset(largest[: question.limit]))
    cells: dict[tuple[int, tuple[str | None, ...]], int] = {}
    for row in rows:
        group = tuple(value if value in kept[place] else None for place, value in enumerate(row[1:-1]))
        cells[row[0], group] = cells.get((row[0], group), 0) + row[-1]
    return [Cell(bucket, group, Sums(requests=count)) for (bucket, group), count in cells.items()]
